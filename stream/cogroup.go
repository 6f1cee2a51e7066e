package stream

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/window"
)

// CogroupedKStream is several streams by key, on their way into one aggregate.
// The streams must have equal numbers of partitions. (KIP-150)
type CogroupedKStream[K, A any] struct {
	b      *dsl.Builder
	inputs []*cogroupInput[K, A]
}

// cogroupInput is one of the streams.
type cogroupInput[K, A any] struct {
	sources []*dsl.Step // before a repartition
	place   func(by *dsl.Step, key serde.Serde[K], store func() string) (*dsl.Step, []*dsl.Step)
	placed  *dsl.Step   // where its keys belong, once that was asked for
	from    []*dsl.Step // the sources behind the repartition

	byKey     func(st *graph.Store, key serde.Serde[K], init func() A) op.Bind
	byWindow  func(spec cogroupWindows[K, A]) op.Bind
	bySession func(spec cogroupSessions[K, A]) op.Bind
}

// Cogroup begins an aggregate of several streams, which differ in the types of
// their values: add takes the values of this one.
func (g *KGroupedStream[K, V]) Cogroup[A any](add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	return &CogroupedKStream[K, A]{g.s.b, []*cogroupInput[K, A]{cogroupOf(g, add)}}
}

// Cogroup adds another stream to the aggregate.
func (c *CogroupedKStream[K, A]) Cogroup[V any](g *KGroupedStream[K, V], add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	n := len(c.inputs)
	return &CogroupedKStream[K, A]{c.b, append(c.inputs[:n:n], cogroupOf(g, add))}
}

func cogroupOf[K, V, A any](g *KGroupedStream[K, V], add func(K, V, A) A) *cogroupInput[K, A] {
	return &cogroupInput[K, A]{
		sources: g.s.sources, place: g.placed,
		byKey: func(st *graph.Store, key serde.Serde[K], init func() A) op.Bind {
			return op.Aggregate(op.AggregateSpec[K, V, A]{Store: st, Key: key, Init: init, Add: add, Relay: true})
		},
		byWindow: func(s cogroupWindows[K, A]) op.Bind {
			return op.WindowAggregate(op.WindowSpec[K, V, A]{
				Store: s.store, Key: s.rows, Window: s.window, Init: s.init, Add: add, Relay: true,
			})
		},
		bySession: func(s cogroupSessions[K, A]) op.Bind {
			return op.SessionAggregate(op.SessionSpec[K, V, A]{
				Store: s.store, Key: s.rows, Window: s.window, Init: s.init, Add: add, Merge: s.merge, Relay: true,
			})
		},
	}
}

// settle returns the step whose records are where their keys belong. All
// aggregates of a cogrouped stream share it.
func (in *cogroupInput[K, A]) settle(b *dsl.Builder, by *dsl.Step, key serde.Serde[K], store func() string) {
	switch {
	case in.placed == nil:
		in.placed, in.from = in.place(by, key, store)
	case in.placed.Repartition != nil && !in.placed.Repartition.Operation:
		dsl.SkipRepartition(b, by)
	}
}

// Aggregate aggregates the values of each key over all streams, beginning with
// what init gives. Records with a null key or a null value are dropped; a null
// result deletes, and the next record begins anew.
func (c *CogroupedKStream[K, A]) Aggregate[S state.TableSpec[K, A]](init func() A, store S) *table.KTable[K, A] {
	key := dsl.KeySerdeOf[K, A](store)
	r := cogrouped(c, aggregatedTable[K, K, A]{spec: store, key: key, rows: key, value: dsl.ValueSerdeOf[K, A](store)},
		func(in *cogroupInput[K, A], st *graph.Store) op.Bind { return in.byKey(st, key, init) })
	return (*table.KTable[K, A])(dsl.Wrap(r))
}

// TimeWindowedCogroupedKStream is several streams by key and window, on their
// way into one aggregate.
type TimeWindowedCogroupedKStream[K, A any] struct {
	c *CogroupedKStream[K, A]
	w window.Window
}

type cogroupWindows[K, A any] struct {
	store  *graph.Store
	rows   serde.Serde[window.Key[K]]
	window window.Window
	init   func() A
}

// WindowedBy divides the records of each key by windows. Which records are late
// is judged for each of the streams by itself.
func (c *CogroupedKStream[K, A]) WindowedBy(w window.Window) *TimeWindowedCogroupedKStream[K, A] {
	return &TimeWindowedCogroupedKStream[K, A]{c, checkedWindow(c.b, w)}
}

// Aggregate aggregates the values of each key and window over all streams,
// beginning with what init gives. See [TimeWindowedKStream.Aggregate].
func (w *TimeWindowedCogroupedKStream[K, A]) Aggregate[S state.WindowTableSpec[K, A]](init func() A, store S) *table.KTable[window.Key[K], A] {
	b, key := w.c.b, serdesOf[K, A](store)
	rows := serde.TimeWindowedMillis(key.KeySerde(), w.w.SizeMillis())
	r := cogrouped(w.c, aggregatedTable[K, window.Key[K], A]{
		spec: store, key: key.KeySerde(), rows: rows, value: key.ValueSerde(),
		settle: func(final *dsl.Step, st *graph.Store) { settleWindows(b, final, st, w.w, emission{}) },
	}, func(in *cogroupInput[K, A], st *graph.Store) op.Bind {
		return in.byWindow(cogroupWindows[K, A]{st, rows, w.w, init})
	})
	r.GraceMillis = w.w.GraceMillis()
	return (*table.KTable[window.Key[K], A])(dsl.Wrap(r))
}

// SessionWindowedCogroupedKStream is several streams by key and session, on
// their way into one aggregate.
type SessionWindowedCogroupedKStream[K, A any] struct {
	c *CogroupedKStream[K, A]
	w window.SessionWindow
}

type cogroupSessions[K, A any] struct {
	store  *graph.Store
	rows   serde.Serde[window.Key[K]]
	window window.SessionWindow
	init   func() A
	merge  func(K, A, A) A
}

// WindowedBySession divides the records of each key into sessions, over all
// streams. Which records are late is judged for each of the streams by itself.
func (c *CogroupedKStream[K, A]) WindowedBySession(w window.SessionWindow) *SessionWindowedCogroupedKStream[K, A] {
	if p := w.Problem(); p != "" {
		c.b.Fail(graph.Place(), "WindowedBySession", "%s", p)
	}
	return &SessionWindowedCogroupedKStream[K, A]{c, w}
}

// Aggregate aggregates the values of each key and session over all streams,
// beginning with what init gives; merge makes one result of those of two
// sessions that are joined. See [SessionWindowedKStream.Aggregate].
func (w *SessionWindowedCogroupedKStream[K, A]) Aggregate[S state.SessionTableSpec[K, A]](init func() A, merge func(k K, a, b A) A, store S) *table.KTable[window.Key[K], A] {
	b, key := w.c.b, serdesOf[K, A](store)
	rows := serde.SessionWindowed(key.KeySerde())
	r := cogrouped(w.c, aggregatedTable[K, window.Key[K], A]{
		spec: store, key: key.KeySerde(), rows: rows, value: key.ValueSerde(),
		settle: func(final *dsl.Step, st *graph.Store) { emission{}.settle(b, final, st, w.w.RetentionMillis()) },
	}, func(in *cogroupInput[K, A], st *graph.Store) op.Bind {
		return in.bySession(cogroupSessions[K, A]{st, rows, w.w, init, merge})
	})
	r.GraceMillis = w.w.RetentionMillis()
	r.Get = op.SessionGetter[K, A](r.Store)
	return (*table.KTable[window.Key[K], A])(dsl.Wrap(r))
}

// cogrouped adds the steps of an aggregate of several streams: numbers first,
// then the repartitions, a node for each stream and the merge behind them.
func cogrouped[K, R, A any](c *CogroupedKStream[K, A], t aggregatedTable[K, R, A], bind func(*cogroupInput[K, A], *graph.Store) op.Bind) *dsl.Rows[R, A] {
	b := c.b
	final := &dsl.Step{Op: "Aggregate", Place: graph.Place()}
	st := b.Own(t.spec, final)
	if t.settle != nil {
		t.settle(final, st)
	}
	b.Add(&dsl.Step{Op: final.Op, Place: final.Place, Number: func(_ *dsl.Step, n *dsl.Counter) {
		if st.AutoNamed {
			st.Name = n.Store("COGROUPKSTREAM-AGGREGATE-")
		}
	}})
	sendOld := false
	r := &dsl.Rows[R, A]{B: b, Step: final, Key: t.rows, Value: t.value, GraceMillis: -1}
	for _, in := range c.inputs {
		in.settle(b, final, t.key, func() string { return st.Name })
		r.Sources = append(r.Sources, in.from...)
	}
	for i, in := range c.inputs {
		final.Parents = append(final.Parents, cogroupNode(b, final, i, in.placed, bind(in, st), st))
	}
	final.Number = func(s *dsl.Step, n *dsl.Counter) {
		s.Node = n.Name("COGROUPKSTREAM-MERGE-")
		if s.Given != "" {
			s.Node = s.Given + "-cogroup-merge"
		}
	}
	final.Write = func(s *dsl.Step, w *dsl.Writer) {
		w.Processor(s, s.Node, op.Merge(op.MergeSpec[R, A]{Store: st, Key: t.rows, SendOld: func() bool { return sendOld }}))
	}
	b.Add(final)
	c.copartition(final)
	dsl.StoreTable(r, t.spec, func() string { return st.Name })
	r.Store, r.Named = st, !st.AutoNamed
	r.NeedOld = func(bool) bool { sendOld = true; return true }
	return r
}

// cogroupNode adds the node of the i-th stream.
func cogroupNode(b *dsl.Builder, final *dsl.Step, i int, parent *dsl.Step, bind op.Bind, st *graph.Store) *dsl.Step {
	s := b.Add(&dsl.Step{Op: final.Op, Place: final.Place, Parents: []*dsl.Step{parent}})
	s.Number = func(s *dsl.Step, n *dsl.Counter) {
		s.Node = n.Name("COGROUPKSTREAM-AGGREGATE-")
		if final.Given != "" {
			s.Node = fmt.Sprintf("%s-cogroup-agg-%d", final.Given, i)
		}
	}
	s.Write = func(s *dsl.Step, w *dsl.Writer) { w.Processor(s, s.Node, bind, st) }
	return s
}

// copartition demands equal numbers of partitions of the topics that the
// streams come from, also where they are repartitioned: so does Kafka Streams.
func (c *CogroupedKStream[K, A]) copartition(final *dsl.Step) {
	c.b.Later(func(w *dsl.Writer) {
		g := graph.CopartitionGroup{Place: final.Place, Op: final.Op}
		for _, in := range c.inputs {
			g.Sources = append(g.Sources, dsl.Outs(in.sources)...)
		}
		w.Copartition(g)
	})
}
