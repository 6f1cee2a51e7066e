package overlay

import (
	"hash/maphash"
	"iter"
)

// table finds entries by key: open addressing with linear probing. The hash
// stands beside the entry, so that a look-up misses the cache twice: for the
// slot and for the entry. A map of strings misses it up to four times.
type table struct {
	seed  maphash.Seed
	slots []slot // a power of two, nil at first
	n     int
}

type slot struct {
	hash uint64
	e    *entry // nil for free
}

const minSlots = 16

func newTable() table { return table{seed: maphash.MakeSeed()} }

func (t *table) len() int { return t.n }

// get returns the entry of key, nil if there is none.
func (t *table) get(key []byte) *entry {
	if t.n == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	h := maphash.Bytes(t.seed, key)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s := &t.slots[i]; {
		case s.e == nil:
			return nil
		case s.hash == h && s.e.key == string(key):
			return s.e
		}
	}
}

// add takes an entry whose key is not there.
func (t *table) add(e *entry) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	t.n++
	t.place(slot{maphash.String(t.seed, e.key), e})
}

func (t *table) place(s slot) {
	mask := uint64(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].e != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(minSlots, 2*len(old)))
	for _, s := range old {
		if s.e != nil {
			t.place(s)
		}
	}
}

// remove drops an entry, which is there, and closes the gap.
func (t *table) remove(e *entry) {
	mask := uint64(len(t.slots) - 1)
	i := maphash.String(t.seed, e.key) & mask
	for t.slots[i].e != e {
		if t.slots[i].e == nil {
			return
		}
		i = (i + 1) & mask
	}
	t.n--
	for next := (i + 1) & mask; t.slots[next].e != nil; next = (next + 1) & mask {
		// It may move to the gap unless its own place lies behind that.
		if home := t.slots[next].hash & mask; (next-home)&mask >= (next-i)&mask {
			t.slots[i] = t.slots[next]
			i = next
		}
	}
	t.slots[i] = slot{}
}

// all iterates over the entries. None may be added or removed meanwhile.
func (t *table) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for i := range t.slots {
			if e := t.slots[i].e; e != nil && !yield(e) {
				return
			}
		}
	}
}

// clear drops all entries and keeps the room, unless it is large for what was in it.
func (t *table) clear() {
	if len(t.slots) > 8*max(t.n, minSlots) {
		t.slots = nil
	}
	clear(t.slots)
	t.n = 0
}
