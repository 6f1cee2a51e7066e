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
	r := &Rows[K, V]{B: b, Key: t.KeySerde(), Value: t.ValueSerde(), GraceMillis: -1, FromTopic: true}
	source, generated := readSource(r, "Table", t)
	write := updates(r, state.KeyValue("", r.Key, r.Value), generated)
	r.Step = b.Add(&Step{Op: "Table", Prefix: "KTABLE-SOURCE-", Place: source.Place, Parents: []*Step{source},
		Write: func(s *Step, w *Writer) {
			write(s, w)
			if r.Store != nil && b.ReuseSourceTopics {
				topic := source.Out.Source.Topics[0]
				r.Store.SourceTopic, r.Store.LogConfig = &topic, nil
			}
		}})
	r.Sources = []*Step{source}
	return Wrap(r)
}

// ReadGlobal adds the steps that read a topic as a global table, whose store
// has that topic as its changelog.
func ReadGlobal[K, V any](b *Builder, t topology.Topic[K, V], spec state.TableSpec[K, V]) *Global[K, V] {
	const call = "GlobalTable"
	spec = Handle[state.TableSpec[K, V]](b, call, spec, state.KeyValue[K, V]("", nil, nil))
	r := &Rows[K, V]{B: b, Key: t.KeySerde(), Value: t.ValueSerde(), GraceMillis: -1}
	source, generated := readSource(r, call, t)
	write := updates(r, spec, generated)
	r.Step = b.Add(&Step{Op: call, Prefix: "KTABLE-SOURCE-", Place: source.Place, Parents: []*Step{source},
		Write: func(s *Step, w *Writer) {
			write(s, w)
			r.Store.Nodes = append(r.Store.Nodes, s.Out)
		}})
	st := b.Own(spec, r.Step)
	r.Keep(st, spec.StoreName() != "")
	switch src, _ := t.Source(); {
	case src.Pattern != nil:
		b.Fail(source.Place, call, "a topic pattern can't fill a store")
	case st.TTLMillis > 0:
		b.Fail(source.Place, call, "the keys of store %q expire: those of a global table can't", st.Name)
	case st.Kind == graph.VersionedStore:
		b.Fail(source.Place, call, "store %q is versioned: that of a global table can't be", st.Name)
	default:
		st.SourceTopic = &src.Topics[0]
	}
	st.Global, st.Logged, st.Cached, st.LogConfig = true, false, false, nil
	return &Global[K, V]{g: r}
}

// readSource adds the steps that number the store of a table and read its
// topic. generated is the store's name if none is given.
func readSource[K, V any](r *Rows[K, V], call string, t topology.Topic[K, V]) (source *Step, generated func() string) {
	var name string
	numbers := r.B.Add(&Step{Op: call, Number: func(_ *Step, c *Counter) {
		if r.Store == nil || !r.Named {
			name = c.Store(t.Name() + "-")
		}
	}})
	source = ReadTopics(r.B, call, t)
	numbers.Place = source.Place
	source.Number = func(s *Step, c *Counter) {
		given := ""
		if r.Step.Given != "" {
			given = r.Step.Given + "-source"
		}
		s.Node = c.Or(given, s.Prefix)
	}
	return source, func() string { return name }
}

// ToTable adds the step that turns a stream into a table; moved says that its
// records are not where their keys belong.
func ToTable[K, V any](b *Builder, parent *Step, key serde.Serde[K], value serde.Serde[V], moved bool, sources []*Step) *Table[K, V] {
	const call = "ToTable"
	place := graph.Place()
	r := &Rows[K, V]{B: b, Sources: sources, GraceMillis: -1}
	r.Key, r.Value = Serde(b, key, place, call, "keys"), Serde(b, value, place, call, "values")
	var generated string
	final := &Step{Op: call, Place: place, Prefix: "KSTREAM-TOTABLE-"}
	b.Add(&Step{Op: call, Place: place, Number: func(_ *Step, c *Counter) {
		final.Node = c.Or(final.Given, final.Prefix)
		if r.Store == nil || !r.Named {
			generated = c.Store(final.Prefix)
		}
	}})
	if moved {
		parent = Repartitioned(b, call, &RepartitionStep{Name: func() string { return final.Node }}, parent, r.Key, r.Value, nil)
		r.Sources = []*Step{parent}
	}
	write := updates(r, state.KeyValue("", r.Key, r.Value), func() string { return generated })
	final.Parents = []*Step{parent}
	final.Number = func(*Step, *Counter) {}
	final.Write = func(s *Step, w *Writer) {
		if moved && s.Given == "" {
			b.RequireName(w, s, "the repartition topic in front of the table")
		}
		write(s, w)
	}
	r.Step = b.Add(final)
	return Wrap(r)
}

// updates makes r the table of a stream of updates, and returns what writes its
// node.
func updates[K, V any](r *Rows[K, V], auto state.Spec, generated func() string) func(s *Step, w *Writer) {
	StoreTable(r, auto, generated)
	sendOld := false
	r.NeedOld = func(force bool) bool {
		if force {
			r.Materialize()
		}
		sendOld = sendOld || r.Store != nil
		return sendOld
	}
	return func(s *Step, w *Writer) {
		if r.Store != nil && r.Store.AutoNamed && !r.B.GeneratedNames {
			w.Fail(s.Place, s.Op, "the rows of the table are read behind it: give it a store with Materialize, or ask the builder for generated names")
		}
		spec := op.TableSourceSpec[K, V]{Key: r.Key, Store: r.Store, SendOld: func() bool { return sendOld }}
		w.Processor(s, s.Node, op.TableSource(spec), r.Store)
	}
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
	chosen := false
	r.Unnamed = func(spec state.Spec) { auto, chosen = spec, true }
	r.Materialize = func() {
		if r.Store == nil {
			st := r.B.Use(auto)
			st.AutoNamed = true
			if !chosen { // what is wrong with its serdes is told where they come from
				st.Place, st.Problems = r.Step.Place, nil
			}
			r.B.cached(st)
			r.Keep(st, false)
		}
	}
	store := func() *graph.Store { return r.Store }
	r.Get, r.GetAsOf = op.StoreGetter[K, V](store), op.StoreAsOf[K, V](store)
	r.GetStores = func() []*graph.Store { return []*graph.Store{r.Store} }
	r.Versioned = func() bool { return r.Store != nil && r.Store.Kind == graph.VersionedStore }
}

// Adopt makes the serdes of a store that is given to a table those of the table,
// unless it has them from its topic.
func Adopt[K, V any](r *Rows[K, V], spec state.TableSpec[K, V]) {
	s, ok := spec.(Serdes[K, V])
	if !ok || r.FromTopic {
		return
	}
	if key := s.KeySerde(); key != nil {
		r.Key = key
	}
	if value := s.ValueSerde(); value != nil {
		r.Value = value
	}
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
