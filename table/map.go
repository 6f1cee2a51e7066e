package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
)

// Filter keeps the rows for which keep returns true. A row that no longer
// passes is deleted. Without a store that knows the rows before, each update
// that does not pass becomes a delete.
func (t *KTable[K, V]) Filter(keep func(K, V) bool) *KTable[K, V] {
	t.rows().B.Need("Filter", "keep", keep != nil)
	return t.filter("Filter", keep, true)
}

// FilterNot keeps the rows for which drop returns false. See [KTable.Filter].
func (t *KTable[K, V]) FilterNot(drop func(K, V) bool) *KTable[K, V] {
	t.rows().B.Need("FilterNot", "drop", drop != nil)
	return t.filter("FilterNot", drop, false)
}

func (t *KTable[K, V]) filter(call string, keep func(K, V) bool, want bool) *KTable[K, V] {
	r := t.rows()
	return (*KTable[K, V])(dsl.MapTable(r, dsl.MappedTable[K, V, V]{
		Op: call, Prefix: "KTABLE-FILTER-", Row: op.FilterRow(keep, want), Value: r.Value, Filters: true,
	}))
}

// MapValues maps the value of each row. A delete stays one and does not reach f;
// a null result deletes.
func (t *KTable[K, V]) MapValues[V2 any](f func(V) V2) *KTable[K, V2] {
	t.rows().B.Need("MapValues", "f", f != nil)
	return mapped(t, "MapValues", func(_ K, v V) V2 { return f(v) })
}

// MapValuesWithKey is MapValues with the key at hand.
func (t *KTable[K, V]) MapValuesWithKey[V2 any](f func(K, V) V2) *KTable[K, V2] {
	t.rows().B.Need("MapValuesWithKey", "f", f != nil)
	return mapped(t, "MapValuesWithKey", f)
}

func mapped[K, V, V2 any](t *KTable[K, V], call string, f func(K, V) V2) *KTable[K, V2] {
	r := t.rows()
	return (*KTable[K, V2])(dsl.MapTable(r, dsl.MappedTable[K, V, V2]{
		Op: call, Prefix: "KTABLE-MAPVALUES-", Row: op.MapRow(f), Value: dsl.Same[V, V2](r.Value),
	}))
}
