// Package dsl is what the packages stream and table share: the steps that a
// user's calls add up to, and how they become nodes.
//
// There are only a few types: a [Builder] collects a [Step] per call; Build
// numbers them in the order of the calls, lets the optimiser at them and writes
// each into a graph. [Table] is what both packages know of a table.
//
// Numbers are given out at Build, so that a name that follows an operator
// counts as if it had been there at the call.
package dsl

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
)

// Step is one call of the user.
type Step struct {
	Op      string // the operator as the user called it
	Place   string // file:line of the call
	Given   string // name given by Named
	Prefix  string // of a generated name
	Node    string // the name of the step's node, once numbered
	Parents []*Step

	// Number takes the step's numbers from the counter and sets its names. Nil
	// stands for one number and the name made of Prefix, or the given one.
	Number func(s *Step, c *Counter)
	// Write adds the step's nodes; the last of them becomes Out.
	Write func(s *Step, w *Writer)
	// Out is what children attach to.
	Out *graph.Node

	// KeyChanging marks a step behind which records are not where their keys
	// belong, ValueChanging one that changes values, Merge a merge. Keyless is said of
	// its node: see [graph.Node].
	KeyChanging   bool
	ValueChanging bool
	Merge         bool
	Keyless       bool
	NullKeys      bool             // a join that takes records with a null key
	Repartition   *RepartitionStep // of a step that is a repartition
	Children      []*Step
}

// Counter gives out the numbers of generated names, one for all of a builder's steps.
type Counter struct{ n int }

// Name returns prefix with the next number.
func (c *Counter) Name(prefix string) string {
	s := fmt.Sprintf("%s%010d", prefix, c.n)
	c.n++
	return s
}

// Store returns the generated name of a store.
func (c *Counter) Store(prefix string) string { return c.Name(prefix + "STATE-STORE-") }

// Or takes the next number and returns given unless it is empty.
func (c *Counter) Or(given, prefix string) string {
	if n := c.Name(prefix); given == "" {
		return n
	}
	return given
}

// Writer is what steps write themselves to.
type Writer struct {
	*graph.Builder
	b *Builder
}

// Processor adds a processor node behind the step's parents and makes it Out.
func (w *Writer) Processor(s *Step, name string, bind op.Bind, stores ...*graph.Store) *graph.Node {
	n := w.Behind(s, name, bind, Outs(s.Parents)...)
	n.Keyless = s.Keyless
	for _, st := range stores {
		w.Use(n, st)
	}
	s.Out = n
	return n
}

// Behind adds a processor node behind other nodes.
func (w *Writer) Behind(s *Step, name string, bind op.Bind, parents ...*graph.Node) *graph.Node {
	return w.Add(&graph.Node{Name: name, Kind: graph.ProcessorNode, Place: s.Place, Op: s.Op, Bind: bind}, parents...)
}

// Use adds the store and connects n to it.
func (w *Writer) Use(n *graph.Node, st *graph.Store) {
	if st == nil {
		return
	}
	w.Connect(n, w.AddStore(st))
}

// Outs returns the nodes that the children of steps attach to.
func Outs(steps []*Step) []*graph.Node {
	nodes := make([]*graph.Node, len(steps))
	for i, s := range steps {
		nodes[i] = s.Out
	}
	return nodes
}

// Place returns the file:line of the user's call.
func Place() string { return graph.Place() }
