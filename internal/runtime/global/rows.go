package global

import (
	"hash/maphash"
	"sync/atomic"
)

// row is a key with its value. Only next changes, and only by the writer.
type row struct {
	key   string
	value []byte
	hash  uint64
	next  atomic.Pointer[row]
}

// rowOverhead is what a row takes beside its key and value, about: itself, its
// bucket and what allocations round up.
const rowOverhead = 88

// rows is a hash table of one writer and any number of readers. A reader takes
// no lock and writes nothing, so that readers don't slow each other down. It
// sees each write whole, and all that was written before its read began.
type rows struct {
	seed  maphash.Seed
	table atomic.Pointer[table]

	n     int // of the writer
	bytes int
}

type table []atomic.Pointer[row] // a power of two of buckets

const leastBuckets = 64

func newRows() *rows {
	r := &rows{seed: maphash.MakeSeed()}
	t := make(table, leastBuckets)
	r.table.Store(&t)
	return r
}

func (t table) bucket(hash uint64) *atomic.Pointer[row] { return &t[hash&uint64(len(t)-1)] }

// get returns the value of key, which must not be written.
func (r *rows) get(key []byte) ([]byte, bool) {
	hash := maphash.Bytes(r.seed, key)
	for e := r.table.Load().bucket(hash).Load(); e != nil; e = e.next.Load() {
		if e.hash == hash && e.key == string(key) {
			return e.value, true
		}
	}
	return nil, false
}

// put sets key to value, both copied, and returns the new row and the one that
// it replaced.
func (r *rows) put(key, value []byte) (now, was *row) {
	block := make([]byte, len(key)+len(value))
	copy(block[copy(block, key):], value)
	now = &row{key: text(block[:len(key)]), value: block[len(key):len(block):len(block)], hash: maphash.Bytes(r.seed, key)}
	at, was := r.find(now.hash, now.key)
	if was != nil {
		now.next.Store(was.next.Load())
		at.Store(now)
		r.bytes += len(value) - len(was.value)
		return now, was
	}
	first := r.table.Load().bucket(now.hash)
	now.next.Store(first.Load())
	first.Store(now)
	r.n++
	r.bytes += len(block) + rowOverhead
	if r.n > len(*r.table.Load()) {
		r.grow()
	}
	return now, nil
}

// drop removes key and returns its row.
func (r *rows) drop(key []byte) *row {
	at, was := r.find(maphash.Bytes(r.seed, key), text(key))
	if was == nil {
		return nil
	}
	at.Store(was.next.Load())
	r.n--
	r.bytes -= len(was.key) + len(was.value) + rowOverhead
	return was
}

// find returns the row of key and what points to it.
func (r *rows) find(hash uint64, key string) (at *atomic.Pointer[row], e *row) {
	at = r.table.Load().bucket(hash)
	for e = at.Load(); e != nil; e = at.Load() {
		if e.hash == hash && e.key == key {
			return at, e
		}
		at = &e.next
	}
	return nil, nil
}

// grow doubles the buckets. Readers of the old table go on in it, so that the
// rows are made anew; their bytes stay where they are.
func (r *rows) grow() {
	old := *r.table.Load()
	t := make(table, 2*len(old))
	made := make([]row, r.n)
	i := 0
	for b := range old {
		for e := old[b].Load(); e != nil; e = e.next.Load() {
			n := &made[i]
			i++
			n.key, n.value, n.hash = e.key, e.value, e.hash
			first := t.bucket(e.hash)
			n.next.Store(first.Load())
			first.Store(n)
		}
	}
	r.table.Store(&t)
}

// each calls f with all rows, in no order.
func (r *rows) each(f func(*row)) {
	t := *r.table.Load()
	for b := range t {
		for e := t[b].Load(); e != nil; e = e.next.Load() {
			f(e)
		}
	}
}
