package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// Table is a table as users hold it: table.KTable is defined by it. Its field
// is not theirs to see; packages of this module take it with Of.
type Table[K, V any] struct{ t *Rows[K, V] }

// Wrap returns the Table of rows.
func Wrap[K, V any](r *Rows[K, V]) *Table[K, V] { return &Table[K, V]{r} }

// Of returns the rows of a Table.
func Of[K, V any](t *Table[K, V]) *Rows[K, V] { return t.t }

// Global is a global table as users hold it: table.GlobalKTable is defined by it.
type Global[K, V any] struct{ g *Rows[K, V] }

// OfGlobal returns the rows of a Global. They have a store, and nothing comes
// behind its step.
func OfGlobal[K, V any](t *Global[K, V]) *Rows[K, V] { return t.g }

// Rows is what the packages stream and table know of a table.
type Rows[K, V any] struct {
	B     *Builder
	Step  *Step
	Key   serde.Serde[K]
	Value serde.Serde[V]
	// FromTopic says that the rows are read from a topic, whose serdes they keep.
	FromTopic bool

	// Store is the table's own store, nil while it is not materialised.
	Store *graph.Store
	// Named says that the store was asked for by a handle with a name.
	Named bool

	// NeedOld asks for the rows before an update. It materialises what has to
	// be, if force is set, and says whether old rows will come.
	NeedOld func(force bool) bool
	// Get reads rows, from the table's store or from those that it is made of,
	// which GetStores returns. Both are valid once the steps are written; Get
	// may be asked for only after Materialize.
	Get       op.BindGetter[K, V]
	GetStores func() []*graph.Store
	// GetAsOf reads the rows as of a time, of a table that is Versioned.
	GetAsOf op.BindAsOf[K, V]
	// Materialize makes rows readable: it gives a store to the table that the
	// rows come from in the end, if that has none.
	Materialize func()

	// Keep gives the table a store of its own.
	// named tells a handle with a name from a store that is named when the
	// steps are numbered.
	Keep func(st *graph.Store, named bool)
	// Unnamed takes a handle without a name in place of Keep, where that alone
	// does not give the table a store. It may be nil.
	Unnamed func(spec state.Spec)

	// Generated is the name of the store that the table would get, of the result
	// of a foreign-key join: Kafka Streams tells it whether there is one or not.
	// It may be nil.
	Generated func() string

	// Sources are the steps whose topics the table comes from.
	Sources []*Step
	// Versioned says that the rows have a history.
	Versioned func() bool
	// GraceMillis is the grace period of a windowed table, -1 of others.
	GraceMillis int64
}
