package stream

import (
	"strconv"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
)

// Split is a stream on its way into branches. A record goes to the first branch
// whose predicate holds, in the order of the calls of Branch, and to no other;
// what no branch takes goes to the default branch, or is left out if there is
// none. (KIP-418)
type Split[K, V any] struct {
	s        *KStream[K, V]
	keep     []func(K, V) bool
	branches []*dsl.Step
	fallback *dsl.Step
}

// Split begins to split the stream into branches:
//
//	parts := orders.Split().Named("orders-")
//	large := parts.Branch("large", isLarge)
//	small := parts.Default("small")
//
// A null value of a type that can't say null goes to the default branch.
func (s *KStream[K, V]) Split() *Split[K, V] {
	p := &Split[K, V]{s: s}
	step := &dsl.Step{Op: "Split", Prefix: "KSTREAM-BRANCH-", Place: graph.Place(), Parents: []*dsl.Step{s.step}}
	step.Write = func(step *dsl.Step, w *dsl.Writer) {
		branches := p.branches
		if p.fallback != nil {
			branches = append(branches[:len(branches):len(branches)], p.fallback)
		}
		names := make([]string, len(branches))
		for i, b := range branches {
			names[i] = b.Node
		}
		w.Processor(step, step.Node, op.Split(p.keep, names))
	}
	c := *s
	c.step, c.written = s.b.Add(step), nil
	p.s = &c
	return p
}

// Named names the node that splits. The names of its branches begin with it.
func (p *Split[K, V]) Named(name string) *Split[K, V] {
	p.s.Named(name)
	return p
}

// Branch adds a branch and returns its stream. The name of its node is that of
// the split followed by name, or by the branch's number, from 1, if name is
// empty.
func (p *Split[K, V]) Branch(name string, keep func(K, V) bool) *KStream[K, V] {
	p.s.b.Need("Branch", "keep", keep != nil)
	p.keep = append(p.keep, keep)
	s := p.branch("Branch", name, len(p.keep))
	p.branches = append(p.branches, s.step)
	return s
}

// Default returns the stream of what no branch takes. The name of its node ends
// with name, or with 0 if name is empty.
func (p *Split[K, V]) Default(name string) *KStream[K, V] {
	s := p.branch("Default", name, 0)
	if p.fallback != nil {
		p.s.b.Fail(s.step.Place, "Default", "the split has a default branch at %s already", p.fallback.Place)
		return s
	}
	p.fallback = s.step
	return s
}

func (p *Split[K, V]) branch(call, name string, number int) *KStream[K, V] {
	s := p.s.same(call, "", op.Pass[K, V]())
	if name == "" {
		name = strconv.Itoa(number)
	}
	parent := p.s.step
	s.step.Number = func(s *dsl.Step, c *dsl.Counter) { s.Node = c.Or(orElse(s.Given, parent.Node+name), "") }
	return s
}

func orElse(given, name string) string {
	if given != "" {
		return given
	}
	return name
}
