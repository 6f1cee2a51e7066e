package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// KGroupedTable is a table whose rows are in groups, on its way into an
// aggregate. The rows go to their groups through a repartition topic.
//
// An aggregate follows the table: a row that changes is taken out of its group
// as it was, and goes into its group as it is. What is subtracted must undo what
// was added.
type KGroupedTable[K, V any] struct{ g *dsl.GroupedTable[K, V] }

// GroupBy puts each row into the group of a key, as a value. A row for which f
// returns a null key or value is in no group. The table, or that which it is
// made of, needs a store.
func (t *KTable[K, V]) GroupBy[K2, V2 any](f func(K, V) (K2, V2)) *KGroupedTable[K2, V2] {
	return &KGroupedTable[K2, V2]{dsl.GroupTable(t.rows(), f)}
}

// Named names the repartition topic and the node in front of it. Aggregates of
// one grouped table with a name share the topic.
func (g *KGroupedTable[K, V]) Named(name string) *KGroupedTable[K, V] {
	g.g.Select.Given = name
	if name == "" {
		g.g.B.Fail(graph.Place(), "Named", "the name is empty")
	}
	return g
}

// Serdes sets the serdes of keys and values on the way to the aggregate. A nil
// one stays as it is.
func (g *KGroupedTable[K, V]) Serdes(key serde.Serde[K], value serde.Serde[V]) *KGroupedTable[K, V] {
	if key != nil {
		g.g.Key = key
	}
	if value != nil {
		g.g.Value = value
	}
	return g
}

// Count counts the rows of each group. The count of a group that lost its last
// row is 0.
func (g *KGroupedTable[K, V]) Count[S state.TableSpec[K, int64]](store S) *KTable[K, int64] {
	return (*KTable[K, int64])(dsl.AggregateTable(g.g, dsl.TableAggregation[K, V, int64]{
		Op: "Count", Prefix: "KTABLE-AGGREGATE-",
		Init:     func() int64 { return 0 },
		Add:      func(_ K, _ V, n int64) int64 { return n + 1 },
		Subtract: func(_ K, _ V, n int64) int64 { return n - 1 },
	}, store))
}

// Reduce combines the values of each group. The first value becomes the result
// as it is. A null result deletes the group.
func (g *KGroupedTable[K, V]) Reduce[S state.TableSpec[K, V]](add, subtract func(sum, v V) V, store S) *KTable[K, V] {
	g.g.B.Need("Reduce", "add", add != nil)
	g.g.B.Need("Reduce", "subtract", subtract != nil)
	return (*KTable[K, V])(dsl.AggregateTable(g.g, dsl.TableAggregation[K, V, V]{
		Op: "Reduce", Prefix: "KTABLE-REDUCE-",
		First:    func(v V) V { return v },
		Add:      func(_ K, v, sum V) V { return add(sum, v) },
		Subtract: func(_ K, v, sum V) V { return subtract(sum, v) },
	}, store))
}

// Aggregate aggregates the values of each group, beginning with what init
// gives. A null result deletes the group.
func (g *KGroupedTable[K, V]) Aggregate[A any, S state.TableSpec[K, A]](init func() A, add, subtract func(k K, v V, sum A) A, store S) *KTable[K, A] {
	g.g.B.Need("Aggregate", "init", init != nil)
	g.g.B.Need("Aggregate", "add", add != nil)
	g.g.B.Need("Aggregate", "subtract", subtract != nil)
	return (*KTable[K, A])(dsl.AggregateTable(g.g, dsl.TableAggregation[K, V, A]{
		Op: "Aggregate", Prefix: "KTABLE-AGGREGATE-", Init: init, Add: add, Subtract: subtract,
	}, store))
}
