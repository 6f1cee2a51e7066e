package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// SessionWindowedKStream is a stream by key and session, on its way into an
// aggregate.
type SessionWindowedKStream[K, V any] struct {
	g    *KGroupedStream[K, V]
	w    window.SessionWindow
	emit emission
	late lateTopic[K, V]
}

// WindowedBySession divides the records of each key into sessions.
//
// A record is late when stream time, the highest time seen by the aggregation,
// has passed the end of its session by gap and grace period. It is then left
// out and counted as dropped; see [SessionWindowedKStream.Late].
//
// The result has a row for each session. A record that joins sessions, or makes
// one longer, deletes their rows before it adds the one of the session that they
// become. The time of a row is the end of its session.
func (g *KGroupedStream[K, V]) WindowedBySession(w window.SessionWindow) *SessionWindowedKStream[K, V] {
	if p := w.Problem(); p != "" {
		g.s.b.Fail(dsl.Place(), "WindowedBySession", "%s", p)
	}
	return &SessionWindowedKStream[K, V]{g: g, w: w}
}

// EmitOnClose sends the result of a session once, when the session has closed,
// in place of each update of it: the results of sessions that close together come
// by end and start of the session and then by key. The headers are those of the
// record that moved stream time. (KIP-825)
func (w *SessionWindowedKStream[K, V]) EmitOnClose() *SessionWindowedKStream[K, V] {
	c := *w
	c.emit.onClose = true
	return &c
}

// Late sends the records that came too late for their session to a topic, as
// they are. The default is to count them only.
func (w *SessionWindowedKStream[K, V]) Late(topic topology.Topic[K, V]) *SessionWindowedKStream[K, V] {
	c := *w
	c.late.set(w.g.s.b, topic)
	return &c
}

// Count counts the records of each key and session, those with a null value
// too. Records with a null key are dropped.
func (w *SessionWindowedKStream[K, V]) Count[S state.SessionTableSpec[K, int64]](store S) *table.KTable[window.Key[K], int64] {
	return bySession(w, counting[K, V](), store)
}

// Reduce combines the values of each key and session, and the results of
// sessions that are joined. The first value becomes the result as it is; a null
// result deletes. Records with a null key are dropped, and so are those with a
// null value if the type can't say null.
func (w *SessionWindowedKStream[K, V]) Reduce[S state.SessionTableSpec[K, V]](f func(sum, v V) V, store S) *table.KTable[window.Key[K], V] {
	w.g.s.b.Need("Reduce", "f", f != nil)
	return bySession(w, reducing[K](f), store)
}

// Aggregate aggregates the values of each key and session, beginning with what
// init gives; merge makes one result of those of two sessions that are joined. A
// null result deletes. Records with a null key are dropped, and so are those with
// a null value if the type can't say null.
func (w *SessionWindowedKStream[K, V]) Aggregate[A any, S state.SessionTableSpec[K, A]](init func() A, add func(k K, v V, sum A) A, merge func(k K, a, b A) A, store S) *table.KTable[window.Key[K], A] {
	w.g.s.b.Need("Aggregate", "init", init != nil)
	w.g.s.b.Need("Aggregate", "add", add != nil)
	w.g.s.b.Need("Aggregate", "merge", merge != nil)
	return bySession(w, aggregation[K, V, A]{op: "Aggregate", prefix: "KSTREAM-AGGREGATE-", init: init, add: add, merge: merge}, store)
}

// bySession adds the steps of an aggregation by sessions.
func bySession[K, V, A any](w *SessionWindowedKStream[K, V], a aggregation[K, V, A], store state.SessionTableSpec[K, A]) *table.KTable[window.Key[K], A] {
	store = dsl.Handle[state.SessionTableSpec[K, A]](w.g.s.b, a.op, store, state.Sessions[K, A]("", nil, nil))
	b, key := w.g.s.b, serdesOf[K, A](store)
	rows := serde.SessionWindowed(key.KeySerde())
	var kept *graph.Store
	r := aggregated(w.g, aggregatedTable[K, window.Key[K], A]{
		op: a.op, prefix: a.prefix, spec: store, key: key.KeySerde(), rows: rows, value: key.ValueSerde(), keyOnly: a.keyOnly,
		settle: func(final *dsl.Step, st *graph.Store) {
			kept = st
			w.emit.settle(b, final, st, w.w.RetentionMillis())
		},
		bind: func(st *graph.Store, sendOld func() bool) op.Bind {
			return op.SessionAggregate(op.SessionSpec[K, V, A]{
				Store: st, Key: rows, Window: w.w, Init: a.init, First: a.first, Add: a.add, Merge: a.merge,
				Nulls: a.nulls, SendOld: sendOld,
			})
		},
		written: func(s *dsl.Step, out *dsl.Writer) { writeLate[K, V, window.Key[K], A](w.late, s, out) },
	})
	r.GraceMillis = w.w.RetentionMillis() // a session closes when gap and grace have passed
	r.Get = op.SessionGetter[K, A](kept)
	return (*table.KTable[window.Key[K], A])(dsl.Wrap(r))
}
