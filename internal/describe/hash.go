package describe

import (
	"slices"
	"unicode/utf16"
)

// Java's text shows the iteration order of HashMap and HashSet. A hashTable
// repeats how they lay out strings: see also bucket.

type hashTable struct {
	buckets []bucket // their number is a power of two
	size    int
}

// newHashTable returns a table for n names that grows past 3/4 of its buckets.
func newHashTable(n int) *hashTable {
	buckets := 16
	for n > buckets*3/4 {
		buckets *= 2
	}
	return &hashTable{buckets: make([]bucket, buckets)}
}

// add inserts name, unless it is there.
func (t *hashTable) add(name string) {
	k := newHashed(name)
	b := &t.buckets[t.index(k)]
	if slices.Contains(b.keys, k) {
		return
	}
	b.add(k)
	t.size++
	if b.tree == nil && len(b.keys) >= treeSize {
		// A small table is widened rather than given a tree.
		if len(t.buckets) < 64 {
			t.widen()
		} else {
			b.growTree()
		}
	}
	if t.size > len(t.buckets)*3/4 {
		t.widen()
	}
}

func (t *hashTable) index(k hashed) int {
	return int(uint32(k.hash)) & (len(t.buckets) - 1)
}

// widen doubles the buckets. The keys of bucket i stay or move to i + n.
func (t *hashTable) widen() {
	n := len(t.buckets)
	t.buckets = slices.Grow(t.buckets, n)[:2*n]
	for i := range n {
		stay, move := t.buckets[i].split(int32(n))
		t.buckets[i], t.buckets[i+n] = stay, move
	}
}

// addAll adds names and returns all names in order of iteration.
func (t *hashTable) addAll(names []string) []string {
	for _, name := range names {
		t.add(name)
	}
	list := make([]string, 0, t.size)
	for _, b := range t.buckets {
		for _, k := range b.keys {
			list = append(list, k.name)
		}
	}
	return list
}

// setOfList is the order of new HashSet<>(list).
func setOfList(list []string) []string {
	return newHashTable(len(list)).addAll(list)
}

// setOfSet is the order of new HashSet<>(set), where the set grew name by name.
func setOfSet(names []string) []string {
	return setOfList(newHashTable(0).addAll(names))
}

// mapOfSet is the order of the keys of a HashMap that was filled from a HashSet,
// where both grew name by name.
func mapOfSet(names []string) []string {
	return newHashTable(0).addAll(newHashTable(0).addAll(names))
}

// hashed is a string with its hash, spread as HashMap does.
type hashed struct {
	hash int32
	name string
}

func newHashed(name string) hashed {
	h := hashString(name)
	return hashed{int32(h ^ h>>16), name}
}

// hashString is String.hashCode, which counts in UTF-16.
func hashString(s string) uint32 {
	var h uint32
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(u)
	}
	return h
}

// compareUTF16 is String.compareTo, which differs from the order of UTF-8 behind
// the basic multilingual plane.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}
