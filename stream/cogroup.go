package stream

import (
	"fmt"
	"slices"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
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

	// late sets the topic of records that come too late, which has to be of the
	// types of the stream; wrong says that it is not.
	late      func(b *dsl.Builder, topic any) (in *cogroupInput[K, A], wrong bool)
	written   func(s *dsl.Step, w *dsl.Writer) // adds the sink of late records; nil for none
	byKey     func(st *graph.Store, key serde.Serde[K], init func() A) op.Bind
	byWindow  func(spec cogroupWindows[K, A]) op.Bind
	bySession func(spec cogroupSessions[K, A]) op.Bind
}

// Cogroup begins an aggregate of several streams, which differ in the types of
// their values: add takes the values of this one.
func (g *KGroupedStream[K, V]) Cogroup[A any](add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	g.s.b.Need("Cogroup", "add", add != nil)
	return &CogroupedKStream[K, A]{g.s.b, []*cogroupInput[K, A]{cogroupOf(g, add)}}
}

// Cogroup adds another stream to the aggregate.
func (c *CogroupedKStream[K, A]) Cogroup[V any](g *KGroupedStream[K, V], add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	c.b.Need("Cogroup", "add", add != nil)
	if g == nil {
		c.b.Fail(dsl.Place(), "Cogroup", "the other stream is nil")
		return c
	}
	n := len(c.inputs)
	return &CogroupedKStream[K, A]{c.b, append(c.inputs[:n:n], cogroupOf(g, add))}
}

// Late sends the records of the stream that was added last to a topic if they
// come too late for a window, as they are. The topic has to be of the stream's
// types. It takes windows; the default is to count such records only. See
// [TimeWindowedKStream.Late].
func (c *CogroupedKStream[K, A]) Late[V any](topic topology.Topic[K, V]) *CogroupedKStream[K, A] {
	inputs := slices.Clone(c.inputs)
	last := len(inputs) - 1
	in, wrong := inputs[last].late(c.b, topic)
	if wrong {
		c.b.Fail(dsl.Place(), "Late", "topic %s is not of the types of the stream that was added last", topic.Name())
	}
	inputs[last] = in
	return &CogroupedKStream[K, A]{c.b, inputs}
}

func cogroupOf[K, V, A any](g *KGroupedStream[K, V], add func(K, V, A) A) *cogroupInput[K, A] {
	in := &cogroupInput[K, A]{
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
	in.late = func(b *dsl.Builder, topic any) (*cogroupInput[K, A], bool) {
		t, ok := topic.(topology.Topic[K, V])
		if !ok {
			return in, true
		}
		c := *in
		var l lateTopic[K, V]
		l.set(b, t)
		c.written = func(s *dsl.Step, w *dsl.Writer) { writeLate[K, V, window.Key[K], A](l, s, w) }
		return &c, false
	}
	return in
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
	c.b.Need("Aggregate", "init", init != nil)
	spec := dsl.Handle[state.TableSpec[K, A]](c.b, "Aggregate", store, state.KeyValue[K, A]("", nil, nil))
	key := dsl.KeySerdeOf[K, A](spec)
	r := cogrouped(c, aggregatedTable[K, K, A]{spec: spec, key: key, rows: key, value: dsl.ValueSerdeOf[K, A](spec)},
		func(in *cogroupInput[K, A], st *graph.Store) op.Bind {
			if in.written != nil {
				c.b.Fail(st.Place, "Late", "without windows no record comes too late")
			}
			return in.byKey(st, key, init)
		})
	return (*table.KTable[K, A])(dsl.Wrap(r))
}

// TimeWindowedCogroupedKStream is several streams by key and window, on their
// way into one aggregate.
type TimeWindowedCogroupedKStream[K, A any] struct {
	c    *CogroupedKStream[K, A]
	w    window.Window
	emit emission
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
	return &TimeWindowedCogroupedKStream[K, A]{c: c, w: checkedWindow(c.b, w)}
}

// EmitOnClose sends the result of a window once, when the window has closed, by
// the time of all streams: which records are late is then judged by that too.
// Kafka Streams does not offer it. See [TimeWindowedKStream.EmitOnClose].
func (w *TimeWindowedCogroupedKStream[K, A]) EmitOnClose() *TimeWindowedCogroupedKStream[K, A] {
	c := *w
	c.emit.closing(w.c.b, w.w)
	return &c
}

// Aggregate aggregates the values of each key and window over all streams,
// beginning with what init gives. See [TimeWindowedKStream.Aggregate].
func (w *TimeWindowedCogroupedKStream[K, A]) Aggregate[S state.WindowTableSpec[K, A]](init func() A, store S) *table.KTable[window.Key[K], A] {
	w.c.b.Need("Aggregate", "init", init != nil)
	spec := dsl.Handle[state.WindowTableSpec[K, A]](w.c.b, "Aggregate", store, state.Windows[K, A]("", nil, nil))
	b, key := w.c.b, serdesOf[K, A](spec)
	rows := serde.TimeWindowedMillis(key.KeySerde(), w.w.SizeMillis())
	r := cogrouped(w.c, aggregatedTable[K, window.Key[K], A]{
		spec: spec, key: key.KeySerde(), rows: rows, value: key.ValueSerde(),
		settle: func(final *dsl.Step, st *graph.Store) { settleWindows(b, final, st, w.w, w.emit) },
	}, func(in *cogroupInput[K, A], st *graph.Store) op.Bind {
		return in.byWindow(cogroupWindows[K, A]{st, rows, w.w, init})
	})
	r.GraceMillis = w.w.GraceMillis()
	return (*table.KTable[window.Key[K], A])(dsl.Wrap(r))
}

// SessionWindowedCogroupedKStream is several streams by key and session, on
// their way into one aggregate.
type SessionWindowedCogroupedKStream[K, A any] struct {
	c    *CogroupedKStream[K, A]
	w    window.SessionWindow
	emit emission
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
	return &SessionWindowedCogroupedKStream[K, A]{c: c, w: w}
}

// EmitOnClose sends the result of a session once, when the session has closed,
// by the time of all streams: which records are late is then judged by that too.
// Kafka Streams does not offer it. See [SessionWindowedKStream.EmitOnClose].
func (w *SessionWindowedCogroupedKStream[K, A]) EmitOnClose() *SessionWindowedCogroupedKStream[K, A] {
	c := *w
	c.emit.onClose = true
	return &c
}

// Aggregate aggregates the values of each key and session over all streams,
// beginning with what init gives; merge makes one result of those of two
// sessions that are joined. See [SessionWindowedKStream.Aggregate].
func (w *SessionWindowedCogroupedKStream[K, A]) Aggregate[S state.SessionTableSpec[K, A]](init func() A, merge func(k K, a, b A) A, store S) *table.KTable[window.Key[K], A] {
	w.c.b.Need("Aggregate", "init", init != nil)
	w.c.b.Need("Aggregate", "merge", merge != nil)
	spec := dsl.Handle[state.SessionTableSpec[K, A]](w.c.b, "Aggregate", store, state.Sessions[K, A]("", nil, nil))
	b, key := w.c.b, serdesOf[K, A](spec)
	rows := serde.SessionWindowed(key.KeySerde())
	r := cogrouped(w.c, aggregatedTable[K, window.Key[K], A]{
		spec: spec, key: key.KeySerde(), rows: rows, value: key.ValueSerde(),
		settle: func(final *dsl.Step, st *graph.Store) { w.emit.settle(b, final, st, w.w.RetentionMillis()) },
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
		final.Parents = append(final.Parents, cogroupNode(b, final, i, in, bind(in, st), st))
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
func cogroupNode[K, A any](b *dsl.Builder, final *dsl.Step, i int, in *cogroupInput[K, A], bind op.Bind, st *graph.Store) *dsl.Step {
	s := b.Add(&dsl.Step{Op: final.Op, Place: final.Place, Parents: []*dsl.Step{in.placed}})
	s.Number = func(s *dsl.Step, n *dsl.Counter) {
		s.Node = n.Name("COGROUPKSTREAM-AGGREGATE-")
		if final.Given != "" {
			s.Node = fmt.Sprintf("%s-cogroup-agg-%d", final.Given, i)
		}
	}
	s.Write = func(s *dsl.Step, w *dsl.Writer) {
		w.Processor(s, s.Node, bind, st)
		if in.written != nil {
			in.written(s, w)
		}
	}
	return s
}

// copartition demands equal numbers of partitions of the topics that the nodes
// read: where a stream is repartitioned, of the topic behind that. Kafka Streams
// looks at the topics in front, and so both refuses inputs that would do and lets
// a repartition topic differ from the other inputs.
func (c *CogroupedKStream[K, A]) copartition(final *dsl.Step) {
	c.b.Later(func(w *dsl.Writer) {
		g := graph.CopartitionGroup{Place: final.Place, Op: final.Op}
		for _, in := range c.inputs {
			g.Sources = append(g.Sources, dsl.Outs(in.from)...)
		}
		w.Copartition(g)
	})
}
