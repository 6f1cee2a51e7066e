package op

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// Getter reads a row of a table that may not be materialised itself.
type Getter[K, V any] func(k K) (v V, at int64, ok bool, err error)

// BindGetter makes the Getter of a table for one task.
type BindGetter[K, V any] func(b *graph.Binder) (Getter[K, V], error)

// StoreGetter reads the rows of a table from its store.
func StoreGetter[K, V any](st func() *graph.Store) BindGetter[K, V] {
	return func(b *graph.Binder) (Getter[K, V], error) {
		s, err := tableStore[K, V](b, st())
		if err != nil {
			return nil, err
		}
		return s.Find, nil
	}
}

// AsOf reads the row of a table as it was at a time. from is when it became so.
type AsOf[K, V any] func(k K, at int64) (v V, from int64, ok bool, err error)

// BindAsOf makes the AsOf of a table for one task.
type BindAsOf[K, V any] func(b *graph.Binder) (AsOf[K, V], error)

// VersionedStore is a TableStore with a history.
type VersionedStore[K, V any] interface {
	TableStore[K, V]

	// FindAsOf returns the value that k had at a time, and since when.
	FindAsOf(k K, at int64) (v V, from int64, ok bool, err error)
}

// StoreAsOf reads the history of a table from its store.
func StoreAsOf[K, V any](st func() *graph.Store) BindAsOf[K, V] {
	return func(b *graph.Binder) (AsOf[K, V], error) {
		s, err := tableStore[K, V](b, st())
		if err != nil {
			return nil, err
		}
		v, ok := s.(VersionedStore[K, V])
		if !ok {
			return nil, fmt.Errorf("store %s keeps no history", st().Name)
		}
		return v.FindAsOf, nil
	}
}

// TableSourceSpec is a table made of a stream of updates.
type TableSourceSpec[K, V any] struct {
	Store   *graph.Store // nil: not materialised
	Key     serde.Serde[K]
	SendOld func() bool
}

// TableSource turns records into updates of a table. Null keys are dropped, a
// null value deletes. Updates out of order are applied as they come, but for a
// versioned store.
func TableSource[K, V any](spec TableSourceSpec[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		st := spec.Store
		if st == nil {
			return bindPlainTable[K, V](b, n)
		}
		store, err := tableStore[K, V](b, st)
		if err != nil {
			return nil, err
		}
		out, err := NewForwarder[K, V](b, n, st, spec.SendOld(), spec.Key, store.Find)
		if err != nil {
			return nil, err
		}
		in, wantsOld := b.Instance, out.WantsOld()
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			if m.NoKey {
				in.Dropped(n, "null key")
				return nil
			}
			var was V
			var had bool
			var err error
			if wantsOld {
				if was, _, had, err = store.Find(k); err != nil {
					return err
				}
			}
			late, expired, err := store.Update(k, v, !m.NoValue, m.Time, m.Headers)
			if err != nil || expired {
				return err
			}
			c := flow.Change[V]{New: v, HasNew: !m.NoValue, Old: was, HasOld: had, Late: late}
			return out.Send(k, c, was, had, m.Time, m)
		}), nil
	}
}

func bindPlainTable[K, V any](b *graph.Binder, n *graph.Node) (any, error) {
	next, err := graph.Children[K, flow.Change[V]](b, n)
	if err != nil {
		return nil, err
	}
	in := b.Instance
	return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
		if m.NoKey {
			in.Dropped(n, "null key")
			return nil
		}
		return next(k, flow.Change[V]{New: v, HasNew: !m.NoValue}, m)
	}), nil
}

// TableToStream turns updates of a table into records: a delete is a null value.
func TableToStream[K, V any]() Bind {
	return unary(func(_ *graph.Node, next flow.Next[K, V]) flow.Next[K, flow.Change[V]] {
		return func(k K, c flow.Change[V], m *flow.Meta) error {
			saved := m.NoValue
			m.NoValue = !c.HasNew
			err := next(k, c.New, m)
			m.NoValue = saved
			return err
		}
	})
}
