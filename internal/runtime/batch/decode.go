package batch

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// leastBody is the size of a record without key, value and headers after its
// length: attributes, two deltas, two lengths and a count of a byte each.
const leastBody = 6

// malformed is the place after a varint that is none: no place in any bytes.
const malformed = math.MaxInt

// Decode decodes the record at the start of src, a rest of b.Payload, into o.
// It sets Offset, Time, Key, Value and Headers, which are parts of src, even
// the keys of headers: src must not change as long as any of them is used. A
// null is nil, what is empty is not. An err is an [*Error].
//
// n is how many bytes the record took.
func (b *Batch) Decode(src []byte, o *flow.Origin) (n int, err error) {
	size, i := varint(src, 0)
	if size < leastBody || size > int64(len(src)-i) {
		return 0, b.bad(-1, "length")
	}
	n = i + int(size)
	src = src[:n:n]
	at, i := varint(src, i+1) // its attributes have no use yet
	delta, i := varint(src, i)
	if uint64(delta) > uint64(b.Last-b.Base) {
		return 0, b.bad(-1, "offset delta")
	}

	var key, value []byte
	size, i = varint(src, i)
	if size >= 0 {
		if size > int64(len(src)-i) {
			return 0, b.bad(delta, "length of the key")
		}
		key = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	size, i = varint(src, i)
	if size >= 0 {
		if size > int64(len(src)-i) {
			return 0, b.bad(delta, "length of the value")
		}
		value = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	count, i := varint(src, i)
	if i > len(src) {
		return 0, b.bad(delta, "fields")
	}
	var headers serde.Headers
	if count != 0 {
		if headers = decodeHeaders(src[i:], count); headers == nil {
			return 0, b.bad(delta, "headers")
		}
	}

	o.Offset, o.Time = b.Base+delta, b.FirstTime+at
	if b.AppendTime {
		o.Time = b.MaxTime
	}
	o.Key, o.Value, o.Headers = key, value, headers
	return n, nil
}

// decodeHeaders decodes count headers at the start of src. It returns nil if
// src does not hold them.
func decodeHeaders(src []byte, count int64) serde.Headers {
	if count < 0 || count > int64(len(src)/2) { // a header has two lengths
		return nil
	}
	headers := make(serde.Headers, count)
	i := 0
	for j := range headers {
		var size int64
		size, i = varint(src, i)
		if size < 0 || size > int64(len(src)-i) {
			return nil
		}
		headers[j].Key = unsafe.String(unsafe.SliceData(src[i:]), int(size))
		i += int(size)
		size, i = varint(src, i)
		if size < 0 {
			continue
		}
		if size > int64(len(src)-i) {
			return nil
		}
		headers[j].Value = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	if i > len(src) {
		return nil
	}
	return headers
}

// varint decodes the zigzag varint at place i of src; next is the place after
// it. A place beyond src stays beyond it, so that one check after several
// varints is enough.
func varint(src []byte, i int) (v int64, next int) {
	if uint(i) < uint(len(src)) && src[i] < 0x80 {
		return int64(src[i]>>1) ^ -int64(src[i]&1), i + 1
	}
	return longVarint(src, i)
}

func longVarint(src []byte, i int) (v int64, next int) {
	var u uint64
	for shift := 0; i < len(src) && shift < 64; shift += 7 {
		c := src[i]
		i++
		if u |= uint64(c&0x7f) << shift; c < 0x80 {
			if shift == 63 && c > 1 {
				break
			}
			return int64(u>>1) ^ -int64(u&1), i
		}
	}
	return 0, malformed
}

// bad is the error of a record at the place delta of b, -1 for unknown.
func (b *Batch) bad(delta int64, what string) error {
	err := fmt.Errorf("%w: %s of a record", ErrCorrupt, what)
	if delta >= 0 {
		err = fmt.Errorf("%w: %s of the record at offset %d", ErrCorrupt, what, b.Base+delta)
	}
	return &Error{Offset: b.Base, Next: b.Last + 1, Err: err}
}
