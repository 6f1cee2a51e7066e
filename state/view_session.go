package state

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/window"
)

// SessionView is the queries of a session store: they see exactly what was
// committed. It is safe for concurrent use. Reads of one key go to the key's
// partition; others yield the partitions that this instance has, one after the
// other, each in the order of [SessionStore] and as of one commit. An error ends
// a read.
type SessionView[K, V any] struct {
	view view[*SessionStore[K, V]]
	s    *SessionsSpec[K, V]
}

// View implements [Queryable].
func (s *SessionsSpec[K, V]) View(src graph.Queries, opts ...QueryOption) *SessionView[K, V] {
	return &SessionView[K, V]{newView[*SessionStore[K, V]](s.name, src, opts), s}
}

// FetchSession returns the value of the session of k with this start and end. ok
// is false when there is none.
func (q *SessionView[K, V]) FetchSession(ctx context.Context, k K, start, end time.Time) (v V, ok bool, err error) {
	key, keyErr := q.s.key.AppendTo(nil, k)
	err = q.view.at(ctx, key, keyErr, func(s *SessionStore[K, V]) (err error) {
		v, ok, err = s.FetchSession(k, start, end)
		return err
	})
	return v, ok, err
}

// Find yields the sessions of k that end at earliestEnd or later and start at
// latestStart or earlier.
func (q *SessionView[K, V]) Find(ctx context.Context, k K, earliestEnd, latestStart time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	return ofKey(ctx, &q.view, key, err, func(s *SessionStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] {
		return s.Find(k, earliestEnd, latestStart)
	})
}

// Fetch yields all sessions of k.
func (q *SessionView[K, V]) Fetch(ctx context.Context, k K) iter.Seq2[Entry[window.Key[K], V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	return ofKey(ctx, &q.view, key, err, func(s *SessionStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] { return s.Fetch(k) })
}

// FetchKeys yields all sessions of the keys first and last and of all between them.
func (q *SessionView[K, V]) FetchKeys(ctx context.Context, first, last K) iter.Seq2[Entry[window.Key[K], V], error] {
	return eachEntry(ctx, &q.view, false, func(s *SessionStore[K, V]) iter.Seq2[Entry[window.Key[K], V], error] {
		return s.FetchKeys(first, last)
	})
}

// All yields all sessions of all keys.
func (q *SessionView[K, V]) All(ctx context.Context) iter.Seq2[Entry[window.Key[K], V], error] {
	return eachEntry(ctx, &q.view, false, (*SessionStore[K, V]).All)
}

// Watch yields the sessions of k that end at earliestEnd or later and start at
// latestStart or earlier as they are now, and then each change of them with the
// commit that brought it, as [WindowView.Watch] does. A session that grows is gone
// under its old times and there under its new ones.
func (q *SessionView[K, V]) Watch(ctx context.Context, k K, earliestEnd, latestStart time.Time) iter.Seq2[WindowUpdate[K, V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	w := watch[*SessionStore[K, V], WindowUpdate[K, V]]{
		view: &q.view, key: key, keyErr: err,
		read: func(s *SessionStore[K, V], _ *overlay.Store, found func(entry, raw []byte)) error {
			r := span{lo: key, only: true, from: max(0, earliestEnd.UnixMilli()), to: math.MaxInt64}
			return s.time.scan(r, false, false, func(entry, raw []byte) bool {
				if int64At(entry[len(entry)-8:]) <= latestStart.UnixMilli() {
					found(entry, raw)
				}
				return true
			})
		},
		there: func(s *SessionStore[K, V], entry, raw []byte) (WindowUpdate[K, V], error) {
			e, err := s.decode(entry, raw)
			return windowUpdate(e), err
		},
		gone: func(s *SessionStore[K, V], entry []byte) (u WindowUpdate[K, V], err error) {
			u.Key, err = s.sessionKey(entry)
			return u, err
		},
	}
	return w.updates(ctx)
}

// Ask asks each partition by itself, as [KeyValueView.Ask] does.
func (q *SessionView[K, V]) Ask[R any](ctx context.Context, question func(*SessionStore[K, V]) (R, error)) []Answer[R] {
	return ask(ctx, &q.view, question)
}
