package global

import (
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/internal/sorted"
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

// Before orders the tree by key.
func (i item) Before(o item) bool { return i.key < o.key }

type tree = btree.BTreeG[item]

func newTree() *tree {
	return btree.NewBTreeGOptions(item.Before, btree.Options{NoLocks: true})
}

// iterator walks over a copy of a tree, which nobody writes.
type iterator struct{ sorted.Range[item] }

// scanTree returns an iterator before its first item. Bounds are copied, as the
// caller may write them again.
func scanTree(t *tree, lo, hi []byte, reverse bool) *iterator {
	it := new(iterator)
	var to *item
	if hi != nil {
		to = &item{key: string(hi)}
	}
	it.Start(t, item{key: string(lo)}, to, reverse)
	return it
}

// Key implements engine.Iterator.
func (it *iterator) Key() []byte { return bytesOf(it.Item().key) }

// Value implements engine.Iterator.
func (it *iterator) Value() []byte { return it.Item().value }

// Close implements engine.Iterator.
func (it *iterator) Close() error {
	it.Release()
	return nil
}
