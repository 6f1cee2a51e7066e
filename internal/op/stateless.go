package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// Types that can't say null get a closure that does not look for nulls in them.
//
// A null reaches a function only if its type can say null. A null value that
// can't is passed on untouched by what works on values; a null key reads as
// the zero value and stays null unless the operator sets a key.

// Filter keeps the records for which keep returns want. A null value of a type
// that can't say null passes.
func Filter[K, V any](keep func(K, V) bool, want bool) Bind {
	return unary(func(n *graph.Node, next flow.Next[K, V]) flow.Next[K, V] {
		id, silent := int32(n.ID), !flow.NullsOf[V]().Possible()
		return func(k K, v V, m *flow.Meta) error {
			m.Node = id
			if m.NoValue && silent || keep(k, v) == want {
				return next(k, v, m)
			}
			return nil
		}
	})
}

// unary binds a node with one input and the edge to all children.
func unary[K, V, K2, V2 any](f func(n *graph.Node, next flow.Next[K2, V2]) flow.Next[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K2, V2](b, n)
		if err != nil {
			return nil, err
		}
		return f(n, next), nil
	}
}

// MapValues maps values, with the key at hand.
func MapValues[K, V, V2 any](f func(K, V) V2) Bind {
	return unary(func(n *graph.Node, next flow.Next[K, V2]) flow.Next[K, V] {
		id, in, out := int32(n.ID), flow.NullsOf[V](), flow.NullsOf[V2]()
		if !in.Possible() && !out.Possible() {
			return func(k K, v V, m *flow.Meta) error {
				if m.NoValue {
					var none V2
					return next(k, none, m)
				}
				m.Node = id
				return next(k, f(k, v), m)
			}
		}
		return func(k K, v V, m *flow.Meta) error {
			null := m.NoValue
			if null && !in.Possible() {
				var none V2
				return next(k, none, m)
			}
			m.Node = id
			v2 := f(k, v)
			m.NoValue = out.Is(&v2)
			err := next(k, v2, m)
			m.NoValue = null
			return err
		}
	})
}

// MapValue maps values.
func MapValue[K, V, V2 any](f func(V) V2) Bind {
	return unary(func(n *graph.Node, next flow.Next[K, V2]) flow.Next[K, V] {
		id, in, out := int32(n.ID), flow.NullsOf[V](), flow.NullsOf[V2]()
		if !in.Possible() && !out.Possible() {
			return func(k K, v V, m *flow.Meta) error {
				if m.NoValue {
					var none V2
					return next(k, none, m)
				}
				m.Node = id
				return next(k, f(v), m)
			}
		}
		return func(k K, v V, m *flow.Meta) error {
			null := m.NoValue
			if null && !in.Possible() {
				var none V2
				return next(k, none, m)
			}
			m.Node = id
			v2 := f(v)
			m.NoValue = out.Is(&v2)
			err := next(k, v2, m)
			m.NoValue = null
			return err
		}
	})
}

// Map maps key and value. A null value that V can't say maps to a null one,
// with the key that f makes of a zero value.
func Map[K, V, K2, V2 any](f func(K, V) (K2, V2)) Bind {
	return unary(func(n *graph.Node, next flow.Next[K2, V2]) flow.Next[K, V] {
		id, in, kn, vn := int32(n.ID), flow.NullsOf[V](), flow.NullsOf[K2](), flow.NullsOf[V2]()
		plain := !kn.Possible() && !vn.Possible()
		return func(k K, v V, m *flow.Meta) error {
			m.Node = id
			if plain && !m.NoKey && !m.NoValue {
				k2, v2 := f(k, v)
				return next(k2, v2, m)
			}
			noKey, noValue := m.NoKey, m.NoValue
			k2, v2 := f(k, v)
			m.NoKey = kn.Is(&k2)
			m.NoValue = vn.Is(&v2) || noValue && !in.Possible()
			err := next(k2, v2, m)
			m.NoKey, m.NoValue = noKey, noValue
			return err
		}
	})
}

// SelectKey sets a new key.
func SelectKey[K, V, K2 any](f func(K, V) K2) Bind {
	return unary(func(n *graph.Node, next flow.Next[K2, V]) flow.Next[K, V] {
		id, kn := int32(n.ID), flow.NullsOf[K2]()
		plain := !kn.Possible()
		return func(k K, v V, m *flow.Meta) error {
			noKey := m.NoKey
			m.Node = id
			if plain && !noKey {
				return next(f(k, v), v, m)
			}
			k2 := f(k, v)
			m.NoKey = kn.Is(&k2)
			err := next(k2, v, m)
			m.NoKey = noKey
			return err
		}
	})
}

// Peek calls f and passes the record on. A null value that V can't say passes
// without a call.
func Peek[K, V any](f func(K, V)) Bind {
	return unary(func(n *graph.Node, next flow.Next[K, V]) flow.Next[K, V] {
		id, silent := int32(n.ID), !flow.NullsOf[V]().Possible()
		return func(k K, v V, m *flow.Meta) error {
			m.Node = id
			if !m.NoValue || !silent {
				f(k, v)
			}
			return next(k, v, m)
		}
	})
}

// Pass passes records on: a merge, a branch.
func Pass[K, V any]() Bind {
	return unary(func(_ *graph.Node, next flow.Next[K, V]) flow.Next[K, V] { return next })
}

// Split sends a record to the first child whose predicate holds; the child at
// the index of the last predicate, if there is one more, takes the rest, and a
// null value of a type that can't say null. A child is found by its name.
func Split[K, V any](predicates []func(K, V) bool, children []string) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next := make([]flow.Next[K, V], len(children))
		for i, name := range children {
			next[i] = flow.Fan[K, V](nil)
			for _, c := range n.Children {
				if c.Name != name {
					continue
				}
				f, err := graph.Child[K, V](b, n, c)
				if err != nil {
					return nil, err
				}
				next[i] = f
			}
		}
		id, silent := int32(n.ID), !flow.NullsOf[V]().Possible()
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			m.Node = id
			for i, p := range predicates {
				if m.NoValue && silent {
					break
				}
				if p(k, v) {
					return next[i](k, v, m)
				}
			}
			if len(next) > len(predicates) {
				return next[len(predicates)](k, v, m)
			}
			return nil
		}), nil
	}
}

// RequireKey leaves records with a null key out, in front of a repartition topic.
func RequireKey[K, V any]() Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, V](b, n)
		if err != nil {
			return nil, err
		}
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			if m.NoKey {
				return nil
			}
			return next(k, v, m)
		}), nil
	}
}
