package overlay

import (
	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/state/engine"
)

// version is a committed entry as other goroutines may read it. It is never
// written again.
type version struct {
	key   string
	value []byte
	gone  bool
}

// shown is a version in the tree.
type shown struct {
	head head
	v    *version
}

func shownOf(v *version) shown { return shown{headOf(v.key), v} }

func (x shown) less(y shown) bool {
	less, same := x.head.before(&y.head)
	return less || same && x.v.key < y.v.key
}

// degree is that of the trees of views: small, since each commit copies the
// nodes that it changes.
const degree = 16

// View is the committed state of a store at one moment. It is safe for
// concurrent use, and stays as it is whatever the store goes on to do.
type View struct {
	layout Layout
	prefix []byte
	tree   *btree.BTreeG[shown]
	below  *Base // nil without an engine
}

// Publish returns the committed state. The first call goes over the whole
// committed layer; from then on each commit notes what it changes, until Hide.
// below is the engine's state that the committed layer lies over.
func (s *Store) Publish(below *Base) *View {
	if s.shown == nil {
		s.shown = btree.NewBTreeGOptions(shown.less, btree.Options{NoLocks: true, Degree: degree})
		s.each(func(e *entry) {
			if e.known {
				s.show(e)
			}
		})
	}
	return &View{layout: s.layout, prefix: s.prefix, tree: s.shown.Copy(), below: below}
}

// Published says whether the store notes its changes for Publish.
func (s *Store) Published() bool { return s.shown != nil }

// Hide ends what Publish began.
func (s *Store) Hide() { s.shown = nil }

// show notes the committed value of an entry, which must not be written again.
func (s *Store) show(e *entry) {
	e.lentCom = true
	s.shown.Set(shownOf(&version{e.key, e.com.bytes(), e.comDel}))
}

// unshow forgets the committed value of an entry.
func (s *Store) unshow(e *entry) {
	if s.shown != nil {
		s.shown.Delete(shownOf(&version{key: e.key}))
	}
}

// Store returns a store over the view, for one goroutine. What is written to it
// by mistake stays in it.
func (v *View) Store() *Store {
	return &Store{layout: v.layout, base: v, whole: never, unread: always, frozen: true, count: new(measure.Store)}
}

// Freeze makes a store over a base that others write read-only.
func (s *Store) Freeze() { s.frozen, s.whole = true, never }

// Frozen says whether the store is read-only, as that of a view is.
func (s *Store) Frozen() bool { return s != nil && s.frozen }

// Get implements engine.Reader, for keys without the store's prefix.
func (v *View) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if i, ok := v.tree.Get(shownOf(&version{key: string(key)})); ok {
		if i.v.gone {
			return dst, false, nil
		}
		if dst == nil {
			dst = []byte{} // an empty value is a value
		}
		return append(dst, i.v.value...), true, nil
	}
	if v.below == nil {
		return dst, false, nil
	}
	return v.below.Get(dst, append(append(make([]byte, 0, len(v.prefix)+len(key)), v.prefix...), key...))
}

// Scan implements engine.Reader.
func (v *View) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	it := &viewIterator{v: v, reverse: reverse}
	it.upper.start(v.tree, lo, hi, reverse)
	if v.below != nil {
		from := append(append([]byte{}, v.prefix...), lo...)
		to := prefixEnd(v.prefix)
		if hi != nil {
			to = append(append([]byte{}, v.prefix...), hi...)
		}
		it.lower = v.below.scan(from, to, reverse)
		it.lowerOK = it.lower.Next()
	}
	return it, nil
}

// viewIterator merges the tree of a view and what lies below it.
type viewIterator struct {
	v       *View
	reverse bool
	upper   versions
	lower   *chunks // nil without an engine
	lowerOK bool
	key     []byte
	value   []byte
}

func (it *viewIterator) Next() bool {
	for {
		up := it.upper.peek()
		switch {
		case up == nil && !it.lowerOK:
			return false
		case up == nil:
			it.takeLower()
			return true
		}
		if it.lowerOK {
			switch c := compareKey(up.key, it.lower.Key()[len(it.v.prefix):], it.reverse); {
			case c == 0:
				it.lowerOK = it.lower.Next()
			case c > 0:
				it.takeLower()
				return true
			}
		}
		it.upper.pop()
		if !up.gone {
			it.key, it.value = append(it.key[:0], up.key...), up.value
			return true
		}
	}
}

func (it *viewIterator) takeLower() {
	it.key = append(it.key[:0], it.lower.Key()[len(it.v.prefix):]...)
	it.value = append([]byte{}, it.lower.Value()...)
	it.lowerOK = it.lower.Next()
}

func (it *viewIterator) Key() []byte   { return it.key }
func (it *viewIterator) Value() []byte { return it.value }

func (it *viewIterator) Close() error {
	if it.lower == nil {
		return nil
	}
	return it.lower.Close()
}

// versions walks over the tree of a view in small chunks.
type versions struct {
	tree    *btree.BTreeG[shown]
	lo, hi  []byte
	open    bool // there is no hi
	reverse bool
	chunk   []*version
	next    int
	last    string
	started bool
	done    bool
}

func (u *versions) start(tree *btree.BTreeG[shown], lo, hi []byte, reverse bool) {
	*u = versions{tree: tree, lo: append([]byte{}, lo...), hi: append([]byte{}, hi...), open: hi == nil, reverse: reverse}
}

func (u *versions) pop() { u.next++ }

func (u *versions) peek() *version {
	if u.next == len(u.chunk) && !u.done {
		u.fill()
	}
	if u.next == len(u.chunk) {
		return nil
	}
	return u.chunk[u.next]
}

func (u *versions) takes(i shown) bool {
	k := i.v.key
	switch {
	case u.started && k == u.last:
		return true
	case u.reverse && k < string(u.lo), !u.reverse && !u.open && k >= string(u.hi):
		u.done = true
		return false
	case u.reverse && !u.open && k >= string(u.hi):
		return true
	}
	u.chunk = append(u.chunk, i.v)
	return len(u.chunk) < chunkSize
}

func (u *versions) fill() {
	u.chunk, u.next = u.chunk[:0], 0
	from := string(u.lo)
	switch {
	case u.started:
		from = u.last
	case u.reverse:
		from = string(u.hi)
	}
	pivot := shownOf(&version{key: from})
	switch {
	case !u.reverse:
		u.tree.Ascend(pivot, u.takes)
	case u.open && !u.started:
		u.tree.Reverse(u.takes)
	default:
		u.tree.Descend(pivot, u.takes)
	}
	if n := len(u.chunk); n < chunkSize {
		u.done = true
	} else {
		u.last, u.started = u.chunk[n-1].key, true
	}
}
