package pebble

import (
	"bytes"
	"sync/atomic"

	lsm "github.com/cockroachdb/pebble/v2"

	"github.com/ottla-streams/ottla/state/engine"
)

// snapshot lives until it is closed and the last call has returned.
type snapshot struct {
	db     *DB
	snap   *lsm.Snapshot
	closed atomic.Bool
	refs   atomic.Int64 // calls in progress, and one until Close
}

// enter keeps the snapshot for a call. It fails after Close.
func (s *snapshot) enter() error {
	for {
		n := s.refs.Load()
		if n == 0 || s.closed.Load() {
			return storeError(s.db.dir, "snapshot", nil, engine.ErrClosed)
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// leave ends a call, or the snapshot with the last one. Pebble's close may have
// to wait for the disk, which nobody else has to.
func (s *snapshot) leave() error {
	if s.refs.Add(-1) > 0 {
		return nil
	}
	s.db.background.Go(func() {
		var err error // of a panic, which stops the DB
		defer s.db.h.contain("close snapshot", &err)
		_ = s.snap.Close() // never an error in this version
	})
	return s.db.leave()
}

func (s *snapshot) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if err := s.enter(); err != nil {
		return dst, false, err
	}
	defer s.leave()
	if err := s.db.h.stopped(); err != nil {
		return dst, false, err
	}
	return s.db.get(s.snap, dst, key)
}

func (s *snapshot) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.db.h.stopped(); err != nil {
		return nil, err
	}
	return s.db.scan(s.snap, lo, hi, reverse)
}

func (s *snapshot) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.leave()
}

// iterator is Pebble's, with a start before the first key. it is nil for an
// empty range.
type iterator struct {
	db      *DB
	it      *lsm.Iterator
	value   []byte
	err     error
	reverse bool
	begun   bool
	done    bool
	closed  bool
}

func (d *DB) scan(r lsm.Reader, lo, hi []byte, reverse bool) (_ engine.Iterator, err error) {
	defer d.h.contain("scan", &err)
	if len(lo) == 0 {
		lo = nil // Pebble takes no empty bound
	}
	i := &iterator{db: d, reverse: reverse}
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		i.done = true
	} else if i.it, err = r.NewIter(&lsm.IterOptions{LowerBound: lo, UpperBound: hi}); err != nil {
		return nil, d.readError("scan", err)
	}
	d.open.Add(1)
	return i, nil
}

func (i *iterator) Next() bool {
	if i.done {
		return false
	}
	i.done = !i.next()
	return !i.done
}

func (i *iterator) next() (ok bool) {
	defer i.db.h.contain("scan", &i.err)
	if i.err = i.db.h.stopped(); i.err != nil {
		return false
	}
	switch {
	case i.begun && i.reverse:
		ok = i.it.Prev()
	case i.begun:
		ok = i.it.Next()
	case i.reverse:
		ok = i.it.Last()
	default:
		ok = i.it.First()
	}
	i.begun = true
	var err error
	if ok {
		i.value, err = i.it.ValueAndErr()
	} else {
		err = i.it.Error()
	}
	if err != nil {
		i.err = i.db.readError("scan", err)
		return false
	}
	return ok
}

func (i *iterator) Key() []byte { return i.it.Key() }

func (i *iterator) Value() []byte { return i.value }

func (i *iterator) Close() (err error) {
	if i.closed {
		return nil
	}
	i.closed, i.done = true, true
	defer func() {
		leaveErr := i.db.leave()
		if err == nil {
			err = leaveErr
		}
	}()
	defer i.db.h.contain("close iterator", &err)
	if i.it != nil {
		if err := i.it.Close(); err != nil && i.err == nil {
			i.err = i.db.readError("scan", err)
		}
	}
	return i.err
}
