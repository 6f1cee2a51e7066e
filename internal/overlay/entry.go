package overlay

import (
	"unsafe"

	"github.com/ottla-streams/ottla/serde"
)

// entry is a key's value in the two upper layers. There are very many: it fills
// two lines of memory, and short keys and values lie in it.
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

	inline [48]byte // the key, if it is short, and the first room for two values
	cur    bytesRef // uncommitted, when dirty
	com    bytesRef // committed, when known
	time   int64    // of the uncommitted write
	header *serde.Header
}

const (
	entryOverhead = 144 // bytes of an entry without what lies in it and its place in the table, about
	shortKey      = 16  // bytes of the longest key that lies in an entry
)

func newEntry(key []byte) *entry {
	e := &entry{}
	n := 0
	if len(key) == 0 || len(key) > shortKey {
		e.key = string(key)
	} else {
		n = copy(e.inline[:], key)
		e.key = unsafe.String(&e.inline[0], n) // never written again
	}
	half := (len(e.inline) - n) / 2
	e.cur, e.com = refTo(e.inline[n:n:n+half]), refTo(e.inline[n+half:n+half:n+2*half])
	return e
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
