package stream

import (
	"iter"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// KStream is a stream of records. Each operator returns a new stream; a stream
// may have any number of operators behind it, which get its records in the
// order in which they were added.
//
// A null key or value reaches a function only if its type can say null:
// pointers, slices, maps and interfaces say it as nil, [serde.Null] wraps other
// types. For types that can't, operators on values pass a null value on
// untouched, and a null key reads as the zero value.
type KStream[K, V any] struct {
	b       *dsl.Builder
	step    *dsl.Step
	key     serde.Serde[K] // nil if not known
	value   serde.Serde[V]
	moved   bool // the key may have changed: records are not where their keys belong
	sources []*dsl.Step
	written *dsl.Step // the sink of a To just called, for Named
}

// Of returns the updates of a table as a stream. A delete is a null value.
func Of[K, V any](t *table.KTable[K, V]) *KStream[K, V] {
	r := dsl.Of((*dsl.Table[K, V])(t))
	s := r.B.Processor("Of", "KTABLE-TOSTREAM-", op.TableToStream[K, V](), r.Step)
	return &KStream[K, V]{b: r.B, step: s, key: r.Key, value: r.Value, sources: r.Sources}
}

// Via returns f of the stream, for functions that build on streams within a chain.
func (s *KStream[K, V]) Via[R any](f func(*KStream[K, V]) R) R { return f(s) }

// Named names the node of the operator before it, be it one without a result
// such as To. Names are unique in a topology.
func (s *KStream[K, V]) Named(name string) *KStream[K, V] {
	if s.written != nil {
		s.written.Given = name
	} else {
		s.step.Given = name
	}
	if name == "" {
		s.b.Fail(dsl.Place(), "Named", "the name is empty")
	}
	return s
}

// Serdes sets the serdes of keys and values from here on. A nil one stays as it is.
func (s *KStream[K, V]) Serdes(key serde.Serde[K], value serde.Serde[V]) *KStream[K, V] {
	c := *s
	if key != nil {
		c.key = key
	}
	if value != nil {
		c.value = value
	}
	return &c
}

// same returns the stream behind a step that changes neither keys nor types.
func (s *KStream[K, V]) same(name, prefix string, bind op.Bind) *KStream[K, V] {
	c := *s
	c.written = nil
	c.step = s.b.Processor(name, prefix, bind, s.step)
	return &c
}

// valued returns the stream behind a step that changes values.
func valued[K, V, V2 any](s *KStream[K, V], name, prefix string, bind op.Bind) *KStream[K, V2] {
	step := s.b.Processor(name, prefix, bind, s.step)
	step.ValueChanging = true
	return &KStream[K, V2]{b: s.b, step: step, key: s.key, value: dsl.Same[V, V2](s.value), moved: s.moved, sources: s.sources}
}

// keyless marks the step before s as one that does not look at keys.
func keyless[K, V any](s *KStream[K, V]) *KStream[K, V] {
	s.step.Keyless = true
	return s
}

// keyed returns the stream behind a step that changes keys.
func keyed[K, V, K2, V2 any](s *KStream[K, V], name, prefix string, bind op.Bind) *KStream[K2, V2] {
	step := s.b.Processor(name, prefix, bind, s.step)
	step.KeyChanging = true
	return &KStream[K2, V2]{b: s.b, step: step, key: dsl.Same[K, K2](s.key), value: dsl.Same[V, V2](s.value), moved: true, sources: s.sources}
}

// Filter keeps the records for which keep returns true.
func (s *KStream[K, V]) Filter(keep func(K, V) bool) *KStream[K, V] {
	s.b.Need("Filter", "keep", keep != nil)
	return s.same("Filter", "KSTREAM-FILTER-", op.Filter(keep, true))
}

// FilterNot keeps the records for which drop returns false.
func (s *KStream[K, V]) FilterNot(drop func(K, V) bool) *KStream[K, V] {
	s.b.Need("FilterNot", "drop", drop != nil)
	return s.same("FilterNot", "KSTREAM-FILTER-", op.Filter(drop, false))
}

// MapValues maps each value. The key stays, so nothing is repartitioned.
func (s *KStream[K, V]) MapValues[V2 any](f func(V) V2) *KStream[K, V2] {
	s.b.Need("MapValues", "f", f != nil)
	return keyless(valued[K, V, V2](s, "MapValues", "KSTREAM-MAPVALUES-", op.MapValue[K](f)))
}

// MapValuesWithKey is MapValues with the key at hand.
func (s *KStream[K, V]) MapValuesWithKey[V2 any](f func(K, V) V2) *KStream[K, V2] {
	s.b.Need("MapValuesWithKey", "f", f != nil)
	return valued[K, V, V2](s, "MapValuesWithKey", "KSTREAM-MAPVALUES-", op.MapValues(f))
}

// Map maps key and value. What needs keys in place behind it repartitions.
func (s *KStream[K, V]) Map[K2, V2 any](f func(K, V) (K2, V2)) *KStream[K2, V2] {
	s.b.Need("Map", "f", f != nil)
	return keyed[K, V, K2, V2](s, "Map", "KSTREAM-MAP-", op.Map(f))
}

// SelectKey sets a new key.
func (s *KStream[K, V]) SelectKey[K2 any](f func(K, V) K2) *KStream[K2, V] {
	s.b.Need("SelectKey", "f", f != nil)
	return keyed[K, V, K2, V](s, "SelectKey", "KSTREAM-KEY-SELECT-", op.SelectKey(f))
}

// FlatMapValues maps each value to any number of values, such as
// strings.FieldsSeq.
func (s *KStream[K, V]) FlatMapValues[V2 any](f func(V) iter.Seq[V2]) *KStream[K, V2] {
	s.b.Need("FlatMapValues", "f", f != nil)
	return keyless(valued[K, V, V2](s, "FlatMapValues", "KSTREAM-FLATMAPVALUES-", op.FlatMapValues(func(_ K, v V) iter.Seq[V2] { return f(v) })))
}

// FlatMapValuesWithKey is FlatMapValues with the key at hand.
func (s *KStream[K, V]) FlatMapValuesWithKey[V2 any](f func(K, V) iter.Seq[V2]) *KStream[K, V2] {
	s.b.Need("FlatMapValuesWithKey", "f", f != nil)
	return valued[K, V, V2](s, "FlatMapValuesWithKey", "KSTREAM-FLATMAPVALUES-", op.FlatMapValues(f))
}

// FlatMap maps each record to any number of records.
func (s *KStream[K, V]) FlatMap[K2, V2 any](f func(K, V) iter.Seq2[K2, V2]) *KStream[K2, V2] {
	s.b.Need("FlatMap", "f", f != nil)
	return keyed[K, V, K2, V2](s, "FlatMap", "KSTREAM-FLATMAP-", op.FlatMap(f))
}

// Peek calls f with each record and passes it on. After a crash f may be called
// again for the same record.
func (s *KStream[K, V]) Peek(f func(K, V)) *KStream[K, V] {
	s.b.Need("Peek", "f", f != nil)
	return s.same("Peek", "KSTREAM-PEEK-", op.Peek(f))
}

// ForEach calls f with each record. After a crash f may be called again for the
// same record.
func (s *KStream[K, V]) ForEach(f func(K, V)) *KStream[K, V] {
	s.b.Need("ForEach", "f", f != nil)
	return s.same("ForEach", "KSTREAM-FOREACH-", op.Peek(f))
}

// Merge joins two streams into one. There is no order between them.
func (s *KStream[K, V]) Merge(o *KStream[K, V]) *KStream[K, V] {
	if o == nil {
		s.b.Fail(dsl.Place(), "Merge", "the other stream is nil")
		return s
	}
	if o.b != s.b {
		s.b.Fail(dsl.Place(), "Merge", "the other stream belongs to another builder")
		return s
	}
	step := s.b.Processor("Merge", "KSTREAM-MERGE-", op.Pass[K, V](), s.step, o.step)
	step.Merge, step.Keyless = true, true
	c := &KStream[K, V]{b: s.b, step: step, key: s.key, value: s.value, moved: s.moved || o.moved}
	c.sources = append(append(c.sources, s.sources...), o.sources...)
	return c
}

// To writes the stream to a topic. The topic must exist.
func (s *KStream[K, V]) To(t topology.Topic[K, V]) *KStream[K, V] {
	c := *s
	c.written = dsl.WriteTo(s.b, s.step, t)
	return &c
}
