package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// ReadTable adds the steps that read a topic as a table.
func ReadTable[K, V any](b *Builder, t topology.Topic[K, V]) *Table[K, V] {
	auto := state.KeyValue("", t.KeySerde(), t.ValueSerde())
	r := &Rows[K, V]{B: b, Key: t.KeySerde(), Value: t.ValueSerde(), GraceMillis: -1}
	var generated string
	names := b.Add(&Step{Op: "Table", Number: func(_ *Step, c *Counter) {
		if r.Store == nil || !r.Named {
			generated = c.Store(t.Name() + "-")
		}
	}})
	source := ReadTopics(b, "Table", t)
	names.Place = source.Place
	source.Number = func(s *Step, c *Counter) {
		given := ""
		if r.Step.Given != "" {
			given = r.Step.Given + "-source"
		}
		s.Node = c.Or(given, s.Prefix)
	}
	StoreTable(r, auto, func() string { return generated })
	sendOld := false
	r.NeedOld = func(force bool) bool {
		if force {
			r.Materialize()
		}
		sendOld = sendOld || r.Store != nil
		return sendOld
	}
	spec := op.TableSourceSpec[K, V]{Key: r.Key, SendOld: func() bool { return sendOld }, Store: func() *graph.Store { return r.Store }}
	r.Step = b.Add(&Step{Op: "Table", Prefix: "KTABLE-SOURCE-", Place: source.Place, Parents: []*Step{source},
		Write: func(s *Step, w *Writer) {
			w.Processor(s, s.Node, op.TableSource(spec), r.Store)
			if r.Store != nil && b.ReuseSourceTopics && r.Store.Logged && r.Store.LogConfig == nil {
				topic := source.Out.Source.Topics[0]
				r.Store.SourceTopic = &topic
			}
		}})
	r.Sources = []*Step{source}
	return Wrap(r)
}

// StoreTable gives r the functions of a table that can have a store of its
// own: auto is the handle of the store that it gets when its rows are needed,
// generated its name.
func StoreTable[K, V any](r *Rows[K, V], auto state.Spec, generated func() string) {
	r.Keep = func(st *graph.Store, named bool) {
		r.Store, r.Named = st, named
		if !named {
			r.B.WhenNumbered(func() { st.Name = generated() })
		}
	}
	r.Materialize = func() {
		if r.Store == nil {
			st := r.B.Use(auto)
			st.AutoNamed = true
			if !st.CacheChosen {
				st.Cached = r.B.Caching
			}
			r.Keep(st, false)
		}
	}
	r.Get = op.StoreGetter[K, V](func() *graph.Store { return r.Store })
	r.GetStores = func() []*graph.Store { return []*graph.Store{r.Store} }
	r.Versioned = func() bool { return r.Store != nil && r.Store.Kind == graph.VersionedStore }
}

// Serdes is implemented by the handles of stores that hold tables.
type Serdes[K, V any] interface {
	KeySerde() serde.Serde[K]
	ValueSerde() serde.Serde[V]
}

// KeySerdeOf returns the serde of a store's keys.
func KeySerdeOf[K, V any](spec state.TableSpec[K, V]) serde.Serde[K] {
	return spec.(Serdes[K, V]).KeySerde()
}

// ValueSerdeOf returns the serde of a store's values.
func ValueSerdeOf[K, V any](spec state.TableSpec[K, V]) serde.Serde[V] {
	return spec.(Serdes[K, V]).ValueSerde()
}
