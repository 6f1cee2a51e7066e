package topology

import (
	"errors"
	"reflect"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
)

// Supplied is a supplier as builders take it.
type Supplied struct {
	Bind    op.Bind
	Problem func() string // what is wrong with the supplier, or ""
}

var errSuppliedNil = errors.New("the supplier returned nil")

const nilSupplier = "the supplier is nil"

// Supply takes the supplier of a Processor. It is for builders.
func Supply[K, V, K2, V2 any, P Processor[K, V, K2, V2]](supply func() P) Supplied {
	return Supplied{
		Bind: bindProcessor(func() Processor[K, V, K2, V2] { return supply() }),
		Problem: func() string {
			if supply == nil {
				return nilSupplier
			}
			return checkSupplier(func() any { return supply() }, reflect.TypeFor[Initializer[K2, V2]]())
		},
	}
}

// SupplyValues takes the supplier of a ValueProcessor. It is for builders.
func SupplyValues[K, V, V2 any, P ValueProcessor[K, V, V2]](supply func() P) Supplied {
	return Supplied{
		Bind: bindValueProcessor(func() ValueProcessor[K, V, V2] { return supply() }),
		Problem: func() string {
			if supply == nil {
				return nilSupplier
			}
			return checkSupplier(func() any { return supply() }, reflect.TypeFor[ValueInitializer[K, V2]]())
		},
	}
}

// bindProcessor binds a node that runs a Processor. Its Init is registered
// before those of its children.
func bindProcessor[K, V, K2, V2 any](supply func() Processor[K, V, K2, V2]) op.Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		p := supply()
		if isNil(p) {
			return nil, errSuppliedNil
		}
		c := &Context[K2, V2]{scope: newScope(b, n)}
		var init func() error
		if i, ok := p.(Initializer[K2, V2]); ok {
			init = func() error { return i.Init(c) }
		}
		c.hooks(init, p)
		if err := c.out.bind(b, n, c.global); err != nil {
			return nil, err
		}
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			c.enter(m, true)
			return c.leave(p.Process(c, recordOf(k, v, m)))
		}), nil
	}
}

// bindValueProcessor binds a node that runs a ValueProcessor.
func bindValueProcessor[K, V, V2 any](supply func() ValueProcessor[K, V, V2]) op.Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		p := supply()
		if isNil(p) {
			return nil, errSuppliedNil
		}
		c := &ValueContext[K, V2]{scope: newScope(b, n)}
		var init func() error
		if i, ok := p.(ValueInitializer[K, V2]); ok {
			init = func() error { return i.Init(c) }
		}
		c.hooks(init, p)
		if err := c.out.bind(b, n, c.global); err != nil {
			return nil, err
		}
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			c.enter(m, true)
			c.key = k
			return c.leave(p.Process(c, recordOf(k, v, m)))
		}), nil
	}
}
