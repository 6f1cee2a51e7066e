package topology

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state"
)

// GlobalStore adds a store that every instance of the app keeps whole, and the
// processor that fills it from a topic. Any other processor may read it, without
// being connected. The topic serves as its changelog. The processor can neither
// forward nor schedule.
func (b *Builder) GlobalStore[K, V, K2, V2 any, P Processor[K, V, K2, V2]](store state.Spec, source string, t Topic[K, V], name string, supply func() P) {
	b.filled("GlobalStore", store, func(st *graph.Store) []*made {
		st.Global, st.Logged, st.LogConfig = true, false, nil
		return readInto(b, "GlobalStore", source, t, st)
	}, name, Supply[K, V, K2, V2](supply), sentOf[K2, V2]())
}

// ReadOnlyStore adds a store whose changelog is the topic that its processor
// fills it from: it gets no changelog topic of its own. The processor has to
// put the topic's records into the store as they are, since a restore does the
// same without it. (KIP-813)
func (b *Builder) ReadOnlyStore[K, V, K2, V2 any, P Processor[K, V, K2, V2]](store state.Spec, source string, t Topic[K, V], name string, supply func() P) Node[K2, V2] {
	m := b.filled("ReadOnlyStore", store, func(st *graph.Store) []*made {
		st.Logged, st.LogConfig = true, nil
		return readInto(b, "ReadOnlyStore", source, t, st)
	}, name, Supply[K, V, K2, V2](supply), sentOf[K2, V2]())
	return Node[K2, V2]{b, []*made{m}}
}

// filled adds a store, what fill reads it from, and the processor between.
func (b *Builder) filled(op string, store state.Spec, fill func(*graph.Store) []*made, name string, s Supplied, sends sent) *made {
	place := graph.Place()
	if isNil(store) {
		b.fail(place, op, "the store handle is nil")
		return &made{}
	}
	st := b.use(store)
	m := b.processor(fill(st), op, name, s, sends, nil)
	b.steps = append(b.steps, func(w *writer) {
		if m.node == nil {
			return
		}
		w.Connect(m.node, w.AddStore(st))
		if st.Global {
			st.Nodes = append(st.Nodes, m.node)
		}
	})
	return m
}

// readInto adds the source of a store, whose topic is the store's changelog.
func readInto[K, V any](b *Builder, op, name string, t Topic[K, V], st *graph.Store) []*made {
	if t.pattern == nil {
		st.SourceTopic = &graph.Topic{Name: t.name}
	} else {
		b.fail(graph.Place(), op, "a topic pattern can't fill a store")
	}
	return source(b, op, name, []Topic[K, V]{t}).from
}
