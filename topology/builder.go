package topology

import (
	"reflect"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state"
)

// Builder builds a topology node by node: the Processor API. Package stream's
// Builder builds one of streams and tables and takes nodes by hand as well.
//
// Every node has a name, unique in the topology. Mistakes are kept until Build,
// which returns all of them. The zero Builder is not usable: call [NewBuilder].
// It is not safe for concurrent use.
type Builder struct {
	steps  []func(w *writer)
	stores map[state.Spec]*graph.Store
	use    func(state.Spec) *graph.Store
	part   bool // of another builder, which does the writing
	wrap   Wrapper
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	b := &Builder{stores: make(map[state.Spec]*graph.Store)}
	b.use = func(spec state.Spec) *graph.Store {
		st := b.stores[spec]
		if st == nil {
			st = spec.Define()
			b.stores[spec] = st
		}
		return st
	}
	return b
}

// Part returns a Builder of nodes that are a part of another builder's
// topology: use gives its stores. It is for builders.
func Part(use func(state.Spec) *graph.Store) *Builder { return &Builder{use: use, part: true} }

// Build checks what was built. The error is a [BuildError] with all mistakes,
// each with its file:line.
func (b *Builder) Build() (*Topology, error) {
	g := graph.NewBuilder()
	if b.part {
		g.Fail(graph.Place(), "Build", "these nodes are a part of a stream.Builder: build that")
	}
	for _, st := range b.stores {
		st.Nodes = nil // of an earlier Build
	}
	b.Write(g)
	WrapNodes(g, b.wrap, b.use)
	return Build(g)
}

// Write adds the nodes to a graph. It is for builders.
func (b *Builder) Write(g *graph.Builder) {
	w := &writer{Builder: g, sends: make(map[*graph.Node]sent)}
	for _, step := range b.steps {
		step(w)
	}
}

// writer is the graph that steps write themselves to.
type writer struct {
	*graph.Builder
	sends map[*graph.Node]sent
}

// sent is what a node sends, as far as it was made by hand.
type sent struct{ key, value reflect.Type }

func sentOf[K, V any]() sent { return sent{reflect.TypeFor[K](), reflect.TypeFor[V]()} }

func (s sent) String() string { return s.key.String() + " keys and " + s.value.String() + " values" }

// connect gives a node the store of a handle. Global stores need no connection.
func (w *writer) connect(n *graph.Node, place, op string, st *graph.Store) {
	switch {
	case st == nil:
		w.Fail(place, op, "a store handle is nil")
	case !st.Global:
		w.Connect(n, w.AddStore(st))
	}
}

// storesOf returns the stores of handles, nil for a nil one.
func (b *Builder) storesOf(specs []state.Spec) []*graph.Store {
	stores := make([]*graph.Store, len(specs))
	for i, spec := range specs {
		if !isNil(spec) {
			stores[i] = b.use(spec)
		}
	}
	return stores
}

// Connect gives the processor node of a name access to more stores. Nodes that
// share a store run in the same tasks. Stores given to Process are connected
// already.
func (b *Builder) Connect(node string, stores ...state.Spec) {
	place, used := graph.Place(), b.storesOf(stores)
	b.steps = append(b.steps, func(w *writer) {
		n := w.Node(node)
		if n == nil {
			w.Fail(place, "Connect", "node %q is not there, or added later", node)
			return
		}
		for _, st := range used {
			w.connect(n, place, "Connect", st)
		}
	})
}

// Source adds a node that reads a topic, the topics of a pattern, or several topics.
func (b *Builder) Source[K, V any](name string, t Topic[K, V], more ...Topic[K, V]) Node[K, V] {
	return source(b, "Source", name, append([]Topic[K, V]{t}, more...))
}

func source[K, V any](b *Builder, op, name string, topics []Topic[K, V]) Node[K, V] {
	m := &made{}
	place := graph.Place()
	b.steps = append(b.steps, func(w *writer) {
		src, bind := topics[0].Source()
		for i, t := range topics {
			if p := t.Problem(true); p != "" {
				w.Fail(place, op, "%s", p)
			}
			if i == 0 {
				continue
			}
			other, _ := t.Source()
			if other.Pattern != nil || src.Pattern != nil {
				w.Fail(place, op, "a topic pattern can't be read together with other topics")
			}
			src.Topics = append(src.Topics, other.Topics...)
		}
		m.node = w.Add(&graph.Node{Name: name, Kind: graph.SourceNode, Place: place, Op: op, Source: src, Bind: bind})
		w.sends[m.node] = sentOf[K, V]()
	})
	return Node[K, V]{b, []*made{m}}
}

// Merge returns a handle of several nodes: what is put behind it has all of
// them as parents. It adds no node.
func (b *Builder) Merge[K, V any](nodes ...Node[K, V]) Node[K, V] {
	place := graph.Place()
	all := Node[K, V]{b: b}
	for _, n := range nodes {
		if n.b != b {
			b.fail(place, "Merge", "a node of another builder")
			all.from = append(all.from, &made{})
			continue
		}
		all.from = append(all.from, n.from...)
	}
	return all
}

// Node returns the handle of a node by its name, to attach to a node that was
// added before, also one of a stream.Builder's operators. Types other than the
// node sends are told by Build where the node was added by hand, else when the
// topology starts.
func (b *Builder) Node[K, V any](name string) Node[K, V] {
	m := &made{}
	place := graph.Place()
	b.steps = append(b.steps, func(w *writer) {
		n := w.Builder.Node(name)
		if n == nil {
			w.Fail(place, "Node", "node %q is not there, or added later", name)
			return
		}
		if has, ok := w.sends[n]; ok && has != sentOf[K, V]() {
			w.Fail(place, "Node", "node %q sends %s, not %s", name, has, sentOf[K, V]())
			return
		}
		m.node = n
	})
	return Node[K, V]{b, []*made{m}}
}

func (b *Builder) fail(place, op, format string, args ...any) {
	b.steps = append(b.steps, func(w *writer) { w.Fail(place, op, format, args...) })
}
