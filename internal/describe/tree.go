package describe

import "iter"

// A tree is a sorted set that is never sorted again: it behaves like
// java.util.TreeSet, also when the order of its members changes between
// insertions. Its shape decides then which members a new one is compared with,
// so it is a red-black tree with the textbook insertion (Cormen, Leiserson,
// Rivest: Introduction to Algorithms), as Java's is:
//
//	rotate(x, 0):    x                 y
//	               a   y      =>     x   c
//	                  b c           a b
type tree[T ordered[T]] struct {
	root *branch[T]
}

// ordered is what can be in a tree; compare is negative if the receiver comes
// before other, and 0 if they are the same.
type ordered[T any] interface {
	compare(other T) int
}

type branch[T ordered[T]] struct {
	v    T
	up   *branch[T]
	down [2]*branch[T] // left, right
	red  bool
}

// add inserts v and returns its parent, which is nil for the first member. If
// the search for its position meets v itself, add does nothing and returns nil.
func (t *tree[T]) add(v T) *branch[T] {
	var up *branch[T]
	side := 0
	for at := t.root; at != nil; at = at.down[side] {
		c := v.compare(at.v)
		if c == 0 {
			return nil
		}
		up, side = at, 0
		if c > 0 {
			side = 1
		}
	}
	n := &branch[T]{v: v, up: up, red: true}
	if up == nil {
		t.root = n
	} else {
		up.down[side] = n
	}
	t.rebalance(n)
	return up
}

// rebalance restores the rule that a red branch hangs from a black one, and that
// the root is black, after n was added in red.
func (t *tree[T]) rebalance(n *branch[T]) {
	for n.up != nil && n.up.red {
		grand := n.up.up // the parent is red, so it is not the root
		side := n.up.side()
		uncle := grand.down[1-side]
		if uncle != nil && uncle.red {
			n.up.red, uncle.red, grand.red = false, false, true
			n = grand
			continue
		}
		if n.side() != side {
			n = n.up
			t.rotate(n, side)
		}
		n.up.red, grand.red = false, true
		t.rotate(grand, 1-side)
	}
	t.root.red = false
}

// side tells on which side of its parent n hangs.
func (n *branch[T]) side() int {
	if n.up.down[1] == n {
		return 1
	}
	return 0
}

// rotate moves x down to the given side; its child of the other side takes its
// place.
func (t *tree[T]) rotate(x *branch[T], side int) {
	y := x.down[1-side]
	inner := y.down[side]
	x.down[1-side] = inner
	if inner != nil {
		inner.up = x
	}
	y.up = x.up
	if x.up == nil {
		t.root = y
	} else {
		x.up.down[x.side()] = y
	}
	y.down[side] = x
	x.up = y
}

// all yields the members from left to right.
func (t *tree[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) { t.root.walk(yield) }
}

func (n *branch[T]) walk(yield func(T) bool) bool {
	return n == nil || n.down[0].walk(yield) && yield(n.v) && n.down[1].walk(yield)
}
