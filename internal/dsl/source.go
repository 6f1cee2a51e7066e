package dsl

import (
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/topology"
)

// ReadTopics adds the step that reads topics. Steps that read the same topics
// share the first one's node.
func ReadTopics[K, V any](b *Builder, name string, t topology.Topic[K, V], more ...topology.Topic[K, V]) *Step {
	s := &Step{Op: name, Prefix: "KSTREAM-SOURCE-", Place: Place()}
	names := []string{}
	for _, t := range append([]topology.Topic[K, V]{t}, more...) {
		if p := t.Problem(true); p != "" {
			b.Fail(s.Place, name, "%s", p)
		}
		names = append(names, t.Name())
	}
	Register(b, t.KeySerde())
	Register(b, t.ValueSerde())
	src, bind := t.Source()
	for _, m := range more {
		other, _ := m.Source()
		src.Topics = append(src.Topics, other.Topics...)
	}
	id := sourceID(src, names)
	first := b.sources[id]
	if first == nil {
		first = s
		b.sources[id] = s
	}
	s.Write = func(s *Step, w *Writer) {
		if first != s {
			shareSource(first, s, src, w)
			return
		}
		s.Out = w.Add(&graph.Node{Name: s.Node, Kind: graph.SourceNode, Place: s.Place, Op: s.Op, Source: src, Bind: bind})
	}
	return b.Add(s)
}

func shareSource(first, s *Step, src *graph.Source, w *Writer) {
	s.Out = first.Out
	if first.Op != "Stream" || s.Op != "Stream" {
		w.Fail(s.Place, s.Op, "topic %q is read by %s at %s already", src.Topics[0].Name, first.Op, first.Place)
	}
	if first.Out.Source.Reset != src.Reset {
		w.Fail(s.Place, s.Op, "topic %q is read with another offset reset policy at %s", src.Topics[0].Name, first.Place)
	}
}

func sourceID(src *graph.Source, names []string) string {
	if src.Pattern != nil {
		return "pattern " + src.Pattern.String()
	}
	slices.Sort(names)
	return "topics " + strings.Join(slices.Compact(names), " ")
}
