package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// TimeWindowedKStream is a stream by key and window, on its way into an
// aggregate.
type TimeWindowedKStream[K, V any] struct {
	g    *KGroupedStream[K, V]
	w    window.Window
	emit emission
	late lateTopic[K, V]
}

// emission is what the two kinds of windowed streams share: when results come.
type emission struct{ onClose bool }

// lateTopic is where records go that came too late; nil for nowhere.
type lateTopic[K, V any] struct{ topic *topology.Topic[K, V] }

// WindowedBy divides the records of each key by windows.
//
// A record is late for a window when stream time, the highest time seen by the
// aggregation, has passed the window's end by the grace period. It is then left
// out of the window and counted as dropped; see [TimeWindowedKStream.Late].
func (g *KGroupedStream[K, V]) WindowedBy(w window.Window) *TimeWindowedKStream[K, V] {
	return &TimeWindowedKStream[K, V]{g: g, w: checkedWindow(g.s.b, w)}
}

func checkedWindow(b *dsl.Builder, w window.Window) window.Window {
	switch {
	case w == nil:
		b.Fail(dsl.Place(), "WindowedBy", "the window is nil")
		return window.Unlimited()
	case w.Problem() != "":
		b.Fail(dsl.Place(), "WindowedBy", "%s", w.Problem())
	}
	return w
}

// EmitOnClose sends the result of a window once, when the window has closed, in
// place of each update of it: the results of windows that close together come by
// start of the window and then by key. The headers are those of the record that
// moved stream time. Nothing is lost however far stream time jumps. A window
// without an end never closes. (KIP-825)
func (w *TimeWindowedKStream[K, V]) EmitOnClose() *TimeWindowedKStream[K, V] {
	c := *w
	c.emit.closing(w.g.s.b, w.w)
	return &c
}

// closing asks for results when windows close.
func (e *emission) closing(b *dsl.Builder, w window.Window) {
	if _, ok := w.(window.UnlimitedWindow); ok {
		b.Fail(dsl.Place(), "EmitOnClose", "the window is unlimited: it never closes")
	}
	e.onClose = true
}

// Late sends the records that came too late for a window to a topic, as they
// are, each once. Under hopping and sliding windows such a record may be in
// other windows all the same. The default is to count them only.
func (w *TimeWindowedKStream[K, V]) Late(topic topology.Topic[K, V]) *TimeWindowedKStream[K, V] {
	c := *w
	c.late.set(w.g.s.b, topic)
	return &c
}

// Count counts the records of each key and window, those with a null value
// too, but for sliding windows. Records with a null key are dropped.
func (w *TimeWindowedKStream[K, V]) Count[S state.WindowTableSpec[K, int64]](store S) *table.KTable[window.Key[K], int64] {
	return byWindow(w, counting[K, V](), store)
}

// Reduce combines the values of each key and window. The first value becomes
// the result as it is; a null result deletes. Records with a null key are
// dropped, and so are those with a null value if the type can't say null or the
// windows are sliding.
func (w *TimeWindowedKStream[K, V]) Reduce[S state.WindowTableSpec[K, V]](f func(sum, v V) V, store S) *table.KTable[window.Key[K], V] {
	w.g.s.b.Need("Reduce", "f", f != nil)
	return byWindow(w, reducing[K](f), store)
}

// Aggregate aggregates the values of each key and window, beginning with what
// init gives. A null result deletes, and the next record begins anew. Records
// with a null key are dropped, and so are those with a null value if the type
// can't say null or the windows are sliding.
func (w *TimeWindowedKStream[K, V]) Aggregate[A any, S state.WindowTableSpec[K, A]](init func() A, add func(k K, v V, sum A) A, store S) *table.KTable[window.Key[K], A] {
	w.g.s.b.Need("Aggregate", "init", init != nil)
	w.g.s.b.Need("Aggregate", "add", add != nil)
	return byWindow(w, aggregation[K, V, A]{op: "Aggregate", prefix: "KSTREAM-AGGREGATE-", init: init, add: add}, store)
}

func counting[K, V any]() aggregation[K, V, int64] {
	return aggregation[K, V, int64]{
		op: "Count", prefix: "KSTREAM-AGGREGATE-", nulls: true, keyOnly: true,
		init:  func() int64 { return 0 },
		add:   func(_ K, _ V, n int64) int64 { return n + 1 },
		merge: func(_ K, a, b int64) int64 { return a + b },
	}
}

func reducing[K, V any](f func(sum, v V) V) aggregation[K, V, V] {
	return aggregation[K, V, V]{
		op: "Reduce", prefix: "KSTREAM-REDUCE-",
		first: func(v V) V { return v },
		add:   func(_ K, v, sum V) V { return f(sum, v) },
		merge: func(_ K, a, b V) V { return f(a, b) },
	}
}

// byWindow adds the steps of an aggregation by windows.
func byWindow[K, V, A any](w *TimeWindowedKStream[K, V], a aggregation[K, V, A], store state.WindowTableSpec[K, A]) *table.KTable[window.Key[K], A] {
	store = dsl.Handle[state.WindowTableSpec[K, A]](w.g.s.b, a.op, store, state.Windows[K, A]("", nil, nil))
	b, key, size := w.g.s.b, serdesOf[K, A](store), w.w.SizeMillis()
	rows := serde.TimeWindowedMillis(key.KeySerde(), size)
	r := aggregated(w.g, aggregatedTable[K, window.Key[K], A]{
		op: a.op, prefix: a.prefix, spec: store, key: key.KeySerde(), rows: rows, value: key.ValueSerde(), keyOnly: a.keyOnly,
		settle: func(final *dsl.Step, st *graph.Store) { settleWindows(b, final, st, w.w, w.emit) },
		bind: func(st *graph.Store, sendOld func() bool) op.Bind {
			return op.WindowAggregate(op.WindowSpec[K, V, A]{
				Store: st, Key: rows, Window: w.w, Init: a.init, First: a.first, Add: a.add,
				Nulls: a.nulls, SendOld: sendOld,
			})
		},
		written: func(s *dsl.Step, out *dsl.Writer) { writeLate[K, V, window.Key[K], A](w.late, s, out) },
	})
	r.GraceMillis = w.w.GraceMillis()
	return (*table.KTable[window.Key[K], A])(dsl.Wrap(r))
}

// settleWindows settles what windows demand of the store of their aggregate.
func settleWindows(b *dsl.Builder, final *dsl.Step, st *graph.Store, w window.Window, e emission) {
	e.settle(b, final, st, w.RetentionMillis())
	if st.JoinWindow {
		b.Fail(final.Place, final.Op, "store %q keeps duplicates: the store of an aggregate can't", st.Name)
	}
	size := w.SizeMillis()
	if st.WindowMillis != 0 && st.WindowMillis != size {
		b.Fail(final.Place, final.Op, "store %q has windows of %d ms, not of the %d ms of the aggregate: leave out its size", st.Name, st.WindowMillis, size)
	}
	st.WindowMillis = size
}

// serdesOf returns the handle as one that knows its serdes.
func serdesOf[K, A any](spec state.Spec) dsl.Serdes[K, A] { return spec.(dsl.Serdes[K, A]) }

// settle sets what the windows demand of their store.
func (e emission) settle(b *dsl.Builder, final *dsl.Step, st *graph.Store, retention int64) {
	switch {
	case st.RetentionMillis == 0:
		st.RetentionMillis = max(1, retention)
	case st.RetentionMillis < retention:
		b.Fail(final.Place, final.Op, "store %q keeps windows for %d ms: the windows and their grace period need %d ms", st.Name, st.RetentionMillis, retention)
	}
	st.EmitOnClose = e.onClose
}

func (l *lateTopic[K, V]) set(b *dsl.Builder, topic topology.Topic[K, V]) {
	place := dsl.Place()
	if p := topic.Problem(false); p != "" {
		b.Fail(place, "Late", "%s", p)
	} else if p := graph.NameProblem("topic", topic.Name()); p != "" && topic.Dynamic() == "" {
		b.Fail(place, "Late", "%s", p)
	}
	l.topic = &topic
}

// writeLate adds the sink of late records behind the node of step s, whose
// results have other types.
func writeLate[K, V, K2, A any](l lateTopic[K, V], s *dsl.Step, w *dsl.Writer) {
	if l.topic == nil {
		return
	}
	spec := l.topic.Sink()
	to := w.Add(&graph.Node{
		Name: s.Node + "-late", Kind: graph.SinkNode, Place: s.Place, Op: "Late",
		Sink: l.topic.Target(),
		Bind: op.Sink(spec),
	}, s.Out)
	op.Late[K, V, K2, flow.Change[A]](s.Out, to)
}
