package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
)

// The joins of two tables join the rows of equal keys. An update of either side
// makes an update of the result, with the higher time of both rows; a row that
// no longer has a result is deleted, and a null result deletes too. Updates out
// of order are joined as they come, unless their table is versioned: it then
// leaves out those that are not the latest of their key (KIP-914).
//
// Both tables have to be partitioned by their keys in the same way, into equal
// numbers of partitions, and each of them, or that which it is made of, needs a
// store. The result gets a store with Materialize only: else a row is joined
// again when something reads it.
//
// As in Kafka Streams, a table that is joined with itself, or with a table made
// of it, makes two updates of each of its own, one for each side, and each side
// meets the other one as it is already: a delete so has no result. Map the values
// instead.

// Join joins two tables: the result has the keys that both have.
func (t *KTable[K, V]) Join[V2, R any](o *KTable[K, V2], f func(V, V2) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "Join", Join: op.InnerJoiner[K](f)})
}

// JoinWithKey is Join with the key at hand.
func (t *KTable[K, V]) JoinWithKey[V2, R any](o *KTable[K, V2], f func(K, V, V2) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "JoinWithKey", Join: op.InnerJoinerWithKey(f)})
}

// LeftJoin joins two tables: the result has the keys of t, with ok false where
// o has no row.
func (t *KTable[K, V]) LeftJoin[V2, R any](o *KTable[K, V2], f func(v V, match V2, ok bool) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "LeftJoin", Left: true, Join: op.LeftJoiner[K](f)})
}

// LeftJoinWithKey is LeftJoin with the key at hand.
func (t *KTable[K, V]) LeftJoinWithKey[V2, R any](o *KTable[K, V2], f func(k K, v V, match V2, ok bool) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "LeftJoinWithKey", Left: true, Join: op.LeftJoinerWithKey(f)})
}

// OuterJoin joins two tables: the result has the keys of both.
func (t *KTable[K, V]) OuterJoin[V2, R any](o *KTable[K, V2], f func(join.Pair[V, V2]) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "OuterJoin", Left: true, Outer: true, Join: op.OuterJoiner[K](f)})
}

// OuterJoinWithKey is OuterJoin with the key at hand.
func (t *KTable[K, V]) OuterJoinWithKey[V2, R any](o *KTable[K, V2], f func(K, join.Pair[V, V2]) R) *KTable[K, R] {
	return joinTables(t, o, dsl.TablesJoin[K, V, V2, R]{Op: "OuterJoinWithKey", Left: true, Outer: true, Join: op.OuterJoinerWithKey(f)})
}

func joinTables[K, V, V2, R any](t *KTable[K, V], o *KTable[K, V2], j dsl.TablesJoin[K, V, V2, R]) *KTable[K, R] {
	if o == nil {
		return unjoined[K, V, R](t, j.Op)
	}
	return (*KTable[K, R])(dsl.JoinTables(t.rows(), o.rows(), j))
}

// unjoined notes that the other side of a join is nil, and stands for its result.
func unjoined[K, V, R any](t *KTable[K, V], call string) *KTable[K, R] {
	r := t.rows()
	r.B.Fail(dsl.Place(), call, "the other side is a nil table")
	return (*KTable[K, R])(dsl.MapTable(r, dsl.MappedTable[K, V, R]{Op: call, Prefix: "KTABLE-MERGE-"}))
}
