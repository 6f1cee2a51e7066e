package dsl

import (
	"reflect"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
)

// TableJoin is a join of a stream with a table.
type TableJoin[K, V, V2, R any] struct {
	Op      string
	Join    op.Joiner[K, V, V2, R]
	Left    bool // records without a row are joined too
	Options []join.TableOption
}

// JoinTable adds the steps of a join of a stream with a table.
func JoinTable[K, V, V2, R any](s Stream[K, V], t *Rows[K, V2], j TableJoin[K, V, V2, R]) Stream[K, R] {
	b := s.B
	final := &Step{Op: j.Op, Place: Place(), Prefix: "KSTREAM-JOIN-", NullKeys: j.Left}
	if j.Left {
		final.Prefix = "KSTREAM-LEFTJOIN-"
	}
	sameBuilder(b, t.B, final)
	b.Need(j.Op, "f", j.Join != nil)
	if s.Key == nil {
		s.Key = t.Key
	}
	s = s.placed(final, "", "")
	t.Materialize()
	spec := op.StreamTableSpec[K, V, V2, R]{Left: j.Left, Join: j.Join}
	grace := joinGrace(s, t, final, j.Options)
	sources := union(s.Sources, t.Sources)
	final.Parents = []*Step{s.Step}
	final.Write = func(step *Step, w *Writer) {
		spec.Get = t.Get
		if t.versioned() {
			spec.AsOf = t.GetAsOf
		}
		w.copartition(step, sources)
		stores := t.GetStores()
		if spec.Grace = grace(step, w); spec.Grace != nil {
			stores = append([]*graph.Store{spec.Grace.Store}, stores...)
		}
		w.Processor(step, step.Node, op.StreamTable(spec), stores...)
	}
	b.Add(final)
	return Stream[K, R]{B: b, Step: final, Key: s.Key, Value: Same[V, R](s.Value), Sources: sources}
}

// joinGrace returns what makes the buffer of a join that waits for its table,
// or nil for others, once the join has a name.
func joinGrace[K, V, V2 any](s Stream[K, V], t *Rows[K, V2], final *Step, opts []join.TableOption) func(*Step, *Writer) *op.Grace[K, V] {
	o := join.Options(opts)
	if p := o.Problem(); p != "" {
		s.B.Fail(final.Place, final.Op, "%s", p)
	}
	if !o.Buffered {
		return func(*Step, *Writer) *op.Grace[K, V] { return nil }
	}
	s.Key = Serde(s.B, s.Key, final.Place, final.Op, "keys")
	s.Value = Serde(s.B, s.Value, final.Place, final.Op, "values")
	return func(step *Step, w *Writer) *op.Grace[K, V] {
		millis := o.Grace.Milliseconds()
		switch history := t.history(); {
		case !t.versioned():
			w.Fail(step.Place, step.Op, "the table is not versioned: a stream can wait only for a table with a history")
		case history >= 0 && history < millis:
			w.Fail(step.Place, step.Op, "the grace period of %v is longer than the history of the table, %d ms", o.Grace, history)
		}
		if step.Given == "" {
			s.B.RequireName(w, step, "the buffer of the join")
		}
		st := &graph.Store{Name: step.Node + "-Buffer", Place: step.Place, Logged: true, AutoNamed: step.Given == ""}
		return op.DefineJoinBuffer(st, millis, s.Key, s.Value)
	}
}

// versioned says whether the rows have a history.
func (r *Rows[K, V]) versioned() bool { return r.Versioned != nil && r.Versioned() }

// history is how many milliseconds the history of a versioned table is kept, -1
// if that is not known.
func (r *Rows[K, V]) history() int64 {
	for _, st := range r.GetStores() {
		if st != nil && st.Kind == graph.VersionedStore {
			return st.RetentionMillis
		}
	}
	return -1
}

// GlobalJoin is a join of a stream with a global table.
type GlobalJoin[K, V, GK, GV, R any] struct {
	Op     string
	Select func(K, V) GK
	Join   op.Joiner[K, V, GV, R]
	Left   bool // records without a row are joined too
}

// JoinGlobal adds the step of a join of a stream with a global table.
func JoinGlobal[K, V, GK, GV, R any](s Stream[K, V], t *Rows[GK, GV], j GlobalJoin[K, V, GK, GV, R]) Stream[K, R] {
	final := &Step{Op: j.Op, Place: Place(), Prefix: "KSTREAM-LEFTJOIN-", Parents: []*Step{s.Step}, NullKeys: j.Left}
	sameBuilder(s.B, t.B, final)
	s.B.Need(j.Op, "key", j.Select != nil)
	s.B.Need(j.Op, "f", j.Join != nil)
	// Behind a change of keys a repartition may only move in front of the join
	// if it can take the records there.
	final.ValueChanging = reflect.TypeFor[V]() != reflect.TypeFor[R]()
	final.Write = func(step *Step, w *Writer) {
		w.Processor(step, step.Node, op.StreamGlobal(op.StreamGlobalSpec[K, V, GK, GV, R]{
			Get: t.Get, Select: j.Select, Left: j.Left, Join: j.Join,
		}))
	}
	s.B.Add(final)
	return Stream[K, R]{B: s.B, Step: final, Key: s.Key, Value: Same[V, R](s.Value), Moved: s.Moved, Sources: s.Sources}
}
