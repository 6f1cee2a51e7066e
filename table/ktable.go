// Package table is tables: what is known of each key now.
//
// There are only a few types: a [KTable] is a table, read from a topic, made of
// a stream or computed; a [KGroupedTable] is a table on its way into an
// aggregate; a [GlobalKTable] is one that every instance of the app keeps whole;
// a [Suppression] says for how long updates are held back. A table becomes a
// stream of its updates with stream.Of, in a chain as .Via(stream.Of).
//
// A table is materialised when its rows are in a store. Where the rows of a
// table are needed that has no store, those of what it is made of are read.
package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// KTable is a table. Each operator returns a new table; a table may have any
// number of operators behind it.
type KTable[K, V any] dsl.Table[K, V]

func (t *KTable[K, V]) rows() *dsl.Rows[K, V] { return dsl.Of((*dsl.Table[K, V])(t)) }

// Via returns f of the table, for functions that build on tables within a
// chain, such as stream.Of.
func (t *KTable[K, V]) Via[R any](f func(*KTable[K, V]) R) R { return f(t) }

// Named names the node of the operator before it. Names are unique in a topology.
func (t *KTable[K, V]) Named(name string) *KTable[K, V] {
	r := t.rows()
	r.Step.Given = name
	if name == "" {
		r.B.Fail(dsl.Place(), "Named", "the name is empty")
	}
	return t
}

// Serdes sets the serdes of the keys and values of the table, for what comes
// behind it. A nil one stays as it is. A table that is read from a topic, or has
// a store, has those of its handle.
func (t *KTable[K, V]) Serdes(key serde.Serde[K], value serde.Serde[V]) *KTable[K, V] {
	r := t.rows()
	if key != nil {
		r.Key = key
	}
	if value != nil {
		r.Value = value
	}
	return t
}

// Materialize keeps the table in a store, where processors and queries find it.
// The serdes of the handle are then those of the table, for what comes behind,
// unless it is read from a topic.
// A handle without a name, which takes a builder that may generate names, gives
// a store to the result of a join only; other tables get one when their rows are
// needed, with the handle's options.
func (t *KTable[K, V]) Materialize[S state.TableSpec[K, V]](store S) *KTable[K, V] {
	r := t.rows()
	if dsl.Missing(store) {
		r.B.Fail(dsl.Place(), "Materialize", "the store handle is nil: give the operator one")
		return t
	}
	if r.Store != nil {
		r.B.Fail(dsl.Place(), "Materialize", "the table has the store %q already", r.Store.Name)
		return t
	}
	dsl.Adopt(r, store)
	switch {
	case store.StoreName() != "" || r.Unnamed == nil:
		r.Keep(r.B.Own(store, r.Step), store.StoreName() != "")
	case !r.B.GeneratedNames:
		r.B.Fail(dsl.Place(), "Materialize", "the store has no name: give its handle one, or ask the builder for generated names")
	default:
		r.Unnamed(store)
	}
	return t
}

// To writes the updates of the table to a topic; a delete is a null value. It
// is short for stream.Of(t).To(topic).
func (t *KTable[K, V]) To(topic topology.Topic[K, V]) *KTable[K, V] {
	r := t.rows()
	s := r.B.Processor("To", "KTABLE-TOSTREAM-", op.TableToStream[K, V](), r.Step)
	dsl.WriteTo(r.B, s, topic)
	return t
}
