package stream

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/ottla-streams/ottla/internal/describe"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/topology"
)

// describe prints the topology in one of several forms.
func (p *program) describe() func(context.Context) error {
	form := p.flags.String("o", "text", "`form`: text, json, dot, mermaid or asyncapi")
	old := p.flags.String("diff", "", "`file` of an earlier describe -o json: print what changes for its state instead, and fail if some is lost")
	return func(context.Context) error {
		if *old != "" {
			return p.compare(*old)
		}
		render := map[string]func(t *topology.Topology) (string, error){
			"text":    func(t *topology.Topology) (string, error) { return t.Describe(), nil },
			"dot":     func(t *topology.Topology) (string, error) { return t.DOT(), nil },
			"mermaid": func(t *topology.Topology) (string, error) { return t.Mermaid(), nil },
			"json": func(t *topology.Topology) (string, error) {
				text, err := t.JSON()
				return string(text), err
			},
			"asyncapi": p.asyncAPI,
		}[*form]
		if render == nil {
			return misuse{fmt.Errorf("describe: form %q is unknown: want text, json, dot, mermaid or asyncapi", *form)}
		}
		t, err := p.build()
		if err != nil {
			return err
		}
		text, err := render(t)
		if err != nil {
			return err
		}
		_, err = io.WriteString(p.stdout, text)
		return err
	}
}

// compare prints what becomes of the state of an earlier topology.
func (p *program) compare(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("describe: -diff: %w", err)
	}
	old, err := describe.ParseJSON(text)
	if err != nil {
		return fmt.Errorf("describe: -diff: %s: %w", file, err)
	}
	t, err := p.build()
	if err != nil {
		return err
	}
	loses := false
	for _, c := range describe.Compare(old, t.Graph().Describe()) {
		loses = loses || c.Loses()
		fmt.Fprintln(p.stdout, c)
	}
	if loses {
		return fmt.Errorf("describe: -diff: state of the topology in %s would be lost", file)
	}
	return nil
}

// topics prints what the app creates and needs. It asks no broker.
func (p *program) topics() func(context.Context) error {
	return func(context.Context) error {
		built, err := p.build()
		if err != nil {
			return err
		}
		c, err := p.ready()
		if err != nil {
			return err
		}
		t := built.Graph()
		fmt.Fprintf(p.stdout, "internal topics of app %s:\n", c.ID)
		none := true
		for _, it := range t.InternalTopics(c.topicSettings()) {
			if it.Topic.Internal {
				none = false
				p.writeTopic(t, c.ID, it)
			}
		}
		if none {
			fmt.Fprintln(p.stdout, "\nnone")
		}
		fmt.Fprintf(p.stdout, "\nrights that its user needs:\n\n")
		for _, right := range topics.Rights(t, c.ID, c.Guarantee == ExactlyOnce) {
			fmt.Fprintln(p.stdout, right)
		}
		return nil
	}
}

func (p *program) writeTopic(t *graph.Topology, app string, it graph.InternalTopic) {
	fmt.Fprintf(p.stdout, "\n%s\n  %s of sub-topology %d, %s\n", it.Topic.Full(app), it.Kind, it.Subtopology, topics.Rule(t, app, it))
	for _, key := range slices.Sorted(maps.Keys(it.Settings)) {
		fmt.Fprintf(p.stdout, "  %s=%s\n", key, it.Settings[key])
	}
}
