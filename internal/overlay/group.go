package overlay

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"
	"unsafe"

	"github.com/tidwall/btree"
)

// group is the entries of a store by time that differ in their times only, as
// those of one key in one segment do. Reads of a key go to its group at once, and
// find its few entries side by side.
type group struct {
	keyed // the keys, up to their times
	list  []stamped
}

// stamped is an entry with its time as the key's bytes are ordered.
type stamped struct {
	at uint64
	e  *entry
}

const groupOverhead = 128 // bytes of a group, about

// search returns the place of an entry by its time and the bytes behind it.
func (g *group) search(tail string) (i int, found bool) {
	at, rest := word(tail), tail[8:]
	n := len(g.list)
	if n == 0 || g.list[n-1].at < at {
		return n, false // as most new ones
	}
	lo, hi := 0, n
	for lo < hi {
		mid := (lo + hi) / 2
		m := g.list[mid]
		if m.at < at || m.at == at && len(rest) > 0 && m.e.key[len(m.e.key)-len(rest):] < rest {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == n || g.list[lo].at != at {
		return lo, false
	}
	k := g.list[lo].e.key
	return lo, k[len(k)-len(rest):] == rest
}

// groupOf returns the group of a key's head, nil if there is none.
func (s *Store) groupOf(head []byte) *group {
	if s.lastGroup != nil && s.lastGroup.key == string(head) {
		return s.lastGroup
	}
	g := groupAt(s.groups.find(head))
	if g != nil {
		s.lastGroup = g
	}
	return g
}

// grouped says whether a key belongs to a group.
func grouped[T string | []byte](s *Store, key T) bool {
	_, ok := timeIn(s, key)
	return ok
}

// findGrouped returns the entry of a key that belongs to a group.
func (s *Store) findGrouped(key []byte) *entry {
	i := len(key) - s.tail
	g := s.groupOf(key[:i])
	if g == nil {
		return nil
	}
	if at, found := g.search(unsafe.String(&key[i], s.tail)); found {
		return g.list[at].e
	}
	return nil
}

func (s *Store) insertGrouped(e *entry, key []byte) {
	i := len(key) - s.tail
	g := s.groupOf(key[:i])
	if g == nil {
		g = &group{keyed: keyed{string(key[:i])}}
		s.groups.set(&g.keyed)
		s.lastGroup = g
		s.bytes += groupOverhead + len(g.key)
	}
	at, _ := g.search(e.key[i:])
	g.list = slices.Insert(g.list, at, stamped{word(e.key[i:]), e})
	s.inGroups++
	s.listed(e, int64(word(e.key[i:])))
	if s.times != nil {
		s.times.Set(itemOf(e))
	}
}

func (s *Store) removeGrouped(e *entry) {
	if g := s.unlist(e); len(g.list) == 0 {
		s.groups.remove(&g.keyed)
		s.removedGroup(g)
	}
}

// unlist takes an entry out of its group, which it returns.
func (s *Store) unlist(e *entry) *group {
	i := len(e.key) - s.tail
	g := s.groupOf(unsafe.Slice(unsafe.StringData(e.key), i))
	if at, found := g.search(e.key[i:]); found {
		g.list = slices.Delete(g.list, at, at+1)
		s.inGroups--
	}
	if s.times != nil {
		s.times.Delete(itemOf(e))
	}
	return g
}

// removedGroup takes note that a group is none of the store's any more.
func (s *Store) removedGroup(g *group) {
	s.bytes -= groupOverhead + len(g.key)
	if s.lastGroup == g {
		s.lastGroup = nil
	}
}

// keepGrouped removes the entries of groups that keep does not want.
func (s *Store) keepGrouped(keep func(e *entry) bool) {
	s.times = nil // what leaves may be much: to make it anew costs less
	s.groups.keep(func(k *keyed) bool {
		g := groupAt(k)
		kept := g.list[:0]
		for _, i := range g.list {
			if keep(i.e) {
				kept = append(kept, i)
			} else {
				s.inGroups--
				s.removed(i.e)
			}
		}
		clear(g.list[len(kept):])
		if g.list = kept; len(kept) == 0 {
			s.removedGroup(g)
		}
		return len(kept) > 0
	})
}

// Tidy removes the committed entries that nobody reads any more.
func (s *Store) Tidy() {
	before := s.inGroups
	s.groups.keep(func(k *keyed) bool {
		g := groupAt(k)
		kept, n := g.list[:0], 0
		for ; n < len(g.list) && int64(g.list[n].at) < s.unread; n++ {
			if i := g.list[n]; i.e.dirty {
				kept = append(kept, i)
			} else {
				s.inGroups--
				s.removed(i.e)
			}
		}
		if len(kept) < n {
			kept = append(kept, g.list[n:]...)
			clear(g.list[len(kept):])
			g.list = kept
		}
		if len(g.list) == 0 {
			s.removedGroup(g)
		}
		return len(g.list) > 0
	})
	if s.inGroups < before {
		s.times = nil // what left may be much: to make it anew costs less
	}
	s.tidied = s.bytes
}

// ScanKey calls yield with the entries whose key is head, a time between from
// and to, both included, and what follows the time: tail bytes from the time on.
// It may get others, whose keys begin with head too. Else it is Scan.
func (s *Store) ScanKey(head []byte, tail int, from, to int64, reverse, lend bool, yield func(key, value []byte) bool) error {
	s.count.Scans++
	sc := s.newScan()
	sc.lo, sc.hi = keyBounds(sc.lo[:0], sc.hi[:0], head, tail, from, to)
	if s.tail == 0 {
		s.ensureOrder()
		sc.upper.start(s.order, sc.lo, sc.hi, reverse)
	} else {
		sc.upper.startGroup(s.groupOf(head), uint64(from), uint64(to), reverse)
	}
	return s.merge(sc, from < s.whole, sc.lo, sc.hi, reverse, lend, yield)
}

func keyBounds(lo, hi, head []byte, tail int, from, to int64) ([]byte, []byte) {
	lo, hi = binary.BigEndian.AppendUint64(append(lo, head...), uint64(from)), binary.BigEndian.AppendUint64(append(hi, head...), uint64(to))
	for range tail - 8 {
		hi = append(hi, 0xff)
	}
	return lo, append(hi, 0)
}

// startGroup takes the entries of a group.
func (u *upper) startGroup(g *group, from, to uint64, reverse bool) {
	u.chunk, u.next, u.started, u.done = u.chunk[:0], 0, true, true
	if g == nil {
		return
	}
	n := len(g.list)
	if n > 0 && g.list[n-1].at > to {
		n = sort.Search(n, func(i int) bool { return g.list[i].at > to })
	}
	for n--; n >= 0 && g.list[n].at >= from; n-- {
		u.chunk = append(u.chunk, g.list[n].e)
	}
	if !reverse {
		slices.Reverse(u.chunk)
	}
}

// groupsInOrder calls f with the entries of each group, by their heads, but for
// groups that nobody reads any more.
func (s *Store) groupsInOrder(f func(e *entry)) {
	type headed struct {
		head head
		g    *group
	}
	all := make([]headed, 0, s.groups.n)
	s.groups.each(func(k *keyed) {
		if g := groupAt(k); len(g.list) > 0 && int64(g.list[len(g.list)-1].at) >= s.unread {
			all = append(all, headed{headOf(k.key), g})
		}
	})
	slices.SortFunc(all, func(a, b headed) int {
		if less, same := a.head.before(&b.head); less {
			return -1
		} else if !same {
			return 1
		}
		return strings.Compare(a.g.key, b.g.key)
	})
	for _, h := range all {
		for _, i := range h.g.list {
			f(i.e)
		}
	}
}

// ensureTimes makes the tree of all entries of groups, for a read of several
// keys. It stays until much leaves memory, or no such read comes for a while.
func (s *Store) ensureTimes() *btree.BTreeG[item] {
	s.timesUsed = timesCommits
	if s.times == nil {
		all := make([]item, 0, s.inGroups)
		s.groups.each(func(k *keyed) {
			for _, i := range groupAt(k).list {
				all = append(all, itemOf(i.e))
			}
		})
		s.times = treeOf(all)
	}
	return s.times
}

// timesCommits is how many commits a tree that nobody reads stays.
const timesCommits = 32

// treeOf sorts items and makes a tree of them.
func treeOf(all []item) *btree.BTreeG[item] {
	slices.SortFunc(all, item.compare)
	t := newOrder()
	for _, i := range all {
		t.Load(i)
	}
	return t
}

// otherKey is where the keys that have no time begin.
var otherKey = []byte{OtherByte}

// scanBoth is Scan over keys with and without a time.
func (s *Store) scanBoth(since int64, lo, hi []byte, reverse, lend bool, yield func(key, value []byte) bool) error {
	stopped := false
	take := func(key, value []byte) bool {
		stopped = !yield(key, value)
		return !stopped
	}
	parts := [2][2][]byte{{lo, otherKey}, {otherKey, hi}}
	if reverse {
		parts[0], parts[1] = parts[1], parts[0]
	}
	for _, p := range parts {
		if err := s.ScanSince(since, p[0], p[1], reverse, lend, take); err != nil || stopped {
			return err
		}
	}
	return nil
}
