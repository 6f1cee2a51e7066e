package op

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// ForeignReceive keeps subscriptions and passes them on. One without a foreign
// key, of a left join, has nothing to wait for and is not kept.
func ForeignReceive[FK, K any](st *graph.Store) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[FK, Subscription[K]](b, n)
		if err != nil {
			return nil, err
		}
		store, err := subscriptionStore[FK, K](b, st)
		if err != nil {
			return nil, err
		}
		in := b.Instance
		return flow.Next[FK, Subscription[K]](func(fk FK, s Subscription[K], m *flow.Meta) error {
			switch {
			case !m.NoKey:
				if err := store.update(fk, s, m); err != nil {
					return err
				}
			case s.Instruction != SubscribeAndAnswer:
				in.Dropped(n, "null foreign key")
				return nil
			}
			return next(fk, s, m)
		}), nil
	}
}

func subscriptionStore[FK, K any](b *graph.Binder, st *graph.Store) (*SubscriptionStore[FK, K], error) {
	s, err := b.Store(st)
	if err != nil {
		return nil, err
	}
	return s.(*SubscriptionStore[FK, K]), nil
}

// ForeignAnswer answers subscriptions as they come, with the rows of the other
// table. An answer has the higher time of both.
func ForeignAnswer[FK, K, V2 any](get BindGetter[FK, V2]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, Response[V2]](b, n)
		if err != nil {
			return nil, err
		}
		read, err := get(b)
		if err != nil {
			return nil, err
		}
		return flow.Next[FK, Subscription[K]](func(fk FK, s Subscription[K], m *flow.Meta) (err error) {
			if s.Instruction == Unsubscribe {
				return nil
			}
			out := Response[V2]{Hash: s.Hash, Partition: s.Partition}
			saved, noKey := m.Time, m.NoKey
			if !noKey {
				var at int64
				if out.Value, at, out.HasValue, err = read(fk); err != nil {
					return err
				}
				if out.HasValue {
					m.Time = max(m.Time, at)
				}
			}
			switch {
			case s.Instruction == UnsubscribeAndAnswer:
				out.HasValue = false
			case s.Instruction == Subscribe && !out.HasValue:
				m.Time = saved
				return nil
			}
			m.NoKey = false
			err = next(s.Key, out, m)
			m.Time, m.NoKey = saved, noKey
			return err
		}), nil
	}
}

// ForeignUpdate answers all subscriptions to a row of the other table when the
// row changes. Updates of a versioned table that are not the latest of their key
// are dropped.
func ForeignUpdate[FK, K, V2 any](st *graph.Store, versioned func() bool) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, Response[V2]](b, n)
		if err != nil {
			return nil, err
		}
		store, err := subscriptionStore[FK, K](b, st)
		if err != nil {
			return nil, err
		}
		in, latestOnly := b.Instance, versioned()
		return flow.Next[FK, flow.Change[V2]](func(fk FK, c flow.Change[V2], m *flow.Meta) error {
			switch {
			case m.NoKey:
				in.Dropped(n, "null key")
				return nil
			case latestOnly && c.Late:
				in.Dropped(n, "out-of-order update of a versioned table")
				return nil
			}
			noValue := m.NoValue
			m.NoValue = false
			err := store.each(fk, func(s Subscription[K]) error {
				return next(s.Key, Response[V2]{Hash: s.Hash, Value: c.New, HasValue: c.HasNew, Partition: s.Partition}, m)
			})
			m.NoValue = noValue
			return err
		}), nil
	}
}

// ForeignResolveSpec is where the answers of a foreign-key join are joined.
type ForeignResolveSpec[K, V, V2, R any] struct {
	Get   BindGetter[K, V] // the left table
	Value serde.Serde[V]
	Topic graph.Topic // of the subscriptions
	Left  bool
	Join  Joiner[K, V, V2, R]
}

// ForeignResolve joins answers with the rows that asked for them. An answer to
// an earlier row is dropped.
func ForeignResolve[K, V, V2, R any](spec ForeignResolveSpec[K, V, V2, R]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, R](b, n)
		if err != nil {
			return nil, err
		}
		read, err := spec.Get(b)
		if err != nil {
			return nil, err
		}
		value := serde.Bind(spec.Value, b.Instance.TopicName(spec.Topic)+"-vh", false)
		in, id, nulls := b.Instance, int32(n.ID), flow.NullsOf[R]()
		var buf []byte
		return flow.Next[K, Response[V2]](func(k K, a Response[V2], m *flow.Meta) error {
			v, _, ok, err := read(k)
			if err != nil {
				return err
			}
			var now RowHash
			if ok {
				if buf, err = value.AppendTo(buf[:0], v); err != nil {
					return fmt.Errorf("value: %w", err)
				}
				now = hashOf(buf)
			}
			if now != a.Hash {
				in.Dropped(n, "answer to an earlier row of a foreign-key join")
				return nil
			}
			m.Node = id
			var r R
			has := false
			if ok && (a.HasValue || spec.Left) {
				r = spec.Join(k, v, true, a.Value, a.HasValue)
				has = !nulls.Is(&r)
			}
			noValue := m.NoValue
			m.NoValue = !has
			err = next(k, r, m)
			m.NoValue = noValue
			return err
		}), nil
	}
}
