package state

import (
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// The reads below take windows whose start is from from to to, both included.
// The windows of one key come by start. Those of several keys come by start and
// then by key from a store in memory; from one on disk they come by segments of
// time, half the retention long but no less than a minute, and in each by key and
// then by start. Keys are in order of their encoded bytes. An error ends a read:
// it comes with a zero Entry. The loop may write to the store; it may or may not
// meet what it writes.

// FetchRange yields the windows of k.
func (s *WindowStore[K, V]) FetchRange(k K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{only: &k}, from, to, false)
}

// FetchRangeReverse is FetchRange from the last window to the first.
func (s *WindowStore[K, V]) FetchRangeReverse(k K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{only: &k}, from, to, true)
}

// FetchKeys yields the windows of the keys first and last and of all between them.
func (s *WindowStore[K, V]) FetchKeys(first, last K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first, last: &last}, from, to, false)
}

// FetchKeysReverse is FetchKeys from the last entry to the first.
func (s *WindowStore[K, V]) FetchKeysReverse(first, last K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first, last: &last}, from, to, true)
}

// FetchKeysFrom yields the windows of the key first and of all behind it.
func (s *WindowStore[K, V]) FetchKeysFrom(first K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first}, from, to, false)
}

// FetchKeysFromReverse is FetchKeysFrom from the last entry to the first.
func (s *WindowStore[K, V]) FetchKeysFromReverse(first K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first}, from, to, true)
}

// FetchKeysTo yields the windows of all keys before last and of last.
func (s *WindowStore[K, V]) FetchKeysTo(last K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{last: &last}, from, to, false)
}

// FetchKeysToReverse is FetchKeysTo from the last entry to the first.
func (s *WindowStore[K, V]) FetchKeysToReverse(last K, from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{last: &last}, from, to, true)
}

// FetchAll yields the windows of all keys.
func (s *WindowStore[K, V]) FetchAll(from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{}, from, to, false)
}

// FetchAllReverse is FetchAll from the last entry to the first.
func (s *WindowStore[K, V]) FetchAllReverse(from, to time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{}, from, to, true)
}

// All yields all windows of all keys.
func (s *WindowStore[K, V]) All() iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{}, 0, math.MaxInt64, false)
}

// AllReverse is All from the last entry to the first.
func (s *WindowStore[K, V]) AllReverse() iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{}, 0, math.MaxInt64, true)
}

// keyRange is the keys of a read: one only, or those from first to last. Nil
// ends are open.
type keyRange[K any] struct{ only, first, last *K }

// span encodes the ends of a read.
func (r keyRange[K]) span(key serde.Serde[K], from, to int64) (span, error) {
	e := span{from: max(0, from), to: to, only: r.only != nil}
	if r.only != nil {
		r.first = r.only
	}
	var err error
	if r.first != nil {
		if e.lo, err = key.AppendTo([]byte{}, *r.first); err != nil {
			return e, fmt.Errorf("key: %w", err)
		}
	}
	if r.last != nil {
		if e.hi, err = key.AppendTo([]byte{}, *r.last); err != nil {
			return e, fmt.Errorf("key: %w", err)
		}
	}
	return e, nil
}

func (s *WindowStore[K, V]) read(r keyRange[K], from, to time.Time, reverse bool) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(r, from.UnixMilli(), to.UnixMilli(), reverse)
}

func (s *WindowStore[K, V]) entries(r keyRange[K], from, to int64, reverse bool) iter.Seq2[Entry[window.Key[K], V], error] {
	return func(yield func(Entry[window.Key[K], V], error) bool) {
		stopped := false
		e, err := r.span(s.key, from, to)
		if err == nil {
			err = s.time.each(e, reverse, s.values.lend, func(entry, raw []byte) bool {
				e, err := s.decode(entry, raw)
				stopped = !yield(e, err) || err != nil
				return !stopped
			})
		}
		if err != nil && !stopped {
			yield(Entry[window.Key[K], V]{}, err)
		}
	}
}

func (s *WindowStore[K, V]) decode(entry, raw []byte) (e Entry[window.Key[K], V], err error) {
	var at int64
	if e.Key, err = s.windowKey(entry); err != nil {
		return Entry[window.Key[K], V]{}, err
	}
	if e.Value, at, e.Headers, err = s.values.decode(raw); err != nil {
		return Entry[window.Key[K], V]{}, err
	}
	e.Time = time.UnixMilli(at)
	return e, nil
}

// Each is FetchRange for operators, with times in milliseconds: it calls yield
// with start, value and time of each window of k until it returns false. With
// duplicates it yields them in the order in which they were put. yield may write
// to the store.
func (s *WindowStore[K, V]) Each(k K, from, to int64, reverse bool, yield func(start int64, v V, at int64) bool) error {
	b, err := s.key.AppendTo(s.rbuf[:0], k)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	s.rbuf = nil // yield may read too
	var failed error
	err = s.time.scan(span{lo: b, only: true, from: max(0, from), to: to}, reverse, s.values.lend, func(entry, raw []byte) bool {
		v, at, _, err := s.values.decode(raw)
		if failed = err; err != nil {
			return false
		}
		return yield(s.time.positionOf(entry), v, at)
	})
	s.rbuf = b
	if err == nil {
		err = failed
	}
	return err
}

// StartEmitting says up to which start windows were emitted before, of a store
// that emits on close.
func (s *WindowStore[K, V]) StartEmitting(emitted int64) error { return s.time.due.start(emitted) }

// Emit calls f with the windows that start up to a time and were not emitted
// yet: by start, then by key.
func (s *WindowStore[K, V]) Emit(upTo int64, f func(k window.Key[K], v V, at int64) error) error {
	return s.time.emit(upTo, func(entry, raw []byte) error {
		k, err := s.windowKey(entry)
		if err != nil {
			return err
		}
		v, at, _, err := s.values.decode(raw)
		if err != nil {
			return err
		}
		return f(k, v, at)
	})
}

// Created notes that a window put into the store has to be emitted.
func (s *WindowStore[K, V]) Created(k window.Key[K]) error {
	b, err := s.entry(k.Key, k.Start)
	if err == nil {
		s.time.due.add(&s.time, b)
	}
	return err
}

// Observed is the highest start put so far, -1 for none.
func (s *WindowStore[K, V]) Observed() int64 { return s.time.observed }

// Dump calls yield with every entry until it returns false. It is for tools that
// know the store but not its types; times are in milliseconds.
func (s *WindowStore[K, V]) Dump(yield func(k, v any, start, end, at int64, h serde.Headers) bool) error {
	for e, err := range s.All() {
		if err != nil {
			return err
		}
		if !yield(e.Key.Key, e.Value, e.Key.Start, e.Key.End, e.Time.UnixMilli(), e.Headers) {
			break
		}
	}
	return nil
}
