package overlay

import (
	"unsafe"

	"github.com/ottla-streams/ottla/serde"
)

// entry is a key's value in the two upper layers. There are very many: what is not
// long lies in the memory behind it, the key first.
type entry struct {
	keyed
	dirty    bool
	curDel   bool
	silent   bool // the uncommitted write is not for the changelog
	known    bool // the committed layer knows the key
	comDel   bool
	owed     bool // the engine does not have the committed value yet
	lentCur  bool // a reader may hold cur: it must not be written again
	lentCom  bool
	written  bool // the engine may have the key, though it may be of a time that it has nothing else of
	nHeaders uint32

	cur    bytesRef // uncommitted, when dirty
	com    bytesRef // committed, when known
	time   int64    // of the uncommitted write
	header *serde.Header
}

const (
	entryOverhead = 96  // bytes of an entry without key and values, and of its place in the table, about
	longKey       = 64  // bytes of the longest key that lies behind its entry
	smallValue    = 24  // bytes of the longest value that has room there for another one
	mostBehind    = 176 // bytes
)

// newEntry returns the entry of a key with room for a value of n bytes. Small ones,
// which are often written again, have room for two.
func newEntry(key []byte, n int) *entry {
	k, values := len(key), n
	if k > longKey {
		k = 0
	}
	if n <= smallValue {
		values = 2 * max(n, 8)
	}
	if k+values > mostBehind {
		values = 0
	}
	e, room := allocate(k + values)
	if k == 0 {
		e.key = string(key)
	} else {
		e.key = unsafe.String(&room[0], copy(room, key)) // never written again
	}
	first := len(room)
	if n <= smallValue {
		first = k + (len(room)-k)/2
	}
	e.cur, e.com = refTo(room[k:k:first]), refTo(room[first:first:len(room)])
	return e
}

// allocate returns an entry and n bytes or some more behind it. The sizes are those
// in which the runtime gives out memory.
func allocate(n int) (*entry, []byte) {
	switch {
	case n <= 48:
		return behind[[48]byte]()
	case n <= 64:
		return behind[[64]byte]()
	case n <= 80:
		return behind[[80]byte]()
	case n <= 96:
		return behind[[96]byte]()
	case n <= 112:
		return behind[[112]byte]()
	case n <= 128:
		return behind[[128]byte]()
	case n <= 144:
		return behind[[144]byte]()
	}
	return behind[[mostBehind]byte]()
}

func behind[R any]() (*entry, []byte) {
	b := new(struct {
		entry
		room R
	})
	return &b.entry, unsafe.Slice((*byte)(unsafe.Pointer(&b.room)), unsafe.Sizeof(b.room))
}

func (e *entry) headers() serde.Headers { return unsafe.Slice(e.header, e.nHeaders) }

func (e *entry) setHeaders(h serde.Headers) {
	e.header, e.nHeaders = unsafe.SliceData(h), uint32(len(h))
}

// value returns the value as the task sees it, if there is one.
func (e *entry) value(lend bool) ([]byte, bool) {
	if e.dirty {
		e.lentCur = e.lentCur || lend
		return e.cur.bytes(), !e.curDel
	}
	e.lentCom = e.lentCom || lend
	return e.com.bytes(), e.known && !e.comDel
}

// bytesRef is a slice of less than 4 GiB in less memory. Its zero value is nil.
type bytesRef struct {
	at      *byte
	n, room uint32
}

func refTo(b []byte) bytesRef {
	return bytesRef{unsafe.SliceData(b), uint32(len(b)), uint32(cap(b))}
}

func (r bytesRef) bytes() []byte { return unsafe.Slice(r.at, r.n) }

// set copies b, into the room that there is if b fits into it. The result is
// not nil.
func (r *bytesRef) set(b []byte) {
	if len(b) <= int(r.room) && r.at != nil {
		copy(unsafe.Slice(r.at, r.room), b)
		r.n = uint32(len(b))
		return
	}
	*r = refTo(append([]byte{}, b...))
}
