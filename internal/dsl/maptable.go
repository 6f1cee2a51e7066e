package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// MappedTable is a table made of another, row by row.
type MappedTable[K, V, V2 any] struct {
	Op, Prefix string
	Row        op.BindRow[K, V, V2]
	Value      serde.Serde[V2] // nil if not known
	// Lookup takes the place of Row where a row is read rather than updated, if
	// it is set.
	Lookup op.BindRow[K, V, V2]
	// Filters says that rows are kept or left out: updates from no row to no row
	// are then left out too, where old rows are known anyway.
	Filters bool
	// Unnumbered says that a handle without a name takes no number.
	Unnumbered bool
	// Stores are what the rows are computed with.
	Stores []*graph.Store
}

// MapTable adds the step of a table made of that of r. It has rows of its own
// only with a store: else they are computed when they are read.
func MapTable[K, V, V2 any](r *Rows[K, V], t MappedTable[K, V, V2]) *Table[K, V2] {
	// A filter behind rows that are kept leaves out deletes that tell nothing.
	sendOld := t.Filters && r.NeedOld(false)
	burnt := false
	d := &Rows[K, V2]{B: r.B, Key: r.Key, Value: t.Value, Sources: r.Sources, GraceMillis: r.GraceMillis}
	d.Step = r.B.Add(&Step{Op: t.Op, Prefix: t.Prefix, Parents: []*Step{r.Step}})
	d.Step.Number = func(s *Step, c *Counter) {
		if burnt {
			c.Name("")
		}
		s.Node = c.Or(s.Given, s.Prefix)
	}
	d.Step.Write = func(s *Step, w *Writer) {
		spec := op.TableMapSpec[K, V, V2]{
			Row: t.Row, Store: d.Store, Key: r.Key, SendOld: func() bool { return sendOld },
			// Out-of-order updates of versions are not told apart by their old rows.
			Sparse: t.Filters && !r.versioned(),
		}
		n := w.Processor(s, s.Node, op.TableMap(spec), t.Stores...)
		w.Use(n, d.Store)
	}
	d.NeedOld = func(force bool) bool {
		sendOld = sendOld || d.Store != nil || r.NeedOld(force)
		return sendOld
	}
	readThrough(d, r, t)
	d.Keep = func(st *graph.Store, named bool) {
		d.Store, d.Named = st, named
		store := func() *graph.Store { return st }
		d.Materialize = func() {}
		d.Get, d.GetAsOf = op.StoreGetter[K, V2](store), op.StoreAsOf[K, V2](store)
		d.GetStores = func() []*graph.Store { return []*graph.Store{st} }
		d.Versioned = func() bool { return st.Kind == graph.VersionedStore }
	}
	d.Unnamed = func(state.Spec) { burnt = !t.Unnumbered }
	return Wrap(d)
}

// readThrough lets the rows of d be computed from those of r when they are read.
func readThrough[K, V, V2 any](d *Rows[K, V2], r *Rows[K, V], t MappedTable[K, V, V2]) {
	node, row := func() *graph.Node { return d.Step.Out }, t.Row
	if t.Lookup != nil {
		row = t.Lookup
	}
	d.Materialize, d.Versioned = r.Materialize, func() bool { return r.Versioned != nil && r.Versioned() }
	d.Get = func(b *graph.Binder) (op.Getter[K, V2], error) { return op.MapGetter(r.Get, row, node)(b) }
	d.GetAsOf = func(b *graph.Binder) (op.AsOf[K, V2], error) { return op.MapAsOf(r.GetAsOf, row, node)(b) }
	d.GetStores = func() []*graph.Store { return append(r.GetStores(), t.Stores...) }
}
