package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// Process gives the records to a processor. Each task gets one from supply,
// which is called a few times more when the topology is built. stores are the
// handles that the processor opens with their In; a handle that is given to
// several operators is one store that they share. What needs keys in place
// behind it repartitions: use ProcessValues where the key stays.
func (s *KStream[K, V]) Process[K2, V2 any, P topology.Processor[K, V, K2, V2]](supply func() P, stores ...state.Spec) *KStream[K2, V2] {
	out := keyed[K, V, K2, V2](s, "Process", "KSTREAM-PROCESSOR-", nil)
	out.step.KeyChanging = false // as for Kafka Streams, whose merged repartitions stay behind processors
	s.b.Supplied(out.step, topology.Supply[K, V, K2, V2](supply), stores)
	return out
}

// ProcessValues gives the records to a processor that can't change keys, so
// that nothing has to be repartitioned behind it. See [KStream.Process].
func (s *KStream[K, V]) ProcessValues[V2 any, P topology.ValueProcessor[K, V, V2]](supply func() P, stores ...state.Spec) *KStream[K, V2] {
	out := valued[K, V, V2](s, "ProcessValues", "KSTREAM-PROCESSVALUES-", nil)
	s.b.Supplied(out.step, topology.SupplyValues[K, V, V2](supply), stores)
	return out
}

// Node returns the node of the stream, to put nodes by hand behind it. They
// are written behind all operators. See [Builder.Nodes].
func (s *KStream[K, V]) Node() topology.Node[K, V] {
	step := s.step
	return topology.NodeOf[K, V](s.b.Nodes(), func() *graph.Node { return step.Out })
}

// Nodes returns the builder of nodes by hand, which become a part of the
// topology. Its own Build is not to be called. A handle of a store that is used
// on both sides is one store.
func (b *Builder) Nodes() *topology.Builder { return b.b.Nodes() }

// GlobalStore is a store that every instance keeps whole. See [Builder.GlobalStore].
type GlobalStore struct {
	b    *dsl.Builder
	step *dsl.Step
}

// GlobalStore adds a store that every instance of the app keeps whole, and the
// processor that fills it from a topic. Any other processor may read it, without
// being given the handle. The topic serves as its changelog. The processor can
// neither forward nor schedule.
func (b *Builder) GlobalStore[K, V, K2, V2 any, P topology.Processor[K, V, K2, V2]](store state.Spec, t topology.Topic[K, V], supply func() P) *GlobalStore {
	source := dsl.ReadTopics(b.b, "GlobalStore", t)
	if src, _ := t.Source(); src.Pattern != nil {
		b.b.Fail(source.Place, source.Op, "a topic pattern can't fill a store")
	}
	return &GlobalStore{b.b, b.b.GlobalStep(source, store, t.Name(), topology.Supply[K, V, K2, V2](supply))}
}

// Named names the processor, and the source with "-source" behind the name.
func (g *GlobalStore) Named(name string) *GlobalStore {
	g.step.Given = name
	if name == "" {
		g.b.Fail(dsl.Place(), "Named", "the name is empty")
	}
	return g
}
