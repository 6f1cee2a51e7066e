package batch

import (
	"fmt"
	"unsafe"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// leastBody is the size of a record without key, value and headers after its
// length: attributes, two deltas, two lengths and a count of a byte each.
const leastBody = 6

// Decode decodes the record at the start of src, a rest of b.Payload, into o.
// It sets Offset, Time, Key, Value and Headers, which are parts of src, even
// the keys of headers: src must not change as long as any of them is used. A
// null is nil, what is empty is not. An err is an [*Error].
//
// n is how many bytes the record took.
func (b *Batch) Decode(src []byte, o *flow.Origin) (n int, err error) {
	size, i := short(src, 0)
	if i == 0 {
		size, i = varint(src, 0)
	}
	if size < leastBody || size > int64(len(src)-i) {
		return 0, b.bad(-1, "length")
	}
	n = i + int(size)
	src = src[:n:n]
	i++ // the attributes have no use yet
	at, k := short(src, i)
	if i += k; k == 0 {
		at, i = varlong(src, i)
	}
	delta, k := short(src, i)
	if i += k; k == 0 {
		delta, i = varint(src, i)
	}
	if uint64(delta) > uint64(b.Last-b.Base) {
		return 0, b.bad(-1, "offset delta")
	}

	var key, value []byte
	size, k = short(src, i)
	if i += k; k == 0 {
		size, i = varint(src, i)
	}
	if size >= 0 {
		if size > int64(len(src)-i) {
			return 0, b.bad(delta, "length of the key")
		}
		key = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	size, k = short(src, i)
	if i += k; k == 0 {
		size, i = varint(src, i)
	}
	if size >= 0 {
		if size > int64(len(src)-i) {
			return 0, b.bad(delta, "length of the value")
		}
		value = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	var headers serde.Headers
	switch {
	case i >= len(src):
		return 0, b.bad(delta, "fields")
	case src[i] != 0:
		var ok bool
		if headers, ok = decodeHeaders(src[i:]); !ok {
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

// decodeHeaders decodes the headers at the start of src and their number
// before them, if src holds them.
func decodeHeaders(src []byte) (headers serde.Headers, ok bool) {
	count, i := varint(src, 0)
	if count <= 0 || count > int64((len(src)-i)/2) { // a header has two lengths
		return nil, count == 0 && i <= len(src)
	}
	headers = make(serde.Headers, count)
	for j := range headers {
		var size int64
		size, i = varint(src, i)
		if size < 0 || size > int64(len(src)-i) {
			return nil, false
		}
		headers[j].Key = unsafe.String(unsafe.SliceData(src[i:]), int(size))
		i += int(size)
		size, i = varint(src, i)
		if size < 0 {
			continue
		}
		if size > int64(len(src)-i) {
			return nil, false
		}
		headers[j].Value = src[i : i+int(size) : i+int(size)]
		i += int(size)
	}
	return headers, true
}

// bad is the error of a record at the place delta of b, -1 for unknown.
func (b *Batch) bad(delta int64, what string) error {
	err := fmt.Errorf("%w: %s of a record", ErrCorrupt, what)
	if delta >= 0 {
		err = fmt.Errorf("%w: %s of the record at offset %d", ErrCorrupt, what, b.Base+delta)
	}
	return &Error{Offset: b.Base, Next: b.Last + 1, Err: err}
}
