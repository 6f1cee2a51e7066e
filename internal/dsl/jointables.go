package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
)

// TablesJoin is a join of two tables.
type TablesJoin[K, L, R, O any] struct {
	Op    string
	Join  op.Joiner[K, L, R, O]
	Left  bool // rows of the left table without one of the right are joined too
	Outer bool // and those of the right one; Left is set too
}

// JoinTables adds the step of a join of two tables. The result has rows of its
// own only with a store: else they are computed when they are read.
func JoinTables[K, L, R, O any](left *Rows[K, L], right *Rows[K, R], j TablesJoin[K, L, R, O]) *Table[K, O] {
	b := left.B
	n := &tablesNodes[K, L, R, O]{TablesJoin: j, left: left, right: right}
	d := &Rows[K, O]{
		B: b, Key: left.Key, Value: Same[L, O](left.Value), Sources: union(left.Sources, right.Sources),
		GraceMillis: max(left.GraceMillis, right.GraceMillis),
	}
	if d.Key == nil {
		d.Key = right.Key
	}
	n.rows = d
	d.Step = &Step{Op: j.Op, Parents: []*Step{left.Step, right.Step}, Number: n.number, Write: n.write}
	d.Step.Place = Place()
	sameBuilder(b, right.B, d.Step)
	b.Need(j.Op, "f", j.Join != nil)
	if j.Left {
		left.NeedOld(true)
	}
	if j.Outer {
		right.NeedOld(true)
	}
	left.Materialize()
	right.Materialize()
	b.Add(d.Step)
	d.NeedOld = func(bool) bool {
		if !n.sendOld {
			left.NeedOld(true)
			right.NeedOld(true)
		}
		n.sendOld = true
		return true
	}
	d.Materialize, d.Versioned = func() {}, func() bool { return false }
	d.Get = func(b *graph.Binder) (op.Getter[K, O], error) {
		return op.JoinGetter(left.Get, right.Get, j.Join, j.Left, j.Outer)(b)
	}
	d.GetStores = func() []*graph.Store { return append(left.GetStores(), right.GetStores()...) }
	d.Keep = func(st *graph.Store, named bool) {
		d.Store, d.Named = st, named
		d.Get = op.StoreGetter[K, O](func() *graph.Store { return st })
		d.GetStores = func() []*graph.Store { return []*graph.Store{st} }
		if st.Kind == graph.VersionedStore {
			b.Fail(d.Step.Place, d.Step.Op, "the result of a join can't be versioned")
		}
	}
	return Wrap(d)
}

// tablesNodes is the nodes of a join of two tables.
type tablesNodes[K, L, R, O any] struct {
	TablesJoin[K, L, R, O]
	left    *Rows[K, L]
	right   *Rows[K, R]
	rows    *Rows[K, O]
	this    string
	other   string
	sendOld bool
}

func (n *tablesNodes[K, L, R, O]) number(s *Step, c *Counter) {
	if st := n.rows.Store; st != nil && !n.rows.Named {
		st.Name = c.Store("KTABLE-MERGE-")
	}
	s.Node, n.this, n.other = c.Name("KTABLE-MERGE-"), c.Name("KTABLE-JOINTHIS-"), c.Name("KTABLE-JOINOTHER-")
	if s.Given != "" {
		s.Node, n.this, n.other = s.Given, s.Given+"-join-this", s.Given+"-join-other"
	}
}

func (n *tablesNodes[K, L, R, O]) write(s *Step, w *Writer) {
	w.copartition(s, n.rows.Sources)
	old := func() bool { return n.sendOld }
	this := w.Behind(s, n.this, op.TableSide(op.TableSideSpec[K, L, R, O]{
		Other: n.right.Get, Join: n.Join, Alone: n.Left, OtherAlone: n.Outer, Versioned: n.left.versioned, SendOld: old,
	}), n.left.Step.Out)
	other := w.Behind(s, n.other, op.TableSide(op.TableSideSpec[K, R, L, O]{
		Other: n.left.Get, Join: n.Join.Reversed(), Alone: n.Outer, OtherAlone: n.Left, Versioned: n.right.versioned, SendOld: old,
	}), n.right.Step.Out)
	s.Out = w.Behind(s, s.Node, op.TableMerge(op.TableMergeSpec[K, O]{Store: n.rows.Store, Key: n.rows.Key, SendOld: old}), this, other)
	for _, st := range n.right.GetStores() {
		w.Use(this, st)
	}
	for _, st := range n.left.GetStores() {
		w.Use(other, st)
	}
	w.Use(s.Out, n.rows.Store)
}
