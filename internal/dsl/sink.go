package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/topology"
)

// WriteTo adds the step that writes a stream to a topic.
func WriteTo[K, V any](b *Builder, parent *Step, t topology.Topic[K, V]) *Step {
	s := &Step{Op: "To", Prefix: "KSTREAM-SINK-", Parents: []*Step{parent}, Place: Place()}
	if p := t.Problem(false); p != "" {
		b.Fail(s.Place, s.Op, "%s", p)
	} else if p := graph.NameProblem("topic", t.Name()); p != "" && t.Dynamic() == "" {
		b.Fail(s.Place, s.Op, "%s", p)
	}
	s.Write = func(s *Step, w *Writer) {
		spec := t.Sink()
		s.Out = w.Add(&graph.Node{Name: s.Node, Kind: graph.SinkNode, Place: s.Place, Op: s.Op,
			Sink: t.Target(), Keyless: spec.Keyless(),
			Bind: op.Sink(spec)}, Outs(s.Parents)...)
	}
	return b.Add(s)
}
