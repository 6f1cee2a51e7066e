package describe

import (
	"cmp"
	"slices"
)

// A bucket holds the keys of a HashMap that share a place in its table, in order
// of iteration: that is the order of insertion until there are many. From then on
// Java also keeps them in a tree, lists a new key behind its parent in that tree,
// and moves the root of the tree to the front of the list.
type bucket struct {
	keys []hashed
	tree *tree[hashed] // nil while there are few
}

// treeSize is the number of keys at which a bucket gets a tree, and listSize the
// number at which what a split left over has none.
const (
	treeSize = 9
	listSize = 6
)

// compare orders the keys in the tree of a bucket.
func (k hashed) compare(o hashed) int {
	return cmp.Or(cmp.Compare(k.hash, o.hash), compareUTF16(k.name, o.name))
}

// add inserts k, which must not be there.
func (b *bucket) add(k hashed) {
	if b.tree == nil {
		b.keys = append(b.keys, k)
		return
	}
	up := b.tree.add(k)
	b.keys = slices.Insert(b.keys, slices.Index(b.keys, up.v)+1, k)
	b.rootFirst()
}

// growTree gives b a tree, made in order of the list.
func (b *bucket) growTree() {
	b.tree = new(tree[hashed])
	for _, k := range b.keys {
		b.tree.add(k)
	}
	b.rootFirst()
}

func (b *bucket) rootFirst() {
	root := b.tree.root.v
	i := slices.Index(b.keys, root)
	b.keys = slices.Insert(slices.Delete(b.keys, i, i+1), 0, root)
}

// split parts the keys by one bit of their hashes.
func (b bucket) split(bit int32) (stay, move bucket) {
	for _, k := range b.keys {
		if k.hash&bit == 0 {
			stay.keys = append(stay.keys, k)
		} else {
			move.keys = append(move.keys, k)
		}
	}
	if b.tree == nil {
		return stay, move
	}
	for _, part := range []*bucket{&stay, &move} {
		switch {
		case len(part.keys) <= listSize:
		case len(part.keys) == len(b.keys):
			part.tree = b.tree
		default:
			part.growTree()
		}
	}
	return stay, move
}
