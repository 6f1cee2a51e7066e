package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
)

// The foreign-key joins join each row of t with the row of o whose key fk finds
// in it. An update of t makes an update of the result with the later time of
// both rows; one of o makes updates with its own time. The tables need not be
// partitioned alike: a row subscribes to its foreign key through an internal
// topic, and the answer comes back through another. An answer that comes after
// its row has changed is dropped; rows are compared by the hash of their
// encoding, so the serde of t's values has to give equal bytes for equal values.
// An empty encoding of a value of o is taken for no row. (KIP-213)
//
// Both tables need a store, or those that they are made of. The result gets one
// with Materialize, or when its rows are needed. Name the join: its topics and
// its store of subscriptions are named after it.

// JoinForeign joins rows that have a foreign key with the rows of that key. fk
// returns ok false for a row that has none; so does a null.
func (t *KTable[K, V]) JoinForeign[FK, V2, R any](o *KTable[FK, V2], fk func(k K, v V) (key FK, ok bool), f func(V, V2) R, p ...join.Partitioners[K, FK]) *KTable[K, R] {
	return joinForeign(t, o, dsl.ForeignJoin[K, V, FK, V2, R]{Op: "JoinForeign", Extract: fk, Join: op.InnerJoiner[K](f), Partitioners: p})
}

// JoinForeignWithKey is JoinForeign with the row's own key at hand.
func (t *KTable[K, V]) JoinForeignWithKey[FK, V2, R any](o *KTable[FK, V2], fk func(k K, v V) (key FK, ok bool), f func(K, V, V2) R, p ...join.Partitioners[K, FK]) *KTable[K, R] {
	return joinForeign(t, o, dsl.ForeignJoin[K, V, FK, V2, R]{Op: "JoinForeignWithKey", Extract: fk, Join: op.InnerJoinerWithKey(f), Partitioners: p})
}

// LeftJoinForeign is JoinForeign that also joins rows without a foreign key, or
// without a row of o, with ok false.
func (t *KTable[K, V]) LeftJoinForeign[FK, V2, R any](o *KTable[FK, V2], fk func(k K, v V) (key FK, ok bool), f func(v V, match V2, ok bool) R, p ...join.Partitioners[K, FK]) *KTable[K, R] {
	return joinForeign(t, o, dsl.ForeignJoin[K, V, FK, V2, R]{Op: "LeftJoinForeign", Left: true, Extract: fk, Join: op.LeftJoiner[K](f), Partitioners: p})
}

// LeftJoinForeignWithKey is LeftJoinForeign with the row's own key at hand.
func (t *KTable[K, V]) LeftJoinForeignWithKey[FK, V2, R any](o *KTable[FK, V2], fk func(k K, v V) (key FK, ok bool), f func(k K, v V, match V2, ok bool) R, p ...join.Partitioners[K, FK]) *KTable[K, R] {
	return joinForeign(t, o, dsl.ForeignJoin[K, V, FK, V2, R]{Op: "LeftJoinForeignWithKey", Left: true, Extract: fk, Join: op.LeftJoinerWithKey(f), Partitioners: p})
}

func joinForeign[K, V, FK, V2, R any](t *KTable[K, V], o *KTable[FK, V2], j dsl.ForeignJoin[K, V, FK, V2, R]) *KTable[K, R] {
	if o == nil {
		return unjoined[K, V, R](t, j.Op)
	}
	return (*KTable[K, R])(dsl.JoinForeign(t.rows(), o.rows(), j))
}
