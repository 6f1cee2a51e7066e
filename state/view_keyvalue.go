package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
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

const watchRetry = 100 * time.Millisecond

// Watch yields what k has now, and then each change of it with the commit that
// brought it, until ctx ends, which is no error. Of several changes between two
// commits it yields the last. While the partition moves it waits; when another
// instance has it, it ends with a [*NotLocalError].
func (q *KeyValueView[K, V]) Watch(ctx context.Context, k K) iter.Seq2[Update[V], error] {
	return func(yield func(Update[V], error) bool) {
		key, err := q.s.key.AppendTo(nil, k)
		if err != nil {
			yield(Update[V]{}, fmt.Errorf("store %s: key: %w", q.view.name, err))
			return
		}
		w := watch[K, V]{q: q, key: key, yield: yield}
		for ctx.Err() == nil {
			next, err := w.look(ctx)
			switch {
			case errors.Is(err, ErrNotReady), errors.Is(err, ErrMoved):
				next = nil
			case err != nil:
				if ctx.Err() == nil {
					yield(Update[V]{}, err)
				}
				return
			case w.stopped:
				return
			}
			var retry <-chan time.Time
			if next == nil {
				retry = time.After(watchRetry)
			}
			select {
			case <-next:
			case <-retry:
			case <-ctx.Done():
			}
		}
	}
}

// watch is a Watch under way.
type watch[K, V any] struct {
	q       *KeyValueView[K, V]
	key     []byte
	last    []byte // entry that was yielded last, nil for none
	told    bool
	yield   func(Update[V], error) bool
	stopped bool
}

func (w *watch[K, V]) look(ctx context.Context) (<-chan struct{}, error) {
	p, err := w.q.view.partitionOf(ctx, w.key)
	if err != nil {
		return nil, err
	}
	s, r, err := w.q.view.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if r.Layers == nil {
		r.Release()
		return nil, fmt.Errorf("store %s: a global store can't be watched", w.q.view.name)
	}
	raw, ok, err := r.Layers.Get(w.key)
	r.Release()
	if err != nil {
		return nil, err
	}
	if !ok {
		raw = nil
	}
	if w.told && ok == (w.last != nil) && bytes.Equal(raw, w.last) {
		return r.Next, nil
	}
	u := Update[V]{Has: ok}
	if ok {
		v, at, _, err := s.decode(raw)
		if err != nil {
			return nil, fmt.Errorf("store %s: %w", w.q.view.name, err)
		}
		u.Value, u.Time = v, time.UnixMilli(at)
	}
	w.told, w.last = true, raw
	w.stopped = !w.yield(u, nil)
	return r.Next, nil
}
