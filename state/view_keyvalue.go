package state

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// KeyValueView is the queries of a key-value store: they see exactly what was
// committed. It is safe for concurrent use. A read of one key goes to the key's
// partition; a read of several yields the partitions that this instance has, one
// after the other, each in order of encoded keys and as of one commit. An error
// ends a read.
type KeyValueView[K, V any] struct {
	view view[*KeyValueStore[K, V]]
	s    *KeyValueSpec[K, V]
}

// View implements [Queryable].
func (s *KeyValueSpec[K, V]) View(src graph.Queries, opts ...QueryOption) *KeyValueView[K, V] {
	return &KeyValueView[K, V]{newView[*KeyValueStore[K, V]](s.name, src, opts), s}
}

// Get returns the value of k. ok is false when there is none.
func (q *KeyValueView[K, V]) Get(ctx context.Context, k K) (v V, ok bool, err error) {
	e, ok, err := q.GetEntry(ctx, k)
	return e.Value, ok, err
}

// GetEntry returns the value of k with its time and headers.
func (q *KeyValueView[K, V]) GetEntry(ctx context.Context, k K) (e Entry[K, V], ok bool, err error) {
	key, keyErr := q.s.key.AppendTo(nil, k)
	err = q.view.at(ctx, key, keyErr, func(s *KeyValueStore[K, V]) (err error) {
		e, ok, err = s.GetEntry(k)
		return err
	})
	return e, ok, err
}

// All yields all entries.
func (q *KeyValueView[K, V]) All(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return q.entries(ctx, false, (*KeyValueStore[K, V]).All)
}

// AllReverse is All from the last entry to the first.
func (q *KeyValueView[K, V]) AllReverse(ctx context.Context) iter.Seq2[Entry[K, V], error] {
	return q.entries(ctx, true, (*KeyValueStore[K, V]).AllReverse)
}

// Range yields the entries of the keys from and to and of all between them.
func (q *KeyValueView[K, V]) Range(ctx context.Context, from, to K) iter.Seq2[Entry[K, V], error] {
	return q.entries(ctx, false, func(s *KeyValueStore[K, V]) iter.Seq2[Entry[K, V], error] { return s.Range(from, to) })
}

// RangeReverse is Range from the last entry to the first.
func (q *KeyValueView[K, V]) RangeReverse(ctx context.Context, from, to K) iter.Seq2[Entry[K, V], error] {
	return q.entries(ctx, true, func(s *KeyValueStore[K, V]) iter.Seq2[Entry[K, V], error] { return s.RangeReverse(from, to) })
}

// Prefix yields the entries whose encoded keys begin with prefix.
func (q *KeyValueView[K, V]) Prefix(ctx context.Context, prefix []byte) iter.Seq2[Entry[K, V], error] {
	return q.entries(ctx, false, func(s *KeyValueStore[K, V]) iter.Seq2[Entry[K, V], error] { return s.Prefix(prefix) })
}

func (q *KeyValueView[K, V]) entries(ctx context.Context, reverse bool, of func(*KeyValueStore[K, V]) iter.Seq2[Entry[K, V], error]) iter.Seq2[Entry[K, V], error] {
	return eachEntry(ctx, &q.view, reverse, of)
}

// eachEntry yields what a read of each local partition yields.
func eachEntry[S, E any](ctx context.Context, v *view[S], reverse bool, of func(S) iter.Seq2[E, error]) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		err := v.each(ctx, reverse, func(s S) bool {
			for e, err := range of(s) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					var none E
					yield(none, fmt.Errorf("store %s: %w", v.name, err))
					return false
				}
				if !yield(e, nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			var none E
			yield(none, err)
		}
	}
}

// Ask asks each partition of the store by itself and returns their answers in
// order, also of those that this instance does not have: these have an Err. The
// store that the question is given is as of one commit, refuses writes, and is
// not to be kept. (KIP-796)
func (q *KeyValueView[K, V]) Ask[R any](ctx context.Context, question func(*KeyValueStore[K, V]) (R, error)) []Answer[R] {
	return ask(ctx, &q.view, question)
}

// Watch yields what k has now, and then each change of it with the commit that
// brought it, until ctx ends, which is no error. Of several changes between two
// commits it yields the last. While the partition moves it waits; when another
// instance has it, it ends with a [*NotLocalError].
func (q *KeyValueView[K, V]) Watch(ctx context.Context, k K) iter.Seq2[Update[V], error] {
	key, err := q.s.key.AppendTo(nil, k)
	return (&watch[*KeyValueStore[K, V], Update[V]]{
		view: &q.view, key: key, keyErr: err, one: true,
		read: func(_ *KeyValueStore[K, V], layers *overlay.Store, found func(entry, raw []byte)) error {
			raw, ok, err := layers.Get(key)
			if ok && err == nil {
				found(nil, raw)
			}
			return err
		},
		there: func(s *KeyValueStore[K, V], _, raw []byte) (Update[V], error) {
			v, at, _, err := s.decode(raw)
			return Update[V]{Value: v, Has: true, Time: time.UnixMilli(at)}, err
		},
		gone: func(*KeyValueStore[K, V], []byte) (Update[V], error) { return Update[V]{}, nil },
	}).updates(ctx)
}
