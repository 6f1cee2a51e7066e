package overlay

import (
	"math"
	"slices"
)

// Most reads of a store by time are of recent times, and most of these find
// nothing. A write-out that empties the layers can keep the entries of the newest
// times, so that such reads know without the engine what there is.

// Timed is a Layout of entries that belong to times, 8 bytes near the end of
// their keys. Keys of another kind, which have no time, begin with [OtherByte]
// or more.
type Timed interface {
	Layout

	// Tail returns how many bytes of a key there are from its time on.
	Tail() int
}

// OtherByte is the least first byte of keys that have no time in a store with a
// [Timed] layout. In those that have one 8 bytes or more come before the time.
const OtherByte = 0xfd

const (
	always int64 = math.MinInt64
	never  int64 = math.MaxInt64
)

// KeepNewest lets the entries of the newest times stay in memory when others are
// dropped, in a store with a [Timed] layout. It comes before the first entry.
// Nobody else may write to the engine.
func (s *Store) KeepNewest() {
	if t, ok := s.layout.(Timed); ok {
		s.tail = t.Tail()
	}
}

// WholeFrom says that the engine has no entry of time at or later, as it was
// opened. Without it an engine may have anything.
func (s *Store) WholeFrom(at int64) {
	if s.tail > 0 && !s.frozen {
		s.whole = min(s.whole, at)
	}
}

// timeIn returns the time of a key, if it has one.
func timeIn[T string | []byte](s *Store, key T) (at int64, ok bool) {
	i := len(key) - s.tail
	if s.tail == 0 || i < 8 || key[0] >= OtherByte {
		return 0, false
	}
	return int64(word(key[i:])), true
}

// Unread says that nobody will read entries of times before at any more. They leave
// when what is in memory has doubled since some left last, and at the next
// write-out; the engine never gets them.
func (s *Store) Unread(at int64) {
	if s.tail > 0 {
		s.unread = max(s.unread, at)
	}
}

// tidyFrom is from how many bytes on entries that nobody reads leave without a
// write-out.
const tidyFrom = 256 << 10

// outdated says whether nobody reads an entry any more.
func (s *Store) outdated(e *entry) bool {
	if s.unread == always {
		return false
	}
	at, ok := timeIn(s, e.key)
	return ok && at < s.unread
}

// unknown says whether the engine may have a key that is not in memory.
func (s *Store) unknown(key []byte) bool {
	if s.base == nil {
		return false
	}
	at, ok := timeIn(s, key)
	return !ok || at < s.whole
}

// hides says whether the engine may have a key that was deleted. If not, nobody
// has to know of the delete but the changelog: of sessions that grow most entries
// never come to the engine.
func (s *Store) hides(e *entry) bool {
	if s.base == nil {
		return false
	}
	at, ok := timeIn(s, e.key)
	return !ok || e.written || at < s.whole
}

// sampled is how many entries, about, tell what times the others have.
const sampled = 1000

// newest returns the time from which on about half of the entries are, or less.
func (s *Store) newest() int64 {
	times := make([]int64, 0, sampled)
	for _, p := range s.groups.slots {
		if p.at == nil {
			continue
		}
		for _, i := range groupAt(p.at).list {
			if at := int64(i.at); at >= s.unread {
				times = append(times, at)
			}
		}
		if len(times) >= sampled {
			break
		}
	}
	if len(times) == 0 {
		return never
	}
	slices.Sort(times)
	if at := times[len(times)/2]; at < never {
		return at + 1
	}
	return never
}

// stays says whether an entry that was written out stays in memory, where the
// others of times before from don't.
func (s *Store) stays(e *entry, from int64) bool {
	at, ok := timeIn(s, e.key)
	return ok && at >= from
}
