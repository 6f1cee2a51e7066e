package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/state"
)

// The joins of two streams keep the records of both for as long as the window
// and its grace period say, and emit each pair when its second record comes.
// Records with a null value are dropped. Records with a null key are dropped
// where their side has to have a match, and else emitted alone at once. Lateness
// does not count: a late record is joined with what is still kept. A result has
// the higher time of both records, and the headers of the one that came last.
//
// name names the state: its stores are <name>-this-join-store and so on. It may
// be empty if the builder may generate names. Both streams have to be
// partitioned by their keys in the same way, into equal numbers of partitions;
// one whose key may have changed is repartitioned. Options tell how the records
// are kept.

// Join joins two streams: each record with those of the other stream that have
// the same key and lie within the window. A null result is forwarded.
func (s *KStream[K, V]) Join[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(V, V2) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "Join", Name: name, Window: w, Join: op.InnerJoiner[K](f), Options: opts})
}

// JoinWithKey is Join with the key at hand.
func (s *KStream[K, V]) JoinWithKey[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(K, V, V2) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "JoinWithKey", Name: name, Window: w, Join: op.InnerJoinerWithKey(f), Options: opts})
}

// LeftJoin is Join that also emits the records of s without a match, with ok
// false, at their own times: when their windows and the grace period have
// passed, by the time of the records of both streams. They come in the order of
// their times, with a record whose time is the highest so far. See Config.IdleFlush
// for streams that cease. (KIP-633)
func (s *KStream[K, V]) LeftJoin[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(v V, match V2, ok bool) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "LeftJoin", Name: name, Window: w, Left: true, Join: op.LeftJoiner[K](f), Options: opts})
}

// LeftJoinWithKey is LeftJoin with the key at hand.
func (s *KStream[K, V]) LeftJoinWithKey[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(k K, v V, match V2, ok bool) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "LeftJoinWithKey", Name: name, Window: w, Left: true, Join: op.LeftJoinerWithKey(f), Options: opts})
}

// OuterJoin is LeftJoin that emits the records of o without a match as well.
func (s *KStream[K, V]) OuterJoin[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(join.Pair[V, V2]) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "OuterJoin", Name: name, Window: w, Left: true, Outer: true, Join: op.OuterJoiner[K](f), Options: opts})
}

// OuterJoinWithKey is OuterJoin with the key at hand.
func (s *KStream[K, V]) OuterJoinWithKey[V2, R any](o *KStream[K, V2], name string, w join.Window, f func(K, join.Pair[V, V2]) R, opts ...state.JoinOption) *KStream[K, R] {
	return joinStreams(s, o, dsl.StreamJoin[K, V, V2, R]{Op: "OuterJoinWithKey", Name: name, Window: w, Left: true, Outer: true, Join: op.OuterJoinerWithKey(f), Options: opts})
}

func joinStreams[K, V, V2, R any](s *KStream[K, V], o *KStream[K, V2], j dsl.StreamJoin[K, V, V2, R]) *KStream[K, R] {
	if o == nil {
		return unjoined[K, V, R](s, j.Op, "stream")
	}
	return ofJoin(dsl.JoinStreams(s.side(), o.side(), j))
}

// unjoined notes that the other side of a join is nil, and stands for its result.
func unjoined[K, V, R any](s *KStream[K, V], call, other string) *KStream[K, R] {
	s.b.Fail(dsl.Place(), call, "the other side is a nil %s", other)
	return &KStream[K, R]{b: s.b, step: s.step, key: s.key, value: dsl.Same[V, R](s.value), sources: s.sources}
}

// side is what a join knows of the stream.
func (s *KStream[K, V]) side() dsl.Stream[K, V] {
	return dsl.Stream[K, V]{B: s.b, Step: s.step, Key: s.key, Value: s.value, Moved: s.moved, Sources: s.sources}
}

func ofJoin[K, V any](s dsl.Stream[K, V]) *KStream[K, V] {
	return &KStream[K, V]{b: s.B, step: s.Step, key: s.Key, value: s.Value, moved: s.Moved, sources: s.Sources}
}
