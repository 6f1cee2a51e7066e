package stream

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/describe"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/topology"
)

// asyncAPI describes the topics that the app shares with others.
func (p *program) asyncAPI(t *topology.Topology) (string, error) {
	c, err := p.ready()
	if err != nil {
		return "", err
	}
	version := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = orUnknown(info.Main.Version)
	}
	text, err := describe.AsyncAPI(describe.API{App: c.ID, Version: version, Brokers: c.Brokers, Topics: sharedTopics(t.Graph())})
	return string(text), err
}

// sharedTopics are the topics of a topology that are not internal, by name.
func sharedTopics(g *graph.Topology) []describe.APITopic {
	type key struct {
		name string
		open bool
	}
	topics := make(map[key]*describe.APITopic)
	topic := func(name string, open bool, f graph.Forms) *describe.APITopic {
		t := topics[key{name, open}]
		if t == nil {
			t = &describe.APITopic{Name: name, Open: open, Key: describe.Schema(f.Key), Value: describe.Schema(f.Value)}
			topics[key{name, open}] = t
		}
		return t
	}
	for _, n := range g.Nodes {
		switch {
		case n.Source != nil && n.Source.Pattern != nil:
			topic(n.Source.Pattern.String(), true, n.Source.Forms).Reads = true
		case n.Source != nil:
			for _, t := range n.Source.Topics {
				if !t.Internal {
					topic(t.Name, false, n.Source.Forms).Reads = true
				}
			}
		case n.Sink != nil && n.Sink.Dynamic != "":
			topic(n.Sink.Dynamic, true, n.Sink.Forms).Writes = true
		case n.Sink != nil && !n.Sink.Topic.Internal:
			topic(n.Sink.Topic.Name, false, n.Sink.Forms).Writes = true
		}
	}
	var all []describe.APITopic
	for _, t := range topics {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b describe.APITopic) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(len(a.Key.Text), len(b.Key.Text)))
	})
	return all
}
