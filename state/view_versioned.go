package state

import (
	"context"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// VersionedView is the queries of a versioned store: they see exactly what was
// committed. It is safe for concurrent use. Each goes to the partition of its
// key.
type VersionedView[K, V any] struct {
	view view[*VersionedStore[K, V]]
	s    *VersionedSpec[K, V]
}

// View implements [Queryable].
func (s *VersionedSpec[K, V]) View(src graph.Queries, opts ...QueryOption) *VersionedView[K, V] {
	return &VersionedView[K, V]{newView[*VersionedStore[K, V]](s.name, src, opts), s}
}

// Get returns the latest value of k. ok is false when there is none.
func (q *VersionedView[K, V]) Get(ctx context.Context, k K) (v V, ok bool, err error) {
	latest, ok, err := q.Latest(ctx, k)
	return latest.Value, ok, err
}

// Latest returns the latest version of k.
func (q *VersionedView[K, V]) Latest(ctx context.Context, k K) (v Version[V], ok bool, err error) {
	err = q.at(ctx, k, func(s *VersionedStore[K, V]) (err error) {
		v, ok, err = s.Latest(k)
		return err
	})
	return v, ok, err
}

// GetAsOf returns the version of k that was valid at a time.
func (q *VersionedView[K, V]) GetAsOf(ctx context.Context, k K, at time.Time) (v Version[V], ok bool, err error) {
	err = q.at(ctx, k, func(s *VersionedStore[K, V]) (err error) {
		v, ok, err = s.GetAsOf(k, at)
		return err
	})
	return v, ok, err
}

func (q *VersionedView[K, V]) at(ctx context.Context, k K, read func(*VersionedStore[K, V]) error) error {
	key, err := q.s.key.AppendTo(nil, k)
	return q.view.at(ctx, key, err, read)
}

// Versions yields the versions of k that are valid at some time in [from, to],
// the first one first. An error ends it. (KIP-968)
func (q *VersionedView[K, V]) Versions(ctx context.Context, k K, from, to time.Time) iter.Seq2[Version[V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	return ofKey(ctx, &q.view, key, err, func(s *VersionedStore[K, V]) iter.Seq2[Version[V], error] {
		return s.Versions(k, from, to)
	})
}

// Watch yields the latest version of k, and then each change of it, as
// [KeyValueView.Watch] does. The time of an update is since when its value is
// valid. Versions that come late, before the latest, are not told.
func (q *VersionedView[K, V]) Watch(ctx context.Context, k K) iter.Seq2[Update[V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	w := watch[*VersionedStore[K, V], Update[V]]{
		view: &q.view, key: key, keyErr: err, one: true,
		read: func(s *VersionedStore[K, V], _ *overlay.Store, found func(entry, raw []byte)) error {
			return s.latestRaw(k, func(from int64, raw []byte) {
				found(nil, append(appendInt64(nil, from), raw...))
			})
		},
		there: func(s *VersionedStore[K, V], _, raw []byte) (Update[V], error) {
			v, has, err := s.decode(raw[8:])
			return Update[V]{Value: v, Has: has, Time: time.UnixMilli(int64At(raw))}, err
		},
		gone: func(*VersionedStore[K, V], []byte) (Update[V], error) { return Update[V]{}, nil },
	}
	return w.updates(ctx)
}

// Ask asks each partition by itself, as [KeyValueView.Ask] does.
func (q *VersionedView[K, V]) Ask[R any](ctx context.Context, question func(*VersionedStore[K, V]) (R, error)) []Answer[R] {
	return ask(ctx, &q.view, question)
}
