package topology

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/state"
)

// Node is a node of a [Builder], or several of them, to put others behind: it
// sends records with keys K and values V. A Node is a value. The zero Node has
// no builder and is not usable.
type Node[K, V any] struct {
	b    *Builder
	from []*made
}

// made is a node once it is written. It stays nil after a mistake, which was
// told by then.
type made struct {
	node *graph.Node
	find func() *graph.Node // of a node that another builder writes
}

// NodeOf returns the Node of what another builder writes before b. It is for
// builders.
func NodeOf[K, V any](b *Builder, find func() *graph.Node) Node[K, V] {
	return Node[K, V]{b, []*made{{find: find}}}
}

// parents returns the written nodes. ok is unset if one of them is missing
// because of a mistake.
func parents(from []*made) (nodes []*graph.Node, ok bool) {
	for _, m := range from {
		n := m.node
		if m.find != nil {
			n = m.find()
		}
		if n == nil {
			return nil, false
		}
		nodes = append(nodes, n)
	}
	return nodes, true
}

// Process adds a processor behind the node. Each task gets one from supply,
// which is called a few times more when the topology is built. stores are the
// handles that the processor opens with their In; a handle that is given to
// several nodes is one store that they share.
func (n Node[K, V]) Process[K2, V2 any, P Processor[K, V, K2, V2]](name string, supply func() P, stores ...state.Spec) Node[K2, V2] {
	m := n.b.processor(n.from, "Process", name, Supply[K, V, K2, V2](supply), sentOf[K2, V2](), stores)
	return Node[K2, V2]{n.b, []*made{m}}
}

// ProcessValues adds a processor that can't change keys. See [Node.Process].
func (n Node[K, V]) ProcessValues[V2 any, P ValueProcessor[K, V, V2]](name string, supply func() P, stores ...state.Spec) Node[K, V2] {
	m := n.b.processor(n.from, "ProcessValues", name, SupplyValues[K, V, V2](supply), sentOf[K, V2](), stores)
	return Node[K, V2]{n.b, []*made{m}}
}

func (b *Builder) processor(from []*made, op, name string, s Supplied, sends sent, specs []state.Spec) *made {
	m := &made{}
	place, used := graph.Place(), b.storesOf(specs)
	b.steps = append(b.steps, func(w *writer) {
		if p := s.Problem(); p != "" {
			w.Fail(place, op, "%s", p)
		}
		behind, ok := parents(from)
		if !ok {
			return
		}
		m.node = w.Add(&graph.Node{Name: name, Kind: graph.ProcessorNode, Place: place, Op: op, Bind: s.Bind}, behind...)
		w.sends[m.node] = sends
		for _, st := range used {
			w.connect(m.node, place, op, st)
		}
	})
	return m
}

// To adds a node that writes the records to a topic.
func (n Node[K, V]) To(name string, t Topic[K, V]) {
	place := graph.Place()
	n.b.steps = append(n.b.steps, func(w *writer) {
		if p := t.Problem(false); p != "" {
			w.Fail(place, "To", "%s", p)
		} else if p := graph.NameProblem("topic", t.Name()); p != "" && t.Dynamic() == "" {
			w.Fail(place, "To", "%s", p)
		}
		behind, ok := parents(n.from)
		if !ok {
			return
		}
		spec := t.Sink()
		w.Add(&graph.Node{
			Name: name, Kind: graph.SinkNode, Place: place, Op: "To", Bind: op.Sink(spec),
			Sink: t.Target(), Keyless: spec.Keyless(),
		}, behind...)
	})
}
