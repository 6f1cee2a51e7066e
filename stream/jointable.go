package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/table"
)

// The joins of a stream with a table look up the row of each record's key, as
// the table is at that moment, or, if it is versioned, as it was at the record's
// time (KIP-914). Updates of the table emit nothing. Records with a null value
// are dropped. A result has the time and headers of the record.
//
// Stream and table have to be partitioned by their keys in the same way, into
// equal numbers of partitions; a stream whose key may have changed is
// repartitioned. Only the table's own input, or a changelog, brings a row to the
// task; records that come before their row find none.

// JoinTable joins each record with the row of its key. Records without a row
// have no result, those with a null key are dropped.
func (s *KStream[K, V]) JoinTable[V2, R any](t *table.KTable[K, V2], f func(V, V2) R, opts ...join.TableOption) *KStream[K, R] {
	return joinTable(s, t, dsl.TableJoin[K, V, V2, R]{Op: "JoinTable", Join: op.InnerJoiner[K](f), Options: opts})
}

// JoinTableWithKey is JoinTable with the key at hand.
func (s *KStream[K, V]) JoinTableWithKey[V2, R any](t *table.KTable[K, V2], f func(K, V, V2) R, opts ...join.TableOption) *KStream[K, R] {
	return joinTable(s, t, dsl.TableJoin[K, V, V2, R]{Op: "JoinTableWithKey", Join: op.InnerJoinerWithKey(f), Options: opts})
}

// LeftJoinTable joins each record with the row of its key, with ok false if
// there is none. Records with a null key have no row.
func (s *KStream[K, V]) LeftJoinTable[V2, R any](t *table.KTable[K, V2], f func(v V, match V2, ok bool) R, opts ...join.TableOption) *KStream[K, R] {
	return joinTable(s, t, dsl.TableJoin[K, V, V2, R]{Op: "LeftJoinTable", Left: true, Join: op.LeftJoiner[K](f), Options: opts})
}

// LeftJoinTableWithKey is LeftJoinTable with the key at hand.
func (s *KStream[K, V]) LeftJoinTableWithKey[V2, R any](t *table.KTable[K, V2], f func(k K, v V, match V2, ok bool) R, opts ...join.TableOption) *KStream[K, R] {
	return joinTable(s, t, dsl.TableJoin[K, V, V2, R]{Op: "LeftJoinTableWithKey", Left: true, Join: op.LeftJoinerWithKey(f), Options: opts})
}

func joinTable[K, V, V2, R any](s *KStream[K, V], t *table.KTable[K, V2], j dsl.TableJoin[K, V, V2, R]) *KStream[K, R] {
	if t == nil {
		return unjoined[K, V, R](s, j.Op, "table")
	}
	return ofJoin(dsl.JoinTable(s.side(), dsl.Of((*dsl.Table[K, V2])(t)), j))
}

// The joins of a stream with a global table look up the row of the key that key
// selects, as the table is at that moment. Nothing is repartitioned. Records
// with a null value are dropped; the record's own key may be null.

// JoinGlobal joins each record with a row of a global table. Records without a
// row have no result; those for which key returns a null are dropped. (KIP-99)
func (s *KStream[K, V]) JoinGlobal[GK, GV, R any](g *table.GlobalKTable[GK, GV], key func(K, V) GK, f func(V, GV) R) *KStream[K, R] {
	return joinGlobal(s, g, dsl.GlobalJoin[K, V, GK, GV, R]{Op: "JoinGlobal", Select: key, Join: op.InnerJoiner[K](f)})
}

// JoinGlobalWithKey is JoinGlobal with the record's own key at hand.
func (s *KStream[K, V]) JoinGlobalWithKey[GK, GV, R any](g *table.GlobalKTable[GK, GV], key func(K, V) GK, f func(K, V, GV) R) *KStream[K, R] {
	return joinGlobal(s, g, dsl.GlobalJoin[K, V, GK, GV, R]{Op: "JoinGlobalWithKey", Select: key, Join: op.InnerJoinerWithKey(f)})
}

// LeftJoinGlobal joins each record with a row of a global table, with ok false
// if there is none, or if key returns a null.
func (s *KStream[K, V]) LeftJoinGlobal[GK, GV, R any](g *table.GlobalKTable[GK, GV], key func(K, V) GK, f func(v V, match GV, ok bool) R) *KStream[K, R] {
	return joinGlobal(s, g, dsl.GlobalJoin[K, V, GK, GV, R]{Op: "LeftJoinGlobal", Select: key, Left: true, Join: op.LeftJoiner[K](f)})
}

// LeftJoinGlobalWithKey is LeftJoinGlobal with the record's own key at hand.
func (s *KStream[K, V]) LeftJoinGlobalWithKey[GK, GV, R any](g *table.GlobalKTable[GK, GV], key func(K, V) GK, f func(k K, v V, match GV, ok bool) R) *KStream[K, R] {
	return joinGlobal(s, g, dsl.GlobalJoin[K, V, GK, GV, R]{Op: "LeftJoinGlobalWithKey", Select: key, Left: true, Join: op.LeftJoinerWithKey(f)})
}

func joinGlobal[K, V, GK, GV, R any](s *KStream[K, V], g *table.GlobalKTable[GK, GV], j dsl.GlobalJoin[K, V, GK, GV, R]) *KStream[K, R] {
	if g == nil {
		return unjoined[K, V, R](s, j.Op, "global table")
	}
	return ofJoin(dsl.JoinGlobal(s.side(), dsl.OfGlobal((*dsl.Global[GK, GV])(g)), j))
}
