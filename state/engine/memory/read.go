package memory

import (
	"sync/atomic"

	"github.com/ottla-streams/ottla/internal/sorted"
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
	sorted.Range[entry]
	db   *DB
	view *view
}

// scan returns an iterator before its first entry. Bounds are copied, as the
// caller may write them again.
func (d *DB) scan(v *view, lo, hi []byte, reverse bool) *iterator {
	v.pins.Add(1)
	d.open.Add(1)
	it := &iterator{db: d, view: v}
	var to *entry
	if hi != nil {
		to = &entry{key: string(hi)}
	}
	it.Start(v.tree, entry{key: string(lo)}, to, reverse)
	return it
}

func (it *iterator) Key() []byte { return peek(it.Item().key) }

func (it *iterator) Value() []byte { return peek(it.Item().value) }

func (it *iterator) Close() error {
	if it.view == nil {
		return nil
	}
	it.Release()
	it.view.pins.Add(-1)
	it.view = nil
	it.db.open.Add(-1)
	return nil
}
