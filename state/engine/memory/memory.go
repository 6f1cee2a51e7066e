// Package memory is the engine that keeps a task's state in memory, in order.
//
// There are only a few types: an [Opener] makes a [DB], which holds the keys and
// values in a B-tree. Snapshots and iterators pin the tree as it is: the next
// commit then goes on with a copy that shares what it doesn't change. Where
// nothing is pinned a commit writes in place.
//
// A DB belongs to the task's worker goroutine; its snapshots may be used by any.
// There are no files: what is closed is gone.
//
// A read allocates nothing beyond dst, a write one block for key and value. An
// entry costs 50 to 80 bytes more than its key and value. With 200,000 entries of
// 116 bytes a Get takes 0.8 µs where a plain map takes 0.2 µs, an entry of a
// batch in order 0.3 µs, and one of a scan 0.03 µs.
package memory

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/state/engine"
)

// Opener makes engines that have no files. The zero value is ready to use.
type Opener struct{}

// Open returns a new, empty *[DB], whatever dir is.
func (Opener) Open(dir string) (engine.Engine, error) {
	d := &DB{}
	d.view = &view{tree: btree.NewBTreeGOptions(entry.Before, btree.Options{NoLocks: true})}
	return d, nil
}

// DB is a sorted map in memory.
type DB struct {
	view   *view
	spare  []op         // room for the next batch
	open   atomic.Int64 // iterators and snapshots
	closed bool
}

// view is a tree that is written in place only while nobody has pinned it.
type view struct {
	tree *btree.BTreeG[entry]
	pins atomic.Int64
}

// entry is a key and its value, slices of one block that is never written again.
type entry struct{ key, value string }

// Before orders the tree by key.
func (e entry) Before(o entry) bool { return e.key < o.key }

func newEntry(key, value []byte) entry {
	block := make([]byte, len(key)+len(value))
	copy(block[copy(block, key):], value)
	s := lookup(block)
	return entry{key: s[:len(key)], value: s[len(key):]}
}

// lookup returns b as a string that is valid as long as b stays as it is.
func lookup(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// peek returns the bytes of s, which must not be written.
func peek(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

var errClosed = fmt.Errorf("memory: %w", engine.ErrClosed)

// Get appends the value of key to dst.
func (d *DB) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if d.closed {
		return dst, false, errClosed
	}
	return d.view.get(dst, key)
}

func (v *view) get(dst, key []byte) ([]byte, bool, error) {
	e, ok := v.tree.Get(entry{key: lookup(key)})
	return append(dst, e.value...), ok, nil
}

// Scan iterates over the keys in [lo, hi).
func (d *DB) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	if d.closed {
		return nil, errClosed
	}
	return d.scan(d.view, lo, hi, reverse), nil
}

// Snapshot returns a view of the state as it is now.
func (d *DB) Snapshot() (engine.Snapshot, error) {
	if d.closed {
		return nil, errClosed
	}
	d.view.pins.Add(1)
	d.open.Add(1)
	s := &snapshot{db: d, view: d.view}
	s.refs.Store(1)
	return s, nil
}

// Flush does nothing.
func (d *DB) Flush() error {
	if d.closed {
		return errClosed
	}
	return nil
}

// OpenReaders counts the iterators and snapshots that wait for their Close.
func (d *DB) OpenReaders() int { return int(d.open.Load()) }

// Close drops the state. Open iterators and snapshots are an error, and keep it.
func (d *DB) Close() error {
	if d.closed {
		return nil
	}
	d.closed, d.view, d.spare = true, nil, nil
	if n := d.open.Load(); n > 0 {
		return fmt.Errorf("memory: closed with %d open iterators or snapshots", n)
	}
	return nil
}

// Len returns the number of keys. It is 0 after Close.
func (d *DB) Len() int {
	if d.closed {
		return 0
	}
	return d.view.tree.Len()
}

// writable returns the tree to write to, which nobody else sees.
func (d *DB) writable() *btree.BTreeG[entry] {
	if d.view.pins.Load() > 0 {
		d.view = &view{tree: d.view.tree.Copy()}
	}
	return d.view.tree
}
