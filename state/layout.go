package state

import (
	"encoding/binary"
	"errors"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// timedLayout is that of key-value stores: the value has its time in front,
// which the changelog has as the record's timestamp.
type timedLayout struct{}

func (timedLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key = key
	if value != nil {
		r.Time, r.Value = int64(binary.BigEndian.Uint64(value)), value[8:]
	}
}

func (timedLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	if r.Key == nil {
		return nil, nil, false
	}
	if r.Value == nil {
		return r.Key, nil, true
	}
	return r.Key, append(appendTime(make([]byte, 0, 8+len(r.Value)), r.Time), r.Value...), true
}

// headersLayout is timedLayout with the headers before the time.
type headersLayout struct{}

func (headersLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key = key
	if value == nil {
		return
	}
	h, rest, err := cutHeaders(value)
	if err != nil || len(rest) < 8 {
		return // written by Set: it is well-formed
	}
	r.Headers, r.Time, r.Value = h, int64(binary.BigEndian.Uint64(rest)), rest[8:]
}

func (headersLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	if r.Key == nil {
		return nil, nil, false
	}
	if r.Value == nil {
		return r.Key, nil, true
	}
	return r.Key, append(appendTime(appendHeaders(nil, r.Headers), r.Time), r.Value...), true
}

func appendTime(b []byte, at int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(at)) }

var errShort = errors.New("stored entry is cut short")

func cutTime(b []byte) (int64, []byte, error) {
	if len(b) < 8 {
		return 0, nil, errShort
	}
	return int64(binary.BigEndian.Uint64(b)), b[8:], nil
}

// appendHeaders appends the length of the block and the block of formats §5.
func appendHeaders(b []byte, h serde.Headers) []byte {
	if len(h) == 0 {
		return binary.AppendVarint(b, 0)
	}
	block := binary.AppendVarint(nil, int64(len(h)))
	for _, e := range h {
		block = append(binary.AppendVarint(block, int64(len(e.Key))), e.Key...)
		if e.Value == nil {
			block = binary.AppendVarint(block, -1)
			continue
		}
		block = append(binary.AppendVarint(block, int64(len(e.Value))), e.Value...)
	}
	return append(binary.AppendVarint(b, int64(len(block))), block...)
}

func cutHeaders(b []byte) (h serde.Headers, rest []byte, err error) {
	block, rest, ok := cutSized(b)
	if !ok {
		return nil, nil, errShort
	}
	if len(block) == 0 {
		return nil, rest, nil
	}
	n, size := binary.Varint(block)
	if size <= 0 || n < 0 || n > int64(len(block)) {
		return nil, nil, errShort
	}
	block = block[size:]
	h = make(serde.Headers, 0, n)
	for range n {
		key, more, ok := cutSized(block)
		if !ok {
			return nil, nil, errShort
		}
		var e serde.Header
		e.Key = string(key)
		if l, size := binary.Varint(more); size > 0 && l == -1 {
			block = more[size:]
		} else if e.Value, block, ok = cutSized(more); !ok {
			return nil, nil, errShort
		}
		h = append(h, e)
	}
	return h, rest, nil
}

func cutSized(b []byte) (part, rest []byte, ok bool) {
	n, size := binary.Varint(b)
	if size <= 0 || n < 0 || n > int64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n:n], b[n:], true
}
