package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
)

// KGroupedStream is a stream by key, on its way into an aggregate.
type KGroupedStream[K, V any] struct {
	s      *KStream[K, V]
	named  string
	sel    *dsl.Step // the select-key step of GroupBy
	shared *dsl.Step // the repartition that aggregates share, if it has a name
}

// GroupByKey groups records by their key. It repartitions only if the key may
// have changed before.
func (s *KStream[K, V]) GroupByKey() *KGroupedStream[K, V] { return &KGroupedStream[K, V]{s: s} }

// GroupBy groups records by a new key. It always repartitions.
func (s *KStream[K, V]) GroupBy[K2 any](f func(K, V) K2) *KGroupedStream[K2, V] {
	s.b.Need("GroupBy", "f", f != nil)
	g := keyed[K, V, K2, V](s, "GroupBy", "KSTREAM-KEY-SELECT-", op.SelectKey(f))
	return &KGroupedStream[K2, V]{s: g, sel: g.step}
}

// Named names the repartition topic and the nodes around it.
func (g *KGroupedStream[K, V]) Named(name string) *KGroupedStream[K, V] {
	g.named = name
	if g.sel != nil {
		g.sel.Given = name
	}
	if name == "" {
		g.s.b.Fail(dsl.Place(), "Named", "the name is empty")
	}
	return g
}

// Serdes sets the serdes of keys and values on the way to the aggregate. A nil
// one stays as it is.
func (g *KGroupedStream[K, V]) Serdes(key serde.Serde[K], value serde.Serde[V]) *KGroupedStream[K, V] {
	c := *g
	c.s = g.s.Serdes(key, value)
	return &c
}

// Count counts the records of each key. Records with a null key or a null value
// are dropped.
func (g *KGroupedStream[K, V]) Count[S state.TableSpec[K, int64]](store S) *table.KTable[K, int64] {
	a := aggregation[K, V, int64]{op: "Count", prefix: "KSTREAM-AGGREGATE-", keyOnly: true}
	a.init = func() int64 { return 0 }
	a.add = func(_ K, _ V, n int64) int64 { return n + 1 }
	return aggregate(g, a, store)
}

// Reduce combines the values of each key. The first value becomes the result as
// it is. Records with a null key or a null value are dropped; a null result
// deletes.
func (g *KGroupedStream[K, V]) Reduce[S state.TableSpec[K, V]](f func(sum, v V) V, store S) *table.KTable[K, V] {
	g.s.b.Need("Reduce", "f", f != nil)
	a := aggregation[K, V, V]{op: "Reduce", prefix: "KSTREAM-REDUCE-"}
	a.first = func(v V) V { return v }
	a.add = func(_ K, v, sum V) V { return f(sum, v) }
	return aggregate(g, a, store)
}

// Aggregate aggregates the values of each key, beginning with what init gives.
// Records with a null key or a null value are dropped; a null result deletes,
// and the next record begins anew.
func (g *KGroupedStream[K, V]) Aggregate[A any, S state.TableSpec[K, A]](init func() A, add func(k K, v V, sum A) A, store S) *table.KTable[K, A] {
	g.s.b.Need("Aggregate", "init", init != nil)
	g.s.b.Need("Aggregate", "add", add != nil)
	return aggregate(g, aggregation[K, V, A]{op: "Aggregate", prefix: "KSTREAM-AGGREGATE-", init: init, add: add}, store)
}

type aggregation[K, V, A any] struct {
	op, prefix string
	init       func() A
	first      func(V) A
	add        func(K, V, A) A
	merge      func(K, A, A) A // of sessions
	nulls      bool            // null values count, of windows
	keyOnly    bool            // add does not look at values
}

// aggregate adds the steps of an aggregation by key.
func aggregate[K, V, A any](g *KGroupedStream[K, V], a aggregation[K, V, A], spec state.TableSpec[K, A]) *table.KTable[K, A] {
	spec = dsl.Handle[state.TableSpec[K, A]](g.s.b, a.op, spec, state.KeyValue[K, A]("", nil, nil))
	key := dsl.KeySerdeOf[K, A](spec)
	r := aggregated(g, aggregatedTable[K, K, A]{
		op: a.op, prefix: a.prefix, spec: spec, key: key, rows: key, value: dsl.ValueSerdeOf[K, A](spec), keyOnly: a.keyOnly,
		bind: func(st *graph.Store, sendOld func() bool) op.Bind {
			return op.Aggregate(op.AggregateSpec[K, V, A]{
				Store: st, Key: key, Init: a.init, First: a.first, Add: a.add, SendOld: sendOld,
			})
		},
	})
	return (*table.KTable[K, A])(dsl.Wrap(r))
}

// aggregatedTable is the table of an aggregation of records with keys of type
// K: its rows have keys of type R, which has a window in it or is the same.
type aggregatedTable[K, R, A any] struct {
	op, prefix string
	spec       state.Spec
	key        serde.Serde[K]
	rows       serde.Serde[R]
	value      serde.Serde[A]
	keyOnly    bool // bind's operator looks at keys only
	// settle settles what the operator decides of its store. It may be nil.
	settle func(final *dsl.Step, st *graph.Store)
	bind   func(st *graph.Store, sendOld func() bool) op.Bind
	// written does what is left behind the node. It may be nil.
	written func(s *dsl.Step, w *dsl.Writer)
}

// aggregated adds the steps of an aggregation: numbers first, then the
// repartition if the key may have changed, then the node.
func aggregated[K, V, R, A any](g *KGroupedStream[K, V], t aggregatedTable[K, R, A]) *dsl.Rows[R, A] {
	b := g.s.b
	final := &dsl.Step{Op: t.op, Place: dsl.Place()}
	st := b.Own(t.spec, final)
	if t.settle != nil {
		t.settle(final, st)
	}
	b.Add(&dsl.Step{Op: t.op, Place: final.Place, Number: func(s *dsl.Step, c *dsl.Counter) {
		if st.AutoNamed {
			st.Name = c.Store(t.prefix)
		}
		final.Node = c.Or(final.Given, t.prefix)
	}})
	parent, sources := g.placed(final, t.key, func() string { return st.Name })
	final.Parents = []*dsl.Step{parent}
	final.Number = func(*dsl.Step, *dsl.Counter) {}
	sendOld := false
	final.Write = func(s *dsl.Step, w *dsl.Writer) {
		w.Processor(s, s.Node, t.bind(st, func() bool { return sendOld }), st).KeyOnly = t.keyOnly
		if t.written != nil {
			t.written(s, w)
		}
	}
	b.Add(final)
	r := &dsl.Rows[R, A]{B: b, Step: final, Key: t.rows, Value: t.value, Sources: sources, GraceMillis: -1}
	dsl.StoreTable(r, t.spec, func() string { return st.Name })
	r.Store, r.Named = st, !st.AutoNamed
	r.NeedOld = func(bool) bool { sendOld = true; return true }
	return r
}

// placed returns the step whose records are where their keys belong.
func (g *KGroupedStream[K, V]) placed(by *dsl.Step, key serde.Serde[K], store func() string) (*dsl.Step, []*dsl.Step) {
	s := g.s
	if !s.moved {
		return s.step, s.sources
	}
	if g.shared != nil {
		dsl.SkipRepartition(s.b, by)
		return g.shared, []*dsl.Step{g.shared}
	}
	if s.key != nil {
		key = s.key
	}
	value := dsl.Serde(s.b, s.value, by.Place, by.Op, "values")
	r := &dsl.RepartitionStep{Name: func() string {
		if g.named != "" {
			return g.named
		}
		return store()
	}}
	step := dsl.Repartitioned(s.b, by.Op, r, s.step, key, value, nil)
	step.Place = by.Place
	if g.named != "" {
		g.shared = step
	}
	return step, []*dsl.Step{step}
}
