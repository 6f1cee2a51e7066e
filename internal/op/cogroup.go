package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// MergeSpec is the merge behind several nodes that keep one store.
type MergeSpec[K, V any] struct {
	Store   *graph.Store
	Key     serde.Serde[K]
	SendOld func() bool
}

// Merge sends on what nodes with a store in common made of it. The store's
// cache is here, so that it forwards each key once.
func Merge[K, V any](spec MergeSpec[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		store, err := b.Store(spec.Store)
		if err != nil {
			return nil, err
		}
		var read func(k K) (V, int64, bool, error)
		if s, ok := store.(interface {
			FindHeld(k K) (V, int64, bool, error)
		}); ok {
			read = s.FindHeld // what has expired meanwhile too
		} else {
			read = store.(TableStore[K, V]).Find
		}
		held := spec.Store
		if held.EmitOnClose {
			held = nil // a final result has nothing to wait for in a cache
		}
		out, err := NewForwarder[K, V](b, n, held, spec.SendOld(), spec.Key, read)
		if err != nil {
			return nil, err
		}
		return flow.Next[K, flow.Change[V]](func(k K, c flow.Change[V], m *flow.Meta) error {
			return out.Send(k, c, c.Old, c.HasOld, m.Time, m)
		}), nil
	}
}
