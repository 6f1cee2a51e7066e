package state

import (
	"context"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/window"
)

// WindowView is the queries of a window store: they see exactly what was
// committed. It is safe for concurrent use. Reads of one key go to the key's
// partition; others yield the partitions that this instance has, one after the
// other, each in the order of [WindowStore] and as of one commit. Windows are
// those whose start is from from to to, both included. An error ends a read.
type WindowView[K, V any] struct {
	view view[*WindowStore[K, V]]
	s    *WindowsSpec[K, V]
}

// View implements [Queryable].
func (s *WindowsSpec[K, V]) View(src graph.Queries, opts ...QueryOption) *WindowView[K, V] {
	return &WindowView[K, V]{newView[*WindowStore[K, V]](s.name, src, opts), s}
}

// Fetch returns the value of k in the window that starts at start. ok is false
// when there is none.
func (q *WindowView[K, V]) Fetch(ctx context.Context, k K, start time.Time) (v V, ok bool, err error) {
	key, keyErr := q.s.key.AppendTo(nil, k)
	err = q.view.at(ctx, key, keyErr, func(s *WindowStore[K, V]) (err error) {
		v, ok, err = s.Fetch(k, start)
		return err
	})
	return v, ok, err
}

// FetchRange yields the windows of k.
func (q *WindowView[K, V]) FetchRange(ctx context.Context, k K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	return ofKey(ctx, &q.view, key, err, func(s *WindowStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] {
		return s.FetchRange(k, from, to)
	})
}

// FetchKeys yields the windows of the keys first and last and of all between them.
func (q *WindowView[K, V]) FetchKeys(ctx context.Context, first, last K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return eachEntry(ctx, &q.view, false, func(s *WindowStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] {
		return s.FetchKeys(first, last, from, to)
	})
}

// FetchAll yields the windows of all keys.
func (q *WindowView[K, V]) FetchAll(ctx context.Context, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return eachEntry(ctx, &q.view, false, func(s *WindowStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] {
		return s.FetchAll(from, to)
	})
}

// All yields all windows of all keys.
func (q *WindowView[K, V]) All(ctx context.Context) iter.Seq2[Entry[window.Key[K], V], error] {
	return eachEntry(ctx, &q.view, false, (*WindowStore[K, V]).All)
}

// Watch yields the windows of k as they are now, and then each change of them
// with the commit that brought it, until ctx ends, which is no error: first what
// expired or was removed, then what is new or has another value. Of several
// changes between two commits it yields the last. Each commit of the partition
// reads all these windows of k, so narrow the range of a key that has many. A
// store that keeps duplicates yields each of them, all under the key of their
// window. While the partition moves it waits; when another instance has it, it
// ends with a [*NotLocalError].
func (q *WindowView[K, V]) Watch(ctx context.Context, k K, from, to time.Time) iter.Seq2[WindowUpdate[K, V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	w := watch[*WindowStore[K, V], WindowUpdate[K, V]]{
		view: &q.view, key: key, keyErr: err,
		read: func(s *WindowStore[K, V], _ *overlay.Store, found func(entry, raw []byte)) error {
			r := span{lo: key, only: true, from: max(0, from.UnixMilli()), to: to.UnixMilli()}
			return s.time.scan(r, false, false, func(entry, raw []byte) bool {
				found(entry, raw)
				return true
			})
		},
		there: func(s *WindowStore[K, V], entry, raw []byte) (WindowUpdate[K, V], error) {
			e, err := s.decode(entry, raw)
			return windowUpdate(e), err
		},
		gone: func(s *WindowStore[K, V], entry []byte) (u WindowUpdate[K, V], err error) {
			u.Key, err = s.windowKey(entry)
			return u, err
		},
	}
	return w.updates(ctx)
}

// Ask asks each partition by itself, as [KeyValueView.Ask] does.
func (q *WindowView[K, V]) Ask[R any](ctx context.Context, question func(*WindowStore[K, V]) (R, error)) []Answer[R] {
	return ask(ctx, &q.view, question)
}

// ofKey yields what a read of the partition of one key yields.
func ofKey[S, E any](ctx context.Context, v *view[S], key []byte, keyErr error, of func(S) iter.Seq2[E, error]) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		stopped := false
		err := v.at(ctx, key, keyErr, func(s S) error {
			for e, err := range of(s) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				if stopped = !yield(e, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var none E
			yield(none, err)
		}
	}
}
