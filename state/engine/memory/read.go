package memory

import (
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/state/engine"
)

// snapshot pins a view until it is closed and the last Get has returned.
type snapshot struct {
	db     *DB
	view   *view
	closed atomic.Bool
	refs   atomic.Int64 // calls in progress, and one until Close
}

// enter keeps the view for a call. It fails after Close.
func (s *snapshot) enter() bool {
	for {
		n := s.refs.Load()
		if n == 0 || s.closed.Load() {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *snapshot) leave() {
	if s.refs.Add(-1) == 0 {
		s.view.pins.Add(-1)
		s.db.open.Add(-1)
	}
}

func (s *snapshot) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if !s.enter() {
		return dst, false, errClosed
	}
	defer s.leave()
	return s.view.get(dst, key)
}

func (s *snapshot) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	if !s.enter() {
		return nil, errClosed
	}
	defer s.leave()
	return s.db.scan(s.view, lo, hi, reverse), nil
}

func (s *snapshot) Close() error {
	if !s.closed.Swap(true) {
		s.leave()
	}
	return nil
}

// iterator pins a view until it is closed.
type iterator struct {
	db      *DB
	view    *view
	at      btree.IterG[entry]
	now     entry
	bound   string // where it ends
	bounded bool
	reverse bool
	placed  bool // at is on the first entry, which Next has not returned
	done    bool
}

// scan returns an iterator on its first entry.
func (d *DB) scan(v *view, lo, hi []byte, reverse bool) *iterator {
	v.pins.Add(1)
	d.open.Add(1)
	it := &iterator{db: d, view: v, reverse: reverse}
	it.at.Init(v.tree, false)
	switch {
	case reverse:
		it.bound, it.bounded = string(lo), true
		it.placed = it.last(hi)
	default:
		it.bound, it.bounded = string(hi), hi != nil
		it.placed = it.at.Seek(entry{key: lookup(lo)})
	}
	it.done = !it.placed
	return it
}

// last moves to the last entry below hi.
func (it *iterator) last(hi []byte) bool {
	if hi != nil && it.at.Seek(entry{key: lookup(hi)}) {
		return it.at.Prev()
	}
	return it.at.Last()
}

func (it *iterator) Next() bool {
	switch {
	case it.done:
		return false
	case it.placed:
		it.placed = false
	case it.reverse:
		it.done = !it.at.Prev()
	default:
		it.done = !it.at.Next()
	}
	if it.done {
		return false
	}
	it.now = it.at.Item()
	if it.reverse {
		it.done = it.now.key < it.bound
	} else {
		it.done = it.bounded && it.now.key >= it.bound
	}
	return !it.done
}

func (it *iterator) Key() []byte { return peek(it.now.key) }

func (it *iterator) Value() []byte { return peek(it.now.value) }

func (it *iterator) Close() error {
	if it.view == nil {
		return nil
	}
	it.at.Release()
	it.view.pins.Add(-1)
	it.view, it.done = nil, true
	it.db.open.Add(-1)
	return nil
}
