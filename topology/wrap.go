package topology

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state"
)

// Wrapper is asked for each processor of a topology, those of the DSL's
// operators too, what is to run around it. Sources and sinks are no processors.
// The zero Wrapping leaves a processor as it is, at no cost. (KIP-1112)
type Wrapper func(name string) Wrapping

// Wrapping is what runs around a processor.
type Wrapping struct {
	// Stores are connected to the processor beside its own. A handle that is given
	// to several processors is one store that they share, which puts them into the
	// same tasks.
	Stores []state.Spec

	// Open is called in each task when its stores are restored, before the first
	// record. Nil leaves the processor as it is.
	Open func(ctx *WrapContext) (Around, error)
}

// Around is called for each record that a processor gets. next lets the
// processor have it, and returns when it and all behind it are done; it is called
// at most once, and without it the record goes no further. The result is that of
// the processor: an error of next is returned on. On the edges of tables the
// Value of r is the new row. An update of a row to a delete has NoValue set. What
// is written to r reaches nobody.
//
// Punctuations are not wrapped, and what a cache holds is forwarded later than
// the record that it comes from.
type Around func(r Record[any, any], next func() error) error

// WrapContext is the context of an [Around], as [Context] is a processor's: that
// of the same node and task.
type WrapContext struct{ scope }

// WrapProcessors sets what runs around the processors. It can be called before
// or behind what adds them; the last call counts. A nil w is nothing.
func (b *Builder) WrapProcessors(w Wrapper) {
	b.wrap = w
	if b.part {
		b.fail(graph.Place(), "WrapProcessors", "these nodes are a part of a stream.Builder: give the wrapper to that")
	}
}

// WrapNodes lets w wrap all processors of a graph: use gives the stores of
// handles. It is for builders.
func WrapNodes(g *graph.Builder, w Wrapper, use func(state.Spec) *graph.Store) {
	if w == nil {
		return
	}
	for _, n := range g.Nodes() {
		if n.Kind != graph.ProcessorNode {
			continue
		}
		wrapping := w(n.Name)
		for _, spec := range wrapping.Stores {
			if isNil(spec) {
				g.Fail(n.Place, n.Op, "a store handle of the wrapper of node %q is nil", n.Name)
				continue
			}
			g.Connect(n, g.AddStore(use(spec)))
		}
		if wrapping.Open != nil {
			n.Around = bindWrapping(wrapping)
		}
	}
}

// wrapped is the context of one Around and what its Open returned.
type wrapped struct {
	WrapContext
	around Around
}

func bindWrapping(w Wrapping) func(b *graph.Binder, n *graph.Node) (graph.Around, error) {
	return func(b *graph.Binder, n *graph.Node) (graph.Around, error) {
		r := &wrapped{WrapContext: WrapContext{newScope(b, n)}}
		b.OnStart(func() error {
			return r.run("Open of the wrapper", func() (err error) {
				r.around, err = w.Open(&r.WrapContext)
				return err
			})
		})
		return r.process, nil
	}
}

func (w *wrapped) process(key, value any, m *flow.Meta, next func() error) error {
	if w.around == nil {
		return next()
	}
	r := recordOf(key, value, m)
	if c, ok := value.(flow.Row); ok {
		if r.Value, ok = c.Row(); !ok {
			r.Value, r.NoValue = nil, true
		}
	}
	w.enter(m, true)
	return w.leave(w.around(r, func() error {
		if err := next(); err != nil {
			return w.fail(err) // m tells the node that it is of
		}
		m.Node = int32(w.node.ID)
		return nil
	}))
}
