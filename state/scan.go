package state

import (
	"bytes"
	"fmt"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// The range reads below go in order of the encoded keys, byte by byte. An error
// ends them: it comes with a zero Entry. The loop may write to the store; it may
// or may not meet what it writes.

// All yields all entries.
func (s *KeyValueStore[K, V]) All() iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{}, false)
}

// AllReverse is All from the last entry to the first.
func (s *KeyValueStore[K, V]) AllReverse() iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{}, true)
}

// Range yields the entries of the keys from and to and of all between them.
func (s *KeyValueStore[K, V]) Range(from, to K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{from: &from, to: &to}, false)
}

// RangeReverse is Range from the last entry to the first.
func (s *KeyValueStore[K, V]) RangeReverse(from, to K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{from: &from, to: &to}, true)
}

// RangeFrom yields the entries of the key from and of all behind it.
func (s *KeyValueStore[K, V]) RangeFrom(from K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{from: &from}, false)
}

// RangeFromReverse is RangeFrom from the last entry to the first.
func (s *KeyValueStore[K, V]) RangeFromReverse(from K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{from: &from}, true)
}

// RangeTo yields the entries of all keys before to and of to.
func (s *KeyValueStore[K, V]) RangeTo(to K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{to: &to}, false)
}

// RangeToReverse is RangeTo from the last entry to the first.
func (s *KeyValueStore[K, V]) RangeToReverse(to K) iter.Seq2[Entry[K, V], error] {
	return s.entries(bounds[K]{to: &to}, true)
}

// Prefix yields the entries whose encoded keys begin with prefix.
func (s *KeyValueStore[K, V]) Prefix(prefix []byte) iter.Seq2[Entry[K, V], error] {
	prefix = bytes.Clone(prefix)
	return func(yield func(Entry[K, V], error) bool) {
		s.scan(prefix, overlay.PrefixEnd(prefix), false, yield)
	}
}

// bounds are the first and the last key of a range, nil for none.
type bounds[K any] struct{ from, to *K }

func (s *KeyValueStore[K, V]) entries(b bounds[K], reverse bool) iter.Seq2[Entry[K, V], error] {
	return func(yield func(Entry[K, V], error) bool) {
		var lo, hi []byte
		var err error
		if b.from != nil {
			if lo, err = s.boundary(*b.from); err != nil {
				yield(Entry[K, V]{}, err)
				return
			}
		}
		if b.to != nil {
			if hi, err = s.boundary(*b.to); err != nil {
				yield(Entry[K, V]{}, err)
				return
			}
			hi = append(hi, 0)
		}
		if hi == nil || bytes.Compare(lo, hi) < 0 {
			s.scan(lo, hi, reverse, yield)
		}
	}
}

func (s *KeyValueStore[K, V]) boundary(k K) ([]byte, error) {
	b, err := s.key.AppendTo([]byte{}, k)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return b, nil
}

func (s *KeyValueStore[K, V]) scan(lo, hi []byte, reverse bool, yield func(Entry[K, V], error) bool) {
	stopped := false
	err := s.layers.Scan(lo, hi, reverse, s.lend, func(key, raw []byte) bool {
		e, err := s.entry(key, raw)
		stopped = !yield(e, err) || err != nil
		return !stopped
	})
	if err != nil && !stopped {
		yield(Entry[K, V]{}, err)
	}
}

func (s *KeyValueStore[K, V]) entry(key, raw []byte) (Entry[K, V], error) {
	if !s.keyCopies {
		key = bytes.Clone(key)
	}
	k, err := s.key.Decode(key)
	if err != nil {
		return Entry[K, V]{}, fmt.Errorf("key: %w", err)
	}
	v, at, h, err := s.decode(raw)
	if err != nil {
		return Entry[K, V]{}, err
	}
	return Entry[K, V]{Key: k, Value: v, Time: time.UnixMilli(at), Headers: h}, nil
}
