// Package sorted walks over parts of B-trees. [Range] is its only type of note:
// the in-memory engine and the global stores have one inside of their iterators.
package sorted

import "github.com/tidwall/btree"

// Item is what a tree holds.
type Item[T any] interface {
	Before(T) bool // as the tree is ordered
}

// Range walks over the items of a tree that lie between two bounds, the lower one
// inclusive, in either direction. Nobody may write the tree meanwhile. It is for
// one goroutine, and must not be copied after Start.
type Range[T Item[T]] struct {
	at      btree.IterG[T]
	now     T
	bound   T // where it ends
	bounded bool
	reverse bool
	placed  bool // at is on the first item, which Next has not returned
	done    bool
}

// Start places r before its first item. to is nil for a range without an upper
// bound. The bounds are kept.
func (r *Range[T]) Start(t *btree.BTreeG[T], from T, to *T, reverse bool) {
	r.at.Init(t, false)
	r.reverse = reverse
	switch {
	case reverse:
		r.bound, r.bounded = from, true
		r.placed = r.last(to)
	default:
		if to != nil {
			r.bound, r.bounded = *to, true
		}
		r.placed = r.at.Seek(from)
	}
	r.done = !r.placed
}

// last moves to the last item below to.
func (r *Range[T]) last(to *T) bool {
	if to != nil && r.at.Seek(*to) {
		return r.at.Prev()
	}
	return r.at.Last()
}

// Next moves to the next item and returns whether there is one.
func (r *Range[T]) Next() bool {
	switch {
	case r.done:
		return false
	case r.placed:
		r.placed = false
	case r.reverse:
		r.done = !r.at.Prev()
	default:
		r.done = !r.at.Next()
	}
	if r.done {
		return false
	}
	r.now = r.at.Item()
	if r.reverse {
		r.done = r.now.Before(r.bound)
	} else {
		r.done = r.bounded && !r.now.Before(r.bound)
	}
	return !r.done
}

// Item returns the item that Next moved to.
func (r *Range[T]) Item() T { return r.now }

// Release ends the walk.
func (r *Range[T]) Release() {
	r.at.Release()
	r.done = true
}
