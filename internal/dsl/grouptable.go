package dsl

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// GroupedTable is a table on its way into an aggregate.
type GroupedTable[K, V any] struct {
	B      *Builder
	Select *Step
	Key    serde.Serde[K] // nil if not known
	Value  serde.Serde[V]
	shared *Step                // the repartition of the groups, if it has a name
	keys   func(serde.Serde[K]) // tells the step the keys' serde
}

// GroupTable adds the step that sends the rows of a table to their groups.
func GroupTable[K, V, K2, V2 any](r *Rows[K, V], f func(K, V) (K2, V2)) *GroupedTable[K2, V2] {
	r.B.Need("GroupBy", "f", f != nil)
	r.NeedOld(true)
	spec := op.TableGroupSpec[K, V, K2, V2]{Select: f, Apart: r.B.LegacyGroupFormats}
	s := r.B.Add(&Step{Op: "GroupBy", Prefix: "KTABLE-SELECT-", Parents: []*Step{r.Step}, Write: func(s *Step, w *Writer) {
		w.Processor(s, s.Node, op.TableGroup(spec))
	}})
	keys := func(k serde.Serde[K2]) { spec.Key = k }
	return &GroupedTable[K2, V2]{B: r.B, Select: s, Key: Same[K, K2](r.Key), Value: Same[V, V2](r.Value), keys: keys}
}

// TableAggregation is an aggregate of a grouped table.
type TableAggregation[K, V, A any] struct {
	Op, Prefix string
	Init       func() A
	First      func(V) A
	Add        func(K, V, A) A
	Subtract   func(K, V, A) A
}

// AggregateTable adds the steps of an aggregate: the repartition topic, which
// aggregates of named groups share, and the node.
func AggregateTable[K, V, A any](g *GroupedTable[K, V], a TableAggregation[K, V, A], spec state.TableSpec[K, A]) *Table[K, A] {
	b := g.B
	spec = Handle[state.TableSpec[K, A]](b, a.Op, spec, state.KeyValue[K, A]("", nil, nil))
	final := &Step{Op: a.Op, Place: graph.Place()}
	st := b.Own(spec, final)
	key := KeySerdeOf[K, A](spec)
	if g.Key != nil {
		key = g.Key
	}
	g.keys(key)
	var sink, source string
	b.Add(&Step{Op: a.Op, Place: final.Place, Number: func(_ *Step, c *Counter) {
		if st.AutoNamed {
			st.Name = c.Store("KTABLE-AGGREGATE-")
		}
		sink, source = c.Name("KSTREAM-SINK-"), c.Name("KSTREAM-SOURCE-")
		if final.Given != "" {
			sink, source = final.Given+"-sink", final.Given+"-source"
		}
		final.Node = c.Or(final.Given, a.Prefix)
	}})
	parent := g.repartition(final, key, func() (string, string, string) {
		if g.Select.Given != "" {
			return g.Select.Given, sink, source
		}
		return st.Name, sink, source
	})
	final.Parents = []*Step{parent}
	final.Number = func(*Step, *Counter) {}
	sendOld := false
	final.Write = func(s *Step, w *Writer) {
		w.Processor(s, s.Node, op.TableAggregate(op.TableAggregateSpec[K, V, A]{
			Store: st, Key: KeySerdeOf[K, A](spec), Init: a.Init, First: a.First, Add: a.Add, Subtract: a.Subtract,
			SendOld: func() bool { return sendOld },
		}), st)
	}
	b.Add(final)
	r := &Rows[K, A]{B: b, Step: final, Key: KeySerdeOf[K, A](spec), Value: ValueSerdeOf[K, A](spec), Sources: []*Step{parent}, GraceMillis: -1}
	StoreTable(r, spec, func() string { return st.Name })
	r.Store, r.Named = st, !st.AutoNamed
	r.NeedOld = func(bool) bool { sendOld = true; return true }
	return Wrap(r)
}

// repartition adds the topic in front of an aggregate, or returns the one that
// groups with a name have already. names gives the topic's name without its
// suffix and those of the nodes.
func (g *GroupedTable[K, V]) repartition(by *Step, key serde.Serde[K], names func() (topic, sink, source string)) *Step {
	if g.shared != nil && g.Select.Given != "" {
		return g.shared
	}
	value := Serde(g.B, g.Value, by.Place, by.Op, "values")
	if value == nil {
		return g.Select
	}
	changes := op.Changes(value)
	s := g.B.Add(&Step{Op: by.Op, Place: by.Place, Parents: []*Step{g.Select}, Number: func(*Step, *Counter) {}})
	s.Write = func(s *Step, w *Writer) {
		name, sink, source := names()
		topic := graph.Topic{Name: name + "-repartition", Internal: true}
		w.AddRepartition(&graph.Repartition{Name: topic.Name, Place: s.Place})
		w.Add(&graph.Node{Name: sink, Kind: graph.SinkNode, Place: s.Place, Op: s.Op, Sink: &graph.Sink{Topic: topic},
			Bind: op.Sink(op.SinkSpec[K, flow.Change[V]]{Topic: topic, Key: key, Value: changes, AtCommit: true})}, Outs(s.Parents)...)
		s.Out = w.Add(&graph.Node{Name: source, Kind: graph.SourceNode, Place: s.Place, Op: s.Op,
			Source: &graph.Source{Topics: []graph.Topic{topic}, Reset: graph.Reset{Kind: graph.ResetEarliest}},
			Bind:   op.Source(key, changes, nil)})
	}
	g.shared = s
	return s
}
