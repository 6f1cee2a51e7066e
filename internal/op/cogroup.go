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
	// Read finds the present value of a key, when a cache is flushed.
	Read BindGetter[K, V]
}

// Merge sends on what nodes with a store in common made of it. The store's
// cache is here, so that it forwards each key once.
func Merge[K, V any](spec MergeSpec[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		read, err := spec.Read(b)
		if err != nil {
			return nil, err
		}
		out, err := NewForwarder[K, V](b, n, spec.Store, spec.SendOld(), spec.Key, read)
		if err != nil {
			return nil, err
		}
		return flow.Next[K, flow.Change[V]](func(k K, c flow.Change[V], m *flow.Meta) error {
			return out.Send(k, c, c.Old, c.HasOld, m.Time, m)
		}), nil
	}
}
