package batch

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// FuzzRead reads answers whose checksums fit, so that what comes after them is
// reached too. What is read without an error is what the client reads.
func FuzzRead(f *testing.F) {
	f.Add(slices.Concat(data(10, 1, 2), marker(12, 1, 0), data(13, 1, 1)), int64(0), int64(1), int64(10))
	f.Add(slices.Concat(data(10, 1, 2), wire(kmsg.RecordBatch{FirstOffset: 12}, 1, record{}), wire(kmsg.RecordBatch{FirstOffset: 13}, 0)), int64(11), int64(1), int64(10))
	decompressor := kgo.DefaultDecompressor()
	inflate := inflater(decompressor)
	f.Fuzz(func(t *testing.T, raw []byte, from, producer, first int64) {
		raw = slices.Clone(raw)
		each(raw, func(b []byte) { sign(b) })
		from = max(from, 0)
		var r Reader
		r.Inflate = func(src []byte, codec int8) ([]byte, error) {
			if codec != 1 || len(src) > 1000 {
				return nil, errTooMuch // a few bytes may claim to be gigabytes
			}
			return inflate(src, codec)
		}
		list := []Aborted{{producer, first}, {producer, from}, {2, first}}
		batches, next, err := r.Read(nil, raw, from, list)
		checkRead(t, batches, from, next, err)
		each(raw, func(b []byte) {
			bits := &b[attributesAt+1]
			*bits &^= control | 1<<7 // the client looks into all markers, and has a use of its own for bit 7
			if binary.BigEndian.Uint32(b[recordsAt:]) == 0 {
				*bits &^= codecBits // and it inflates no records
			}
			sign(b)
		})
		batches, next, err = r.Read(batches[:0], raw, from, nil)
		checkRead(t, batches, from, next, err)
		for i := range batches {
			if !decodes(&batches[i]) {
				return
			}
		}
		if err == nil {
			compare(t, decompressor, raw, from, nil)
		}
	})
}

// each calls f for all batches in raw.
func each(raw []byte, f func(batch []byte)) {
	for len(raw) >= headerSize {
		size := int(int32(binary.BigEndian.Uint32(raw[lengthAt:]))) + epochAt
		if size < headerSize || size > len(raw) {
			break
		}
		f(raw[:size:size])
		raw = raw[size:]
	}
}

func checkRead(t *testing.T, batches []Batch, from, next int64, err error) {
	t.Helper()
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Next < next) {
		t.Fatalf("next %d: %v", next, err)
	}
	if next < from {
		t.Fatalf("next %d is before %d", next, from)
	}
	for _, b := range batches {
		if b.Base < 0 || b.Last < b.Base || b.Last < from || b.Last >= next || b.Records < 1 || b.Records > len(b.Payload) {
			t.Fatalf("from %d next %d: %+v", from, next, b)
		}
	}
}

// decodes says whether all records of b can be decoded, one after the other.
func decodes(b *Batch) bool {
	var o flow.Origin
	src := b.Payload
	for range b.Records {
		n, err := b.Decode(src, &o)
		if err != nil {
			return false
		}
		src = src[n:]
	}
	return true
}

// FuzzDecode decodes whatever there is; what it takes for a record is one for
// the client too.
func FuzzDecode(f *testing.F) {
	f.Add(payload(record{}), int32(0), false)
	f.Add(payload(record{at: 1 << 50, delta: 300, key: []byte("key"), value: make([]byte, 300), headers: serde.Headers{{Key: "a"}}}), int32(300), true)
	decompressor := kgo.DefaultDecompressor()
	f.Fuzz(func(t *testing.T, src []byte, last int32, app bool) {
		b := Batch{Base: 5, Last: 5 + int64(max(last, 0)), FirstTime: 100, MaxTime: 200, AppendTime: app}
		var o flow.Origin
		n, err := b.Decode(src, &o)
		if err != nil {
			var e *Error
			if n != 0 || !errors.As(err, &e) || !errors.Is(err, ErrCorrupt) {
				t.Fatal(n, err)
			}
			return
		}
		if n <= leastBody || n > len(src) || o.Offset < b.Base || o.Offset > b.Last {
			t.Fatalf("%d of %d bytes: %+v", n, len(src), o)
		}
		attributes := int16(0)
		if app {
			attributes = appendTime
		}
		raw := wire(kmsg.RecordBatch{
			FirstOffset: b.Base, LastOffsetDelta: int32(b.Last - b.Base), FirstTimestamp: b.FirstTime, MaxTimestamp: b.MaxTime, Attributes: attributes,
		}, 0)
		raw = append(raw, src[:n]...)
		binary.BigEndian.PutUint32(raw[lengthAt:], uint32(len(raw)-epochAt))
		binary.BigEndian.PutUint32(raw[recordsAt:], 1)
		if compare(t, decompressor, sign(raw), 0, nil) != 1 {
			t.Error("no record")
		}
	})
}
