package state

import (
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// The reads below take sessions that end at earliestEnd or later and start at
// latestStart or earlier: those that overlap the time between. The sessions of
// one key come by end and start. Those of several keys come by end, key and start
// from a store in memory; from one on disk they come by segments of time, half
// the retention long but no less than a minute, and in each by key, end and start.
// Keys are in order of their encoded bytes. An error ends a read: it comes with a
// zero Entry. The loop may write to the store; it may or may not meet what it
// writes.

// Find yields sessions of k.
func (s *SessionStore[K, V]) Find(k K, earliestEnd, latestStart time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{only: &k}, earliestEnd, latestStart, false)
}

// FindReverse is Find from the last session to the first.
func (s *SessionStore[K, V]) FindReverse(k K, earliestEnd, latestStart time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{only: &k}, earliestEnd, latestStart, true)
}

// FindKeys yields sessions of the keys first and last and of all between them.
func (s *SessionStore[K, V]) FindKeys(first, last K, earliestEnd, latestStart time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first, last: &last}, earliestEnd, latestStart, false)
}

// FindKeysReverse is FindKeys from the last entry to the first.
func (s *SessionStore[K, V]) FindKeysReverse(first, last K, earliestEnd, latestStart time.Time) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.read(keyRange[K]{first: &first, last: &last}, earliestEnd, latestStart, true)
}

// Fetch yields all sessions of k.
func (s *SessionStore[K, V]) Fetch(k K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{only: &k}, 0, math.MaxInt64, false)
}

// FetchReverse is Fetch from the last session to the first.
func (s *SessionStore[K, V]) FetchReverse(k K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{only: &k}, 0, math.MaxInt64, true)
}

// FetchKeys yields all sessions of the keys first and last and of all between
// them.
func (s *SessionStore[K, V]) FetchKeys(first, last K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{first: &first, last: &last}, 0, math.MaxInt64, false)
}

// FetchKeysReverse is FetchKeys from the last entry to the first.
func (s *SessionStore[K, V]) FetchKeysReverse(first, last K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{first: &first, last: &last}, 0, math.MaxInt64, true)
}

// FetchKeysFrom yields all sessions of the key first and of all behind it.
func (s *SessionStore[K, V]) FetchKeysFrom(first K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{first: &first}, 0, math.MaxInt64, false)
}

// FetchKeysFromReverse is FetchKeysFrom from the last entry to the first.
func (s *SessionStore[K, V]) FetchKeysFromReverse(first K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{first: &first}, 0, math.MaxInt64, true)
}

// FetchKeysTo yields all sessions of all keys before last and of last.
func (s *SessionStore[K, V]) FetchKeysTo(last K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{last: &last}, 0, math.MaxInt64, false)
}

// FetchKeysToReverse is FetchKeysTo from the last entry to the first.
func (s *SessionStore[K, V]) FetchKeysToReverse(last K) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{last: &last}, 0, math.MaxInt64, true)
}

// All yields all sessions of all keys.
func (s *SessionStore[K, V]) All() iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{}, 0, math.MaxInt64, false)
}

// AllReverse is All from the last entry to the first.
func (s *SessionStore[K, V]) AllReverse() iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(keyRange[K]{}, 0, math.MaxInt64, true)
}

func (s *SessionStore[K, V]) read(r keyRange[K], earliestEnd, latestStart time.Time, reverse bool) iter.Seq2[Entry[window.Key[K], V], error] {
	return s.entries(r, earliestEnd.UnixMilli(), latestStart.UnixMilli(), reverse)
}

func (s *SessionStore[K, V]) entries(r keyRange[K], earliestEnd, latestStart int64, reverse bool) iter.Seq2[Entry[window.Key[K], V], error] {
	return func(yield func(Entry[window.Key[K], V], error) bool) {
		stopped := false
		e, err := r.span(s.key, earliestEnd, math.MaxInt64)
		if err == nil {
			err = s.time.each(e, reverse, s.values.lend, func(entry, raw []byte) bool {
				if int64At(entry[len(entry)-8:]) > latestStart {
					return true
				}
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

func (s *SessionStore[K, V]) decode(entry, raw []byte) (e Entry[window.Key[K], V], err error) {
	if e.Key, err = s.sessionKey(entry); err != nil {
		return Entry[window.Key[K], V]{}, err
	}
	if e.Value, _, e.Headers, err = s.values.decode(raw); err != nil {
		return Entry[window.Key[K], V]{}, err
	}
	e.Time = e.Key.EndTime()
	return e, nil
}

// Each is Find for operators, with times in milliseconds: it calls yield with
// each session until it returns false. yield may write to the store.
func (s *SessionStore[K, V]) Each(k K, earliestEnd, latestStart int64, yield func(start, end int64, v V) bool) error {
	b, err := s.key.AppendTo(s.rbuf[:0], k)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	s.rbuf = nil // yield may read too
	var failed error
	r := span{lo: b, only: true, from: max(0, earliestEnd), to: math.MaxInt64}
	err = s.time.scan(r, false, s.values.lend, func(entry, raw []byte) bool {
		start := int64At(entry[len(entry)-8:])
		if start > latestStart {
			return true
		}
		v, _, _, err := s.values.decode(raw)
		if failed = err; err != nil {
			return false
		}
		return yield(start, s.time.positionOf(entry), v)
	})
	s.rbuf = b
	if err == nil {
		err = failed
	}
	return err
}

// StartEmitting says up to which end sessions were emitted before, of a store
// that emits on close.
func (s *SessionStore[K, V]) StartEmitting(emitted int64) error { return s.time.due.start(emitted) }

// Emit calls f with the sessions that end up to a time and were not emitted
// yet: by end and start, then by key.
func (s *SessionStore[K, V]) Emit(upTo int64, f func(k window.Key[K], v V) error) error {
	return s.time.emit(upTo, func(entry, raw []byte) error {
		e, err := s.decode(entry, raw)
		if err != nil {
			return err
		}
		return f(e.Key, e.Value)
	})
}

// Created notes that a session put into the store has to be emitted, and
// Removed that one that was removed has not.
func (s *SessionStore[K, V]) Created(k window.Key[K]) error {
	b, err := s.entry(k)
	if err == nil {
		s.time.due.add(&s.time, b)
	}
	return err
}

// Removed undoes Created.
func (s *SessionStore[K, V]) Removed(k window.Key[K]) error {
	b, err := s.entry(k)
	if err == nil {
		s.time.due.remove(&s.time, b)
	}
	return err
}

// Observed is the highest end put so far, -1 for none.
func (s *SessionStore[K, V]) Observed() int64 { return s.time.observed }

// Dump calls yield with every entry until it returns false. It is for tools that
// know the store but not its types; times are in milliseconds.
func (s *SessionStore[K, V]) Dump(yield func(k, v any, start, end int64, h serde.Headers) bool) error {
	for e, err := range s.All() {
		if err != nil {
			return err
		}
		if !yield(e.Key.Key, e.Value, e.Key.Start, e.Key.End, e.Headers) {
			break
		}
	}
	return nil
}
