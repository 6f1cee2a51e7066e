package overlay

import (
	"bytes"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/state/engine"
)

// A range read merges two ordered streams: the entries of the upper layers,
// fetched from the tree in small chunks so that writes made while the caller
// iterates don't disturb it, and the engine's iterator. On equal keys the upper
// layers win; their deletes hide the engine's entry.

// chunkSize is the largest chunk; the first one is smaller, as many readers stop
// soon.
const (
	chunkSize  = 32
	firstChunk = 4
)

// scan is what a range read needs. A store keeps one for the next read.
type scan struct {
	upper
	lower
	key []byte // yielded
}

func (s *Store) newScan() *scan {
	sc := s.idle
	if s.idle = nil; sc == nil {
		sc = new(scan)
		sc.take = sc.upper.takes
	}
	return sc
}

// Scan calls yield with the entries in [lo, hi) until it returns false,
// downwards if reverse. A nil hi is the end. Key and value are valid during
// the call unless lend is set, which keeps the value as it is for good. yield
// may write to the store; it may or may not see what it writes.
func (s *Store) Scan(lo, hi []byte, reverse, lend bool, yield func(key, value []byte) bool) error {
	return s.ScanSince(always, lo, hi, reverse, lend, yield)
}

// ScanSince is Scan for a caller that wants no entries of times before since,
// in a store with a [Timed] layout. It may get some.
func (s *Store) ScanSince(since int64, lo, hi []byte, reverse, lend bool, yield func(key, value []byte) bool) error {
	var order *btree.BTreeG[item]
	switch {
	case s.tail == 0 || len(lo) > 0 && lo[0] >= OtherByte:
		s.ensureOrder()
		order = s.order
	case hi != nil && bytes.Compare(hi, otherKey) <= 0:
		order = s.ensureTimes()
	default:
		return s.scanBoth(since, lo, hi, reverse, lend, yield)
	}
	s.count.Scans++
	sc := s.newScan()
	sc.upper.start(order, lo, hi, reverse)
	return s.merge(sc, since == always || since < s.whole, lo, hi, reverse, lend, yield)
}

// merge yields what the upper layers have, and the engine if it is asked.
func (s *Store) merge(sc *scan, ask bool, lo, hi []byte, reverse, lend bool, yield func(key, value []byte) bool) (err error) {
	sc.lower.it, sc.lower.ok = nil, false
	if ask && s.base != nil {
		if err := sc.lower.start(s, lo, hi, reverse); err != nil {
			return err
		}
	}
	s.count.OpenScans++
	defer func() {
		s.count.OpenScans--
		if e := sc.lower.close(); err == nil {
			err = e
		}
		clear(sc.chunk)
		sc.last, sc.pivot.key = "", ""
		s.idle = sc
	}()
	for {
		e, base := sc.peek(), sc.ok
		if e == nil && !base {
			return nil
		}
		if e != nil && base {
			switch c := compareKey(e.key, sc.lower.at, reverse); {
			case c == 0:
				sc.lower.next()
			case c > 0:
				e = nil
			}
		}
		if e == nil {
			value := sc.it.Value()
			if lend {
				value = append([]byte{}, value...)
			}
			sc.key = append(sc.key[:0], sc.lower.at...)
			if !yield(sc.key, value) {
				return nil
			}
			sc.lower.next()
			continue
		}
		sc.pop()
		value, ok := e.value(lend)
		if !ok {
			continue
		}
		sc.key = append(sc.key[:0], e.key...)
		if !yield(sc.key, value) {
			return nil
		}
	}
}

func compareKey(a string, b []byte, reverse bool) int {
	switch {
	case a == string(b):
		return 0
	case (a < string(b)) != reverse:
		return -1
	}
	return 1
}

// upper walks over the entries of the upper layers.
type upper struct {
	order   *btree.BTreeG[item]
	lo, hi  []byte
	open    bool // there is no hi
	reverse bool
	chunk   []*entry
	size    int // of the next chunk
	next    int
	pivot   entry // has the key where the next chunk begins
	last    string
	started bool
	done    bool
	take    func(i item) bool
}

func (u *upper) start(order *btree.BTreeG[item], lo, hi []byte, reverse bool) {
	u.order, u.open, u.reverse = order, hi == nil, reverse
	u.lo, u.hi = append(u.lo[:0], lo...), append(u.hi[:0], hi...)
	u.chunk, u.next, u.started, u.done, u.size = u.chunk[:0], 0, false, false, firstChunk
}

func (u *upper) peek() *entry {
	if u.next == len(u.chunk) && !u.done {
		u.fill()
	}
	if u.next == len(u.chunk) {
		return nil
	}
	return u.chunk[u.next]
}

func (u *upper) pop() { u.next++ }

func (u *upper) takes(i item) bool {
	e := i.e
	if u.started && e.key == u.last {
		return true
	}
	if u.reverse && e.key < string(u.lo) || !u.reverse && !u.open && e.key >= string(u.hi) {
		u.done = true
		return false
	}
	if u.reverse && !u.open && e.key >= string(u.hi) {
		return true
	}
	u.chunk = append(u.chunk, e)
	return len(u.chunk) < u.size
}

func (u *upper) fill() {
	u.chunk, u.next = u.chunk[:0], 0
	switch {
	case u.started:
		u.pivot.key = u.last
	case u.reverse:
		u.pivot.key = string(u.hi)
	default:
		u.pivot.key = string(u.lo)
	}
	switch {
	case !u.reverse:
		u.order.Ascend(itemOf(&u.pivot), u.take)
	case u.open && !u.started:
		u.order.Reverse(u.take)
	default:
		u.order.Descend(itemOf(&u.pivot), u.take)
	}
	n := len(u.chunk)
	if n < u.size {
		u.done = true
	}
	u.size = chunkSize
	if n > 0 {
		u.last, u.started = u.chunk[n-1].key, true
	}
}

// lower is the engine's side of a scan.
type lower struct {
	it       engine.Iterator // nil without an engine
	skip     int
	at       []byte
	ok       bool
	from, to []byte
}

func (l *lower) start(s *Store, lo, hi []byte, reverse bool) (err error) {
	l.skip = len(s.prefix)
	l.from = append(append(l.from[:0], s.prefix...), lo...)
	var to []byte
	if hi != nil {
		l.to = append(append(l.to[:0], s.prefix...), hi...)
		to = l.to
	} else {
		to = prefixEnd(s.prefix)
	}
	if l.it, err = s.base.Scan(l.from, to, reverse); err != nil {
		return err
	}
	l.next()
	return nil
}

func (l *lower) close() error {
	if l.it == nil {
		return nil
	}
	it := l.it
	l.it = nil
	return it.Close()
}

func (l *lower) next() {
	l.ok = l.it.Next()
	if l.ok {
		l.at = l.it.Key()[l.skip:]
	}
}

// prefixEnd returns the least key above all keys with the prefix, nil if there is none.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// PrefixEnd returns the end of the range of keys with the prefix, nil if it is open.
func PrefixEnd(prefix []byte) []byte { return prefixEnd(prefix) }
