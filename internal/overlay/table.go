package overlay

import (
	"hash/maphash"
	"unsafe"
)

// keyed is what a table holds: it begins an entry and a group.
type keyed struct {
	key string
}

// table is a hash table whose places have the hashes beside the pointers: a
// look-up waits for memory twice, for the place and for what it points to, and
// several look-ups can wait at once, see Warm.
type table struct {
	slots []slot // as many as a power of 2, or none
	n     int
}

// slot is free where at is nil. Who does not fit into its place, given by the
// first bits of its hash, lies in one of the next, without a free one between.
type slot struct {
	hash uint64
	at   *keyed
}

var seed = maphash.MakeSeed()

func hashOf(key []byte) uint64 { return maphash.Bytes(seed, key) }

// find returns what has the key, nil if nothing has.
func (t *table) find(key []byte) *keyed {
	if t.n == 0 {
		return nil
	}
	h := hashOf(key)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.at == nil {
			return nil
		}
		if s.hash == h && s.at.key == string(key) {
			return s.at
		}
	}
}

// set adds what has a key that is not there.
func (t *table) set(k *keyed) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.resize(max(8, 2*len(t.slots)))
	}
	t.place(slot{maphash.String(seed, k.key), k})
	t.n++
}

func (t *table) place(s slot) {
	mask := uint64(len(t.slots) - 1)
	i := s.hash & mask
	for t.slots[i].at != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *table) resize(n int) {
	old := t.slots
	t.slots = make([]slot, n)
	for _, s := range old {
		if s.at != nil {
			t.place(s)
		}
	}
}

// remove removes what is in the table.
func (t *table) remove(k *keyed) {
	mask := uint64(len(t.slots) - 1)
	i := maphash.String(seed, k.key) & mask
	for t.slots[i].at != k {
		i = (i + 1) & mask
	}
	t.free(i)
}

// free empties a place and moves up who lies behind its own place for it.
func (t *table) free(i uint64) {
	mask := uint64(len(t.slots) - 1)
	t.n--
	for j := (i + 1) & mask; t.slots[j].at != nil; j = (j + 1) & mask {
		if (j-t.slots[j].hash)&mask >= (j-i)&mask {
			t.slots[i], i = t.slots[j], j
		}
	}
	t.slots[i] = slot{}
}

// clear empties the table. It keeps its memory, as it fills up again.
func (t *table) clear() {
	clear(t.slots)
	t.n = 0
}

// each calls f with all that is there, in no order. f may not change the table.
func (t *table) each(f func(k *keyed)) {
	for i := range t.slots {
		if k := t.slots[i].at; k != nil {
			f(k)
		}
	}
}

// keep removes all for which f, which may be called twice, returns false.
func (t *table) keep(f func(k *keyed) bool) {
	for i := uint64(0); i < uint64(len(t.slots)); {
		if k := t.slots[i].at; k == nil || f(k) {
			i++
		} else {
			t.free(i) // something else may be in this place now
		}
	}
}

func entryAt(k *keyed) *entry { return (*entry)(unsafe.Pointer(k)) } // an entry begins with it

func groupAt(k *keyed) *group { return (*group)(unsafe.Pointer(k)) } // a group begins with it
