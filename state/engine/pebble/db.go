package pebble

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"github.com/ottla-streams/ottla/state/engine"
)

// DB is the state of one task on disk. It belongs to one goroutine; its
// snapshots and their iterators may be used by any.
type DB struct {
	dir  string
	db   *lsm.DB
	h    *health
	lock *lsm.Lock

	memTable int64
	since    int64           // bytes committed since a flush was started, about
	flushing <-chan struct{} // closed when that flush is done

	closed     bool           // for the owner
	background sync.WaitGroup // that uses the files
	open       atomic.Int64   // iterators and snapshots
	closing    atomic.Bool    // the last reader releases the files
	release    func() error
	left       func() // tells that the DB is closed
}

// usable returns why the DB can't be used, or nil.
func (d *DB) usable(what string) error {
	if d.closed {
		return storeError(d.dir, what, nil, engine.ErrClosed)
	}
	return d.h.stopped()
}

// Get appends the value of key to dst.
func (d *DB) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if err := d.usable("get"); err != nil {
		return dst, false, err
	}
	return d.get(d.db, dst, key)
}

func (d *DB) get(r lsm.Reader, dst, key []byte) (value []byte, ok bool, err error) {
	if len(key) == 0 { // which Pebble does not expect
		return dst, false, nil
	}
	value = dst
	defer d.h.contain("get", &err)
	v, closer, err := r.Get(key)
	if err == lsm.ErrNotFound {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, d.readError("get", err)
	}
	value = append(dst, v...)
	if err := closer.Close(); err != nil {
		return dst, false, d.readError("get", err)
	}
	return value, true, nil
}

// readError classifies an error of reading. Damage stops the DB.
func (d *DB) readError(what string, err error) error {
	if isDamage(err) {
		return d.h.kill(what, engine.ErrDamaged, err)
	}
	if stopped := d.h.stopped(); stopped != nil {
		return stopped
	}
	return storeError(d.dir, what, nil, err)
}

// Scan iterates over the keys in [lo, hi).
func (d *DB) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	if err := d.usable("scan"); err != nil {
		return nil, err
	}
	return d.scan(d.db, lo, hi, reverse)
}

// Snapshot returns a view of the state as it is now.
func (d *DB) Snapshot() (_ engine.Snapshot, err error) {
	if err := d.usable("snapshot"); err != nil {
		return nil, err
	}
	defer d.h.contain("snapshot", &err)
	s := &snapshot{db: d, snap: d.db.NewSnapshot()}
	s.refs.Store(1)
	d.open.Add(1)
	return s, nil
}

// OpenReaders counts the iterators and snapshots that wait for their Close.
func (d *DB) OpenReaders() int { return int(d.open.Load()) }

// Close flushes and releases the files, or leaves the latter to the last open
// iterator or snapshot. What a failed flush did not write is lost, as in a crash.
func (d *DB) Close() error {
	if d.closed {
		return nil
	}
	flushErr := d.Flush()
	d.closed = true
	d.left()
	d.release = sync.OnceValue(d.releaseFiles)
	d.closing.Store(true)
	if n := d.open.Load(); n > 0 {
		return errors.Join(flushErr, fmt.Errorf("store %s: closed with %d open iterators or snapshots", d.dir, n))
	}
	return errors.Join(flushErr, d.release())
}

// leave is called when an iterator or snapshot is closed.
func (d *DB) leave() error {
	if d.open.Add(-1) > 0 || !d.closing.Load() {
		return nil
	}
	return d.release()
}

// closeLimit bounds the close of a DB that panicked, perhaps with a lock held.
const closeLimit = 2 * time.Second

func (d *DB) releaseFiles() error {
	close(d.h.closing)
	if !d.h.panicked.Load() {
		return d.closeFiles()
	}
	done := make(chan error, 1)
	go func() { done <- d.closeFiles() }()
	select {
	case err := <-done:
		return err
	case <-time.After(closeLimit):
		return fmt.Errorf("store %s: close: stuck after a panic, the files stay locked", d.dir)
	}
}

func (d *DB) closeFiles() (err error) {
	defer func() {
		if lockErr := d.lock.Close(); err == nil && lockErr != nil {
			err = storeError(d.dir, "unlock", nil, lockErr)
		}
	}()
	d.background.Wait()
	before := d.h.stopped()
	defer d.h.contain("close", &err)
	closeErr := d.db.Close()
	switch {
	case before != nil: // there is nothing new to say
		return nil
	case d.h.stopped() != nil: // by the last background work
		return d.h.stopped()
	case closeErr != nil:
		return storeError(d.dir, "close", nil, closeErr)
	}
	return nil
}
