package stream

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/topology"
)

// describe prints the topology in one of several forms.
func (p *program) describe() func(context.Context) error {
	form := p.flags.String("o", "text", "`form`: text, json, dot or mermaid")
	return func(context.Context) error {
		render := map[string]func(t *topology.Topology) (string, error){
			"text":    func(t *topology.Topology) (string, error) { return t.Describe(), nil },
			"dot":     func(t *topology.Topology) (string, error) { return t.DOT(), nil },
			"mermaid": func(t *topology.Topology) (string, error) { return t.Mermaid(), nil },
			"json": func(t *topology.Topology) (string, error) {
				text, err := t.JSON()
				return string(text), err
			},
		}[*form]
		if render == nil {
			return misuse{fmt.Errorf("describe: form %q is unknown: want text, json, dot or mermaid", *form)}
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
		for _, it := range t.InternalTopics(graph.TopicSettings{Defaults: c.TopicSettings}) {
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
