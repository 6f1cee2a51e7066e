package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
)

// Suppression is when a suppressed update comes out.
type Suppression struct {
	Final      bool
	Wait       int64 // milliseconds
	MaxRecords int   // 0: no limit
	MaxBytes   int
	Strict     bool
	Unlogged   bool
	LogConfig  map[string]string
	Problem    string
}

// SuppressTable adds the step of a table whose updates wait.
func SuppressTable[K, V any](r *Rows[K, V], x Suppression) *Table[K, V] {
	b, place := r.B, graph.Place()
	const call = "Suppress"
	switch {
	case x.Problem != "":
		b.Fail(place, call, "%s", x.Problem)
	case x.Final && r.GraceMillis < 0:
		b.Fail(place, call, "the table is not windowed: there is no window that closes")
	case r.Versioned != nil && r.Versioned():
		b.Fail(place, call, "the table is versioned: its updates can't be suppressed")
	}
	if x.Final {
		x.Wait = r.GraceMillis
	}
	r.NeedOld(true)
	st := &graph.Store{Place: place, Logged: !x.Unlogged, LogConfig: x.LogConfig, AutoNamed: true}
	op.DefineSuppressBuffer(st)
	spec := &op.SuppressSpec[K, V]{
		Store: st, Wait: x.Wait, Final: x.Final, MaxRecords: x.MaxRecords, MaxBytes: x.MaxBytes, Strict: x.Strict,
		Key: Serde(b, r.Key, place, call, "keys"), Value: Serde(b, r.Value, place, call, "values"),
	}
	s := b.Add(&Step{Op: call, Place: place, Parents: []*Step{r.Step}, Prefix: "KTABLE-SUPPRESS-"})
	s.Number = func(s *Step, c *Counter) {
		if s.Given != "" {
			s.Node, st.Name = s.Given, s.Given+"-store"
			return
		}
		s.Node, st.Name = c.Name(s.Prefix), c.Store(s.Prefix)
	}
	s.Write = func(s *Step, w *Writer) {
		if s.Given == "" {
			b.RequireName(w, s, "the buffer of suppressed updates")
		}
		w.Processor(s, s.Node, op.Suppress(*spec), st)
	}
	d := &Rows[K, V]{
		B: b, Step: s, Key: r.Key, Value: r.Value, Sources: r.Sources, GraceMillis: r.GraceMillis,
		NeedOld: r.NeedOld, Materialize: r.Materialize, Versioned: func() bool { return false },
	}
	d.Get = func(binder *graph.Binder) (op.Getter[K, V], error) { return op.SuppressGetter(spec, r.Get)(binder) }
	d.GetStores = func() []*graph.Store { return append(r.GetStores(), st) }
	d.Keep = func(*graph.Store, bool) {
		b.Fail(graph.Place(), "Materialize", "suppressed updates have no store of their own: materialize what comes before or behind")
	}
	return Wrap(d)
}
