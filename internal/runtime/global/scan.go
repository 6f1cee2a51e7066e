package global

import (
	"unsafe"

	"github.com/tidwall/btree"
)

// text returns b as a string that is valid as long as b stays as it is.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf returns the bytes of s, which must not be written.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// item is a row in the tree of a store that is read by range. Rows are made
// anew when their table grows: the tree has bytes of its own choice.
type item struct {
	key   string
	value []byte
}

type tree = btree.BTreeG[item]

func newTree() *tree {
	return btree.NewBTreeGOptions(func(a, b item) bool { return a.key < b.key }, btree.Options{NoLocks: true})
}

// iterator walks over a copy of a tree, which nobody writes.
type iterator struct {
	at      btree.IterG[item]
	now     item
	bound   string // where it ends
	bounded bool
	reverse bool
	placed  bool // at is on the first item, which Next has not returned
	done    bool
}

func scanTree(t *tree, lo, hi []byte, reverse bool) *iterator {
	it := &iterator{reverse: reverse}
	it.at.Init(t, false)
	if reverse {
		it.bound, it.bounded = string(lo), true
		it.placed = it.last(hi)
	} else {
		it.bound, it.bounded = string(hi), hi != nil
		it.placed = it.at.Seek(item{key: text(lo)})
	}
	it.done = !it.placed
	return it
}

// last moves to the last item below hi.
func (it *iterator) last(hi []byte) bool {
	if hi != nil && it.at.Seek(item{key: text(hi)}) {
		return it.at.Prev()
	}
	return it.at.Last()
}

// Next implements engine.Iterator.
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

// Key implements engine.Iterator.
func (it *iterator) Key() []byte { return bytesOf(it.now.key) }

// Value implements engine.Iterator.
func (it *iterator) Value() []byte { return it.now.value }

// Close implements engine.Iterator.
func (it *iterator) Close() error {
	it.at.Release()
	it.done = true
	return nil
}
