package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"time"
)

// Get returns the latest value of k. ok is false when there is none.
func (s *VersionedStore[K, V]) Get(k K) (v V, ok bool, err error) {
	v, _, ok, err = s.Find(k)
	return v, ok, err
}

// Latest returns the latest version of k.
func (s *VersionedStore[K, V]) Latest(k K) (v Version[V], ok bool, err error) {
	value, from, ok, err := s.Find(k)
	if err != nil || !ok {
		return v, false, err
	}
	return Version[V]{Value: value, From: time.UnixMilli(from)}, true, nil
}

// GetAsOf returns the version of k that was valid at a time.
func (s *VersionedStore[K, V]) GetAsOf(k K, at time.Time) (v Version[V], ok bool, err error) {
	value, from, ok, err := s.FindAsOf(k, at.UnixMilli())
	if err != nil || !ok {
		return v, false, err
	}
	v = Version[V]{Value: value, From: time.UnixMilli(from)}
	until, more, err := s.next(from)
	if more {
		v.Until = time.UnixMilli(until)
	}
	return v, err == nil, err
}

// Find returns the latest value of k and since when it is valid, in milliseconds.
func (s *VersionedStore[K, V]) Find(k K) (v V, at int64, ok bool, err error) {
	if err := s.encodeKey(k); err != nil {
		return v, 0, false, err
	}
	v, at, ok, err = s.last(math.MaxInt64)
	s.latestKey, s.latestFrom = append(s.latestKey[:0], s.kbuf...), at
	if err != nil {
		s.latestFrom = math.MaxInt64
	}
	return v, at, ok, err
}

// FindAsOf returns the value that k had at a time and since when, in milliseconds.
func (s *VersionedStore[K, V]) FindAsOf(k K, at int64) (v V, from int64, ok bool, err error) {
	if err := s.encodeKey(k); err != nil || at < 0 {
		return v, 0, false, err
	}
	if err := s.refresh(); err != nil {
		return v, 0, false, err
	}
	if at < s.horizon() {
		// Only the latest version is still to be had.
		if v, from, ok, err = s.last(math.MaxInt64); err != nil || !ok || from > at {
			var none V
			return none, 0, false, err
		}
		return v, from, true, nil
	}
	return s.last(at)
}

// last returns the last version of the key in work that begins at a time or before.
func (s *VersionedStore[K, V]) last(at int64) (v V, from int64, ok bool, err error) {
	s.hi = binary.BigEndian.AppendUint64(append(s.hi[:0], s.kbuf...), uint64(at)+1)
	var failed error
	err = s.layers.Scan(s.kbuf, s.hi, true, s.lend, func(key, raw []byte) bool {
		_, from = splitVersion(key)
		v, ok, failed = s.decode(raw)
		return false
	})
	if err == nil {
		err = failed
	}
	return v, from, ok, err
}

// latestRaw calls found with the latest version of a key, if it has one.
func (s *VersionedStore[K, V]) latestRaw(k K, found func(from int64, raw []byte)) error {
	if err := s.encodeKey(k); err != nil {
		return err
	}
	s.hi = binary.BigEndian.AppendUint64(append(s.hi[:0], s.kbuf...), math.MaxInt64+1)
	return s.layers.Scan(s.kbuf, s.hi, true, false, func(key, raw []byte) bool {
		if len(raw) == 0 || raw[0] != versionGone {
			_, from := splitVersion(key)
			found(from, raw)
		}
		return false
	})
}

// isLatest says that a version of the key in work at a time would be its latest,
// without a look into the store: an update comes after a Find of its key. False
// tells nothing.
func (s *VersionedStore[K, V]) isLatest(at int64) bool {
	return at >= s.latestFrom && bytes.Equal(s.latestKey, s.kbuf)
}

// next returns when the first version of the key in work begins that is later
// than a time.
func (s *VersionedStore[K, V]) next(at int64) (from int64, ok bool, err error) {
	s.lo = binary.BigEndian.AppendUint64(append(s.lo[:0], s.kbuf...), uint64(at)+1)
	s.hi = binary.BigEndian.AppendUint64(append(s.hi[:0], s.kbuf...), 1<<63)
	err = s.layers.Scan(s.lo, s.hi, false, false, func(key, _ []byte) bool {
		_, from = splitVersion(key)
		ok = true
		return false
	})
	return from, ok, err
}

func (s *VersionedStore[K, V]) decode(raw []byte) (v V, ok bool, err error) {
	if len(raw) == 0 {
		return v, false, errShort
	}
	if raw[0] == versionGone {
		return v, false, nil
	}
	if v, err = s.value.Decode(raw[1:]); err != nil {
		return v, false, fmt.Errorf("value: %w", err)
	}
	return v, true, nil
}

// Versions yields the versions of k that are valid at some time in [from, to],
// the first one first. An error ends it. (KIP-968)
func (s *VersionedStore[K, V]) Versions(k K, from, to time.Time) iter.Seq2[Version[V], error] {
	return func(yield func(Version[V], error) bool) {
		err := s.encodeKey(k)
		if err == nil {
			err = s.refresh()
		}
		if err != nil {
			yield(Version[V]{}, err)
			return
		}
		lo := append([]byte{}, s.kbuf...)
		hi := binary.BigEndian.AppendUint64(append([]byte{}, lo...), 1<<63)
		first := max(from.UnixMilli(), s.horizon())
		err = s.each(lo, hi, func(_ []byte, v Version[V]) bool {
			switch {
			case v.From.UnixMilli() > to.UnixMilli():
				return false
			case v.Until.IsZero() || v.Until.UnixMilli() > first:
				return yield(v, nil)
			}
			return true
		})
		if err != nil {
			yield(Version[V]{}, err)
		}
	}
}

// Dump calls yield with every version that is still there, in order of encoded
// keys and of time, until it returns false. It is for tools that know the store
// but not its types. Times are in milliseconds; until is -1 for the latest.
func (s *VersionedStore[K, V]) Dump(yield func(k, v any, from, until int64) bool) error {
	var failed error
	err := s.each(nil, stateKey, func(key []byte, v Version[V]) bool {
		k, err := s.key.Decode(key)
		if err != nil {
			failed = fmt.Errorf("key: %w", err)
			return false
		}
		until := int64(-1)
		if !v.Until.IsZero() {
			until = v.Until.UnixMilli()
		}
		return yield(k, v.Value, v.From.UnixMilli(), until)
	})
	if err == nil {
		err = failed
	}
	return err
}

// each calls yield with the versions between two entries, those that only tell
// the end of another left out. The key is yield's to keep.
func (s *VersionedStore[K, V]) each(lo, hi []byte, yield func(key []byte, v Version[V]) bool) error {
	var entry, raw []byte // of the version before, nil for none
	var failed error
	stopped := false
	flush := func(next []byte) bool {
		if entry == nil {
			return true
		}
		v, ok, err := s.decode(raw)
		if err != nil || !ok {
			failed = err
			return err == nil
		}
		key, from := splitVersion(entry)
		version := Version[V]{Value: v, From: time.UnixMilli(from)}
		if sameKey(entry, next) {
			_, until := splitVersion(next)
			version.Until = time.UnixMilli(until)
		}
		return yield(append([]byte{}, key...), version)
	}
	err := s.layers.Scan(lo, hi, false, true, func(key, value []byte) bool {
		if stopped = !flush(key); stopped {
			return false
		}
		entry, raw = append([]byte{}, key...), value
		return true
	})
	if err == nil && !stopped {
		flush(nil)
	}
	if err == nil {
		err = failed
	}
	return err
}
