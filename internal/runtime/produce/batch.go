package produce

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
)

// headerBytes is the size of what comes before the records of a batch.
const headerBytes = 61

// recordOverhead is more than a record takes beside its keys and values.
const recordOverhead = 40

// producerID is what makes the sequences of batches unique.
type producerID struct {
	id    int64
	epoch int16
}

// batch is a record batch (magic 2) of one partition. It belongs to the
// appending goroutine until it was handed over.
type batch struct {
	part    *part
	buf     []byte // the header, to be filled in, and the records
	n       int32
	base    int64 // timestamps
	newest  int64
	causes  flow.Causes   // of the records
	told    []*kgo.Record // of the records; nil while none has one
	log     bool
	handed  int  // bytes that count against the limit
	signed  bool // id and seq are set, and stay with the batch
	id      producerID
	seq     int32
	sealed  []byte // as it is sent: buf, or its compressed form
	tries   int
	unknown int  // tries for which the broker did not know the partition
	lent    bool // a request that failed may still read sealed
}

// add appends a record.
func (b *batch) add(r *Record) {
	if b.n == 0 {
		b.base, b.newest = r.Time, r.Time
	}
	b.newest = max(b.newest, r.Time)
	dt, at := r.Time-b.base, int64(b.n)
	size := 1 + varintLen(dt) + varintLen(at) + sizeOf(r.Key) + sizeOf(r.Value) + varintLen(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		size += varintLen(int64(len(h.Key))) + len(h.Key) + sizeOf(h.Value)
	}
	need := varintLen(int64(size)) + size
	buf := slices.Grow(b.buf, need)
	begin := len(buf)
	buf = buf[:begin+need]
	w := writer{p: buf[begin:]}
	w.varint(int64(size))
	w.varint(0) // attributes
	w.varint(dt)
	w.varint(at)
	w.bytes(r.Key)
	w.bytes(r.Value)
	w.varint(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		w.varint(int64(len(h.Key)))
		w.n += copy(w.p[w.n:], h.Key)
		w.bytes(h.Value)
	}
	b.buf = buf
	b.causes.Set(int(b.n), r.Cause)
	if r.Told != nil && b.told == nil {
		b.told = make([]*kgo.Record, b.n, 64)
	}
	b.n++
	b.log = r.Log
	if b.told != nil {
		b.told = append(b.told, r.Told)
	}
}

// writer writes into room that is there.
type writer struct {
	p []byte
	n int
}

func (w *writer) varint(v int64) {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for ; u >= 0x80; u >>= 7 {
		w.p[w.n] = byte(u) | 0x80
		w.n++
	}
	w.p[w.n] = byte(u)
	w.n++
}

func (w *writer) bytes(p []byte) {
	if p == nil {
		w.varint(-1)
		return
	}
	w.varint(int64(len(p)))
	w.n += copy(w.p[w.n:], p)
}

func sizeOf(p []byte) int {
	if p == nil {
		return 1
	}
	return varintLen(int64(len(p))) + len(p)
}

func varintLen(v int64) int {
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sign gives the batch its place in the sequence of its partition.
func (b *batch) sign(id producerID, seq int32) {
	b.id, b.seq, b.signed = id, seq, true
	b.sealed = nil
}

// seal makes what is sent. A batch that is sent again is sealed already.
func (b *batch) seal(c kgo.Compressor, transactional bool) {
	if b.sealed != nil {
		return
	}
	if b.lent { // under another id
		b.buf, b.lent = bytes.Clone(b.buf), false
	}
	out, codec := b.buf, kgo.CompressionCodecType(0)
	if c != nil {
		var dst bytes.Buffer
		if packed, used := c.Compress(&dst, b.buf[headerBytes:]); used != 0 && len(packed) < len(b.buf)-headerBytes {
			out, codec = append(make([]byte, headerBytes, headerBytes+len(packed)), packed...), used
		}
	}
	be := binary.BigEndian
	be.PutUint64(out[0:], 0) // the broker tells the offset
	be.PutUint32(out[8:], uint32(len(out)-12))
	be.PutUint32(out[12:], 0xffffffff) // the leader's epoch, which is the broker's matter
	out[16] = 2
	attributes := uint16(codec)
	if transactional {
		attributes |= 1 << 4
	}
	be.PutUint16(out[21:], attributes)
	be.PutUint32(out[23:], uint32(b.n-1))
	be.PutUint64(out[27:], uint64(b.base))
	be.PutUint64(out[35:], uint64(b.newest))
	be.PutUint64(out[43:], uint64(b.id.id))
	be.PutUint16(out[51:], uint16(b.id.epoch))
	be.PutUint32(out[53:], uint32(b.seq))
	be.PutUint32(out[57:], uint32(b.n))
	be.PutUint32(out[17:], crc32.Checksum(out[21:], castagnoli))
	b.sealed = out
}
