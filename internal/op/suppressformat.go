package op

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// The changelog of a suppress buffer has had four formats since Kafka Streams
// 2.1, told apart by a header. The last one is written, and is that of the
// entries too; the others are read. All numbers are big-endian; a length of -1
// stands for a null.
//
//	3: context, prior, old, new, i64 buffer time
//	2: context, i32 length, old, new, prior, i64 buffer time
//	1: i64 buffer time, context, i32 length, old, new
//	0: i64 buffer time, old, new (no header)
//
// Versions 2.4.0 to 2.5.0 wrote format 3 with the header of format 2.

// Buffered is an update of a table that a suppress buffer holds, as bytes.
type Buffered struct {
	Time      int64 // of the record
	Offset    int64
	Topic     string
	Partition int32
	Headers   serde.Headers

	Prior []byte // the row when the key was buffered, nil for none
	Old   []byte // the row before the update
	New   []byte
	At    int64 // buffer time
}

const (
	bufferNull      int32 = -1
	bufferSameAsOld int32 = -2 // of the old row: it is the prior one
)

var bufferVersion = serde.Headers{{Key: "v", Value: []byte{3}}}

var errBuffered = errors.New("entry of a suppress buffer is malformed")

// Append appends the entry in format 3.
func (b *Buffered) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.Time))
	dst = binary.BigEndian.AppendUint64(dst, uint64(b.Offset))
	dst = append(appendInt32(dst, int32(len(b.Topic))), b.Topic...)
	dst = appendInt32(dst, b.Partition)
	dst = appendHeaders(dst, b.Headers)
	dst = appendNullable(dst, b.Prior)
	switch {
	case b.Old == nil:
		dst = appendInt32(dst, bufferNull)
	case b.oldIsPrior():
		dst = appendInt32(dst, bufferSameAsOld)
	default:
		dst = appendNullable(dst, b.Old)
	}
	dst = appendNullable(dst, b.New)
	return binary.BigEndian.AppendUint64(dst, uint64(b.At))
}

func (b *Buffered) oldIsPrior() bool {
	return (b.Old == nil) == (b.Prior == nil) && bytes.Equal(b.Old, b.Prior)
}

// Size is what the entry counts for the limit of a buffer, by Java's estimate.
func (b *Buffered) Size(key []byte) int {
	n := 8 + len(key) + len(b.Prior) + len(b.New) + 8 + 8 + len(b.Topic) + 4
	if !b.oldIsPrior() {
		n += len(b.Old)
	}
	for _, h := range b.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// ParseBuffered reads an entry of format 3. It aliases src.
func ParseBuffered(src []byte) (b Buffered, err error) {
	r := bufferReader{src: src}
	r.context(&b)
	b.Prior = r.nullable()
	if n := r.int32(); n == bufferSameAsOld {
		b.Old = b.Prior
	} else {
		b.Old = r.sized(n)
	}
	b.New = r.nullable()
	b.At = r.int64()
	return b, r.end()
}

// parseLegacy reads an entry of an older format; r is the record that it came in.
func parseLegacy(version byte, r *overlay.Record) (b Buffered, err error) {
	in := bufferReader{src: r.Value}
	switch version {
	case 2:
		in.context(&b)
		in.legacyChange(&b)
		b.Prior = in.nullable()
		b.At = in.int64()
	case 1:
		b.At = in.int64()
		in.context(&b)
		in.legacyChange(&b)
		b.Prior = b.Old
	default:
		b.Time = max(r.Time, 0)
		b.At = in.int64()
		b.Old, b.New = in.nullable(), in.nullable()
		b.Prior = b.Old
	}
	return b, in.end()
}

// bufferFormat returns the format of a record of the changelog.
func bufferFormat(h serde.Headers) byte {
	if v, ok := h.Last("v"); ok && len(v) == 1 {
		return v[0]
	}
	return 0
}

// bufferLayout is that of suppress buffers: entries are in format 3.
type bufferLayout struct{}

func (bufferLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key, r.Value, r.Time, r.Headers = key, value, overlay.ProducerTime, nil
	if value != nil {
		r.Headers = bufferVersion
	}
}

func (bufferLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	if r.Key == nil {
		return nil, nil, false
	}
	if r.Value == nil {
		return r.Key, nil, true
	}
	version := bufferFormat(r.Headers)
	if version < 3 {
		if b, err := parseLegacy(version, r); err == nil {
			return r.Key, b.Append(nil), true
		}
		if version < 2 {
			return nil, nil, false
		}
	}
	if _, err := ParseBuffered(r.Value); err != nil {
		return nil, nil, false
	}
	return r.Key, r.Value, true
}

func appendHeaders(dst []byte, headers serde.Headers) []byte {
	dst = appendInt32(dst, int32(len(headers)))
	for _, h := range headers {
		dst = append(appendInt32(dst, int32(len(h.Key))), h.Key...)
		dst = appendNullable(dst, h.Value)
	}
	return dst
}

func appendInt32(dst []byte, n int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func appendNullable(dst, b []byte) []byte {
	if b == nil {
		return appendInt32(dst, bufferNull)
	}
	return append(appendInt32(dst, int32(len(b))), b...)
}

// bufferReader reads an entry; what it returns after a mistake is zero.
type bufferReader struct {
	src    []byte
	failed bool
}

func (r *bufferReader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.src) {
		r.failed = true
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

func (r *bufferReader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *bufferReader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *bufferReader) nullable() []byte { return r.sized(r.int32()) }

func (r *bufferReader) sized(n int32) []byte {
	if n == bufferNull {
		return nil
	}
	return r.take(int(n))
}

func (r *bufferReader) context(b *Buffered) {
	b.Time, b.Offset = r.int64(), r.int64()
	b.Topic = string(r.take(int(r.int32())))
	b.Partition = r.int32()
	b.Headers = r.headers()
}

func (r *bufferReader) headers() (h serde.Headers) {
	n := r.int32()
	if n > int32(len(r.src)/8) {
		r.failed = true
	}
	for i := int32(0); i < n && !r.failed; i++ {
		key := string(r.take(int(r.int32())))
		h = append(h, serde.Header{Key: key, Value: r.nullable()})
	}
	return h
}

func (r *bufferReader) legacyChange(b *Buffered) {
	n := int(r.int32())
	rest := len(r.src) - n
	b.Old, b.New = r.nullable(), r.nullable()
	if len(r.src) != rest {
		r.failed = true
	}
}

func (r *bufferReader) end() error {
	if r.failed || len(r.src) > 0 {
		return errBuffered
	}
	return nil
}
