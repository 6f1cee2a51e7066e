package global

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ottla-streams/ottla/state/engine"
)

// view is a store as the others see it: an engine.Reader for any number of
// goroutines. Its keys have the store's prefix in front, as in the engine.
type view struct {
	prefix int                  // length
	disk   *published           // nil for a store in memory
	rows   atomic.Pointer[rows] // nil once the store outgrew its memory
	limit  int                  // of the bytes in rows, 0 for none

	mu   sync.Mutex // held while a batch is applied or a range read begins
	tree *tree      // of a store in memory, nil until a range was read
}

// published is the engine's state after the last batch.
type published struct {
	snap atomic.Pointer[engine.Snapshot]
}

// set puts a snapshot in the place of the one before, nil for none.
func (p *published) set(s engine.Snapshot) error {
	var now *engine.Snapshot
	if s != nil {
		now = &s
	}
	if old := p.snap.Swap(now); old != nil {
		return (*old).Close()
	}
	return nil
}

// read calls f with the newest snapshot. One that was replaced meanwhile is closed.
func (p *published) read(f func(engine.Snapshot) error) error {
	for {
		s := p.snap.Load()
		if s == nil {
			return engine.ErrClosed
		}
		if err := f(*s); !errors.Is(err, engine.ErrClosed) || p.snap.Load() == s {
			return err
		}
	}
}

// get is read of one key. It keeps what Get needs off the heap.
func (p *published) get(dst, key []byte) (value []byte, ok bool, err error) {
	for {
		s := p.snap.Load()
		if s == nil {
			return dst, false, engine.ErrClosed
		}
		value, ok, err = (*s).Get(dst, key)
		if !errors.Is(err, engine.ErrClosed) || p.snap.Load() == s {
			return value, ok, err
		}
	}
}

// Get implements engine.Reader.
func (v *view) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if r := v.rows.Load(); r != nil {
		value, ok = r.get(key[v.prefix:])
		return append(dst, value...), ok, nil
	}
	return v.disk.get(dst, key)
}

// Lend implements overlay.Lender.
func (v *view) Lend(key []byte) (value []byte, ok bool, err error) {
	if r := v.rows.Load(); r != nil {
		value, ok = r.get(key[v.prefix:])
		return value, ok, nil
	}
	return v.disk.get(nil, key)
}

// Scan implements engine.Reader.
func (v *view) Scan(lo, hi []byte, reverse bool) (it engine.Iterator, err error) {
	if v.disk == nil {
		return scanTree(v.inOrder(), lo, hi, reverse), nil
	}
	err = v.disk.read(func(s engine.Snapshot) error {
		it, err = s.Scan(lo, hi, reverse)
		return err
	})
	return it, err
}

// inOrder returns the rows of now in order.
func (v *view) inOrder() *tree {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tree == nil {
		v.tree = newTree()
		v.rows.Load().each(func(e *row) { v.tree.Set(item{e.key, e.value}) })
	}
	return v.tree.Copy()
}

// put takes a row. The key is without prefix.
func (v *view) put(key, value []byte) {
	r := v.rows.Load()
	if r == nil {
		return
	}
	now, _ := r.put(key, value)
	if v.tree != nil {
		v.tree.Set(item{now.key, now.value})
	}
	if v.limit > 0 && r.bytes > v.limit {
		v.rows.Store(nil)
	}
}

func (v *view) delete(key []byte) {
	r := v.rows.Load()
	if r == nil {
		return
	}
	r.drop(key)
	if v.tree != nil {
		v.tree.Delete(item{key: text(key)})
	}
}

// deleteRange drops the keys in [lo, hi).
func (v *view) deleteRange(lo, hi []byte) {
	r := v.rows.Load()
	if r == nil {
		return
	}
	var gone []string
	r.each(func(e *row) {
		if e.key >= string(lo) && e.key < string(hi) {
			gone = append(gone, e.key)
		}
	})
	for _, key := range gone {
		v.delete(bytesOf(key))
	}
}
