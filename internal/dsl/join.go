package dsl

import (
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// Stream is what a join knows of a stream that goes into it.
type Stream[K, V any] struct {
	B       *Builder
	Step    *Step
	Key     serde.Serde[K] // nil if not known
	Value   serde.Serde[V]
	Moved   bool // records are not where their keys belong
	Sources []*Step
}

// placed returns the stream with its records where their keys belong: it
// repartitions in front of the join of step by if they are not. suffix follows
// the join's name in that of the topic, and fallback is the topic's name, or
// empty, where neither the join nor the stream has one.
//
// Joins without a name behind one stream share its last repartition; whether a
// join has one shows only when the steps are numbered.
func (s Stream[K, V]) placed(by *Step, suffix, fallback string) Stream[K, V] {
	if !s.Moved {
		return s
	}
	b, from := s.B, s.Step
	s.Key = Serde(b, s.Key, by.Place, by.Op, "keys")
	s.Value = Serde(b, s.Value, by.Place, by.Op, "values")
	r := &RepartitionStep{Name: func() string {
		switch {
		case by.Given != "":
			return by.Given + suffix
		case from.Given == "" && !b.GeneratedNames && fallback != "":
			return fallback
		}
		return from.Node
	}}
	step := Repartitioned(b, by.Op, r, from, s.Key, s.Value, nil)
	step.Place = by.Place
	number, write := step.Number, step.Write
	step.Number = func(step *Step, c *Counter) {
		number(step, c)
		if first := b.rekeyed[from]; first != nil && by.Given == "" {
			step.standFor(first)
			return
		}
		b.rekeyed[from] = step
	}
	step.Write = func(step *Step, w *Writer) {
		if by.Given == "" && from.Given == "" && fallback == "" {
			b.RequireName(w, by, "the repartition topic in front of the join")
		}
		write(step, w)
	}
	s.Step, s.Moved, s.Sources = step, false, []*Step{step}
	return s
}

// standFor makes s another name of first: what comes behind s comes behind first.
func (s *Step) standFor(first *Step) {
	for _, p := range s.Parents {
		p.Children = slices.DeleteFunc(p.Children, func(c *Step) bool { return c == s })
	}
	for _, c := range s.Children {
		replace(c.Parents, s, first)
	}
	first.Children = append(first.Children, s.Children...)
	s.Repartition, s.Parents, s.Children = nil, nil, nil
	s.Write = func(s *Step, _ *Writer) { s.Out = first.Out }
}

// union returns the steps of both lists, each once.
func union(a, b []*Step) []*Step {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// copartition demands that the topics of the sources have equal numbers of
// partitions. It is called when the sources are written.
func (w *Writer) copartition(s *Step, sources []*Step) {
	nodes := []*graph.Node{}
	for _, n := range Outs(sources) {
		if !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	w.Copartition(graph.CopartitionGroup{Sources: nodes, Place: s.Place, Op: s.Op})
}

// sameBuilder notes the mistake of a join over two builders.
func sameBuilder(a, b *Builder, by *Step) {
	if a != b {
		a.Fail(by.Place, by.Op, "the other side belongs to another builder")
	}
}

// keepNulls lets records with a null key pass the repartitions that have a join
// which takes them somewhere behind.
func keepNulls(steps []*Step) {
	known := make(map[*Step]bool)
	var behind func(s *Step) bool
	behind = func(s *Step) bool {
		keep, ok := known[s]
		if !ok {
			keep = slices.ContainsFunc(s.Children, func(c *Step) bool { return c.NullKeys || behind(c) })
			known[s] = keep
		}
		return keep
	}
	for _, s := range steps {
		if s.Repartition != nil {
			s.Repartition.KeepNull = behind(s)
		}
	}
}

// digits is the number in a generated name.
func digits(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }
