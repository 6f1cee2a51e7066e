package dsl

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// Nodes returns the builder of nodes by hand. They are written behind all steps.
func (b *Builder) Nodes() *topology.Builder {
	if b.nodes == nil {
		b.nodes = topology.Part(b.Use)
		b.Later(func(w *Writer) { b.nodes.Write(w.Builder) })
	}
	return b.nodes
}

// Supplied makes s the step of a processor of the user. A name that is given
// takes no number.
func (b *Builder) Supplied(s *Step, p topology.Supplied, specs []state.Spec) {
	stores := b.storesOf(s, specs)
	s.Number = func(s *Step, c *Counter) {
		s.Node = s.Given
		if s.Node == "" {
			s.Node = c.Name(s.Prefix)
		}
	}
	s.Write = func(s *Step, w *Writer) {
		if problem := p.Problem(); problem != "" {
			w.Fail(s.Place, s.Op, "%s", problem)
		}
		global := func(st *graph.Store) bool { return st.Global }
		w.Processor(s, s.Node, p.Bind, slices.DeleteFunc(slices.Clone(stores), global)...)
	}
}

// storesOf returns the stores of the handles that are given to a processor.
func (b *Builder) storesOf(s *Step, specs []state.Spec) []*graph.Store {
	var stores []*graph.Store
	for _, spec := range specs {
		if Missing(spec) {
			b.Fail(s.Place, s.Op, "a store handle is nil: leave it out, or make one")
			continue
		}
		stores = append(stores, b.Use(spec))
	}
	return stores
}

// Handle returns the handle of a store. A nil one is a mistake: instead, which
// has no name, then stands in for it.
func Handle[S state.Spec](b *Builder, op string, spec, instead S) S {
	if !Missing(spec) {
		return spec
	}
	b.Fail(Place(), op, "the store handle is nil: give the operator one")
	st := instead.Define()
	st.Name, st.Problems = fmt.Sprintf("nil-%d", len(b.specs)), nil
	b.specs[instead] = st
	return instead
}

// Missing says whether a handle is nil, or holds a nil pointer.
func Missing(spec state.Spec) bool {
	if spec == nil {
		return true
	}
	v := reflect.ValueOf(spec)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// GlobalStep is the step of a global store that a processor of the user fills.
func (b *Builder) GlobalStep(source *Step, spec state.Spec, topic string, p topology.Supplied) *Step {
	s := &Step{Op: source.Op, Place: source.Place, Prefix: "KTABLE-SOURCE-", Parents: []*Step{source}}
	source.Number = func(src *Step, c *Counter) {
		given := ""
		if s.Given != "" {
			given = s.Given + "-source"
		}
		src.Node = c.Or(given, src.Prefix)
	}
	if Missing(spec) {
		b.Fail(s.Place, s.Op, "the store handle is nil: give the operator one")
		return b.Add(s)
	}
	st := b.Use(spec)
	st.Global, st.Logged, st.LogConfig = true, false, nil
	st.SourceTopic = &graph.Topic{Name: topic}
	s.Write = func(s *Step, w *Writer) {
		if problem := p.Problem(); problem != "" {
			w.Fail(s.Place, s.Op, "%s", problem)
		}
		st.Nodes = append(st.Nodes, w.Processor(s, s.Node, p.Bind, st))
	}
	return b.Add(s)
}
