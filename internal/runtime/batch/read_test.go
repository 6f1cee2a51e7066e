package batch

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// plain is a batch of n records.
func plain(offset int64, n int) []byte { return data(offset, -1, n) }

// with changes a copy of raw and makes its checksum fit.
func with(raw []byte, change func(raw []byte)) []byte {
	raw = slices.Clone(raw)
	change(raw)
	return sign(raw)
}

func put32(at int, v int32) func([]byte) {
	return func(raw []byte) { binary.BigEndian.PutUint32(raw[at:], uint32(v)) }
}

func put64(at int, v int64) func([]byte) {
	return func(raw []byte) { binary.BigEndian.PutUint64(raw[at:], uint64(v)) }
}

func put8(at int, v byte) func([]byte) { return func(raw []byte) { raw[at] = v } }

var errTooMuch = errors.New("too much")

func TestReadBad(t *testing.T) {
	b := plain(20, 5)
	packed := with(b, put8(attributesAt+1, 3))
	for _, c := range []struct {
		name    string
		bad     []byte
		err     error
		sound   bool // it is told where the batch ends
		message string
	}{
		{"checksum", func() []byte { b := slices.Clone(b); b[70]++; return b }(), ErrCRC, false, ""},
		{"header checksum", func() []byte { b := slices.Clone(b); b[recordsAt]++; return b }(), ErrCRC, false, ""},
		{"format 0", with(b, put8(magicAt, 0)), ErrTooOld, false, "batch at offset 20: message format before 2: 0"},
		{"format 1", with(b, put8(magicAt, 1)), ErrTooOld, false, ""},
		{"format 3", with(b, put8(magicAt, 3)), ErrCorrupt, false, "batch at offset 20: corrupt record batch: unknown format 3"},
		{"format -1", with(b, put8(magicAt, 255)), ErrCorrupt, false, ""},
		{"negative length", with(b, put32(lengthAt, -1)), ErrCorrupt, false, ""},
		{"least length", with(b, put32(lengthAt, math.MinInt32)), ErrCorrupt, false, ""},
		{"no length", with(b, put32(lengthAt, 0)), ErrCorrupt, false, ""},
		{"format beyond the length", with(with(b, put8(magicAt, 0)), put32(lengthAt, 3)), ErrCorrupt, false, ""},
		{"less than a header", with(b, put32(lengthAt, headerSize-epochAt-1)), ErrCorrupt, false, ""},
		{"last offset delta", with(b, put32(lastDeltaAt, -1)), ErrCorrupt, false, ""},
		{"negative count", with(b, put32(recordsAt, -1)), ErrCorrupt, false, ""},
		{"no records", with(b, put32(recordsAt, 0)), ErrCorrupt, false, ""},
		{"too many records", with(b, put32(recordsAt, math.MaxInt32)), ErrCorrupt, false, ""},
		{"records without bytes", with(wire(kmsg.RecordBatch{FirstOffset: 20, LastOffsetDelta: 4}, 0), put32(recordsAt, 1)), ErrCorrupt, false, ""},
		{"more records than bytes inflated", with(packed, put8(attributesAt+1, 4)), ErrCorrupt, true, "batch at offset 20: corrupt record batch: 5 records in 4 bytes"},
		{"inflate", packed, errTooMuch, true, "batch at offset 20: codec 3: too much"},
	} {
		r := Reader{Inflate: func(_ []byte, codec int8) ([]byte, error) {
			if codec == 4 {
				return make([]byte, 4), nil
			}
			return nil, errTooMuch
		}}
		for _, from := range []int64{10, 22} {
			batches, next, err := r.Read(nil, slices.Concat(plain(10, 5), c.bad, plain(25, 1)), from, nil)
			var e *Error
			if !errors.Is(err, c.err) || !errors.As(err, &e) {
				t.Errorf("%s: %v, want %v", c.name, err, c.err)
				continue
			}
			want, after := max(20, from), max(20, from)
			if c.sound {
				after = 25
			}
			if e.Offset != 20 || next != want || e.Next != after {
				t.Errorf("%s: offset %d, next %d, after it %d, want 20, %d and %d", c.name, e.Offset, next, e.Next, want, after)
			}
			if len(batches) != 1 && from < 15 || len(batches) != 0 && from >= 15 {
				t.Errorf("%s: %d batches before the bad one", c.name, len(batches))
			}
			if c.message != "" && err.Error() != c.message {
				t.Errorf("%s: %s, want %s", c.name, err, c.message)
			}
		}
	}
}

func TestReadBadOffset(t *testing.T) {
	for _, base := range []int64{-1, math.MinInt64, math.MaxInt64, math.MaxInt64 - 1} {
		batches, next, err := new(Reader).Read(nil, with(plain(20, 5), put64(0, base)), 7, nil)
		if !errors.Is(err, ErrCorrupt) || next < 7 || len(batches) > 0 {
			t.Errorf("%d: %d batches, next %d, %v", base, len(batches), next, err)
		}
	}
}

// TestReadNoInflate: what is left out need not be inflated.
func TestReadNoInflate(t *testing.T) {
	packed := with(data(20, 1, 5), put8(attributesAt+1, transactional|2))
	var r Reader
	if _, _, err := r.Read(nil, packed, 20, nil); !errors.Is(err, errNoInflate) {
		t.Error(err)
	}
	for _, c := range []struct {
		name    string
		from    int64
		aborted []Aborted
	}{
		{"before", 25, nil},
		{"aborted", 20, []Aborted{{1, 20}}},
	} {
		batches, next, err := r.Read(nil, packed, c.from, c.aborted)
		if err != nil || len(batches) > 0 || next != 25 {
			t.Errorf("%s: %d batches, next %d, %v", c.name, len(batches), next, err)
		}
	}
}

func TestReadPartial(t *testing.T) {
	whole, cut := plain(10, 3), plain(13, 3)
	for n := range len(cut) {
		batches, next, err := new(Reader).Read(nil, append(slices.Clone(whole), cut[:n]...), 10, nil)
		if err != nil || len(batches) != 1 || next != 13 {
			t.Fatalf("%d bytes: %d batches, next %d, %v", n, len(batches), next, err)
		}
	}
}

// TestReadAppends: a Reader used again knows nothing of the call before, and
// what was there stays.
func TestReadAppends(t *testing.T) {
	var r Reader
	raw := data(10, 1, 3)
	batches, next, err := r.Read(nil, raw, 0, []Aborted{{1, 10}})
	if err != nil || len(batches) != 0 || next != 13 {
		t.Fatalf("%d batches, next %d, %v", len(batches), next, err)
	}
	batches = append(batches, Batch{Base: 1})
	batches, _, err = r.Read(batches, raw, 0, nil)
	if err != nil || len(batches) != 2 || batches[0].Base != 1 || batches[1].Base != 10 {
		t.Fatalf("%v, %v", batches, err)
	}
	if p := batches[1].Payload; &p[0] != &raw[headerSize] || cap(p) != len(p) {
		t.Error("the payload is not the part of the answer, alone")
	}
}

func TestReadAborted(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  [][]byte
		from int64
		list []Aborted
		want []int64
		next int64
	}{
		{
			"uncommitted", [][]byte{data(0, 1, 2), marker(2, 1, 0), data(3, 2, 1)}, 0, nil, []int64{0, 3}, 4,
		}, {
			"one producer, in any order", [][]byte{
				data(0, 1, 1), marker(1, 1, 0), data(2, 1, 1), marker(3, 1, 1), data(4, 1, 1), data(5, 1, 1), marker(6, 1, 0), data(7, 1, 1),
			}, 0, []Aborted{{1, 4}, {1, 0}}, []int64{2, 7}, 8,
		}, {
			"told twice", [][]byte{data(0, 1, 1), marker(1, 1, 0), data(2, 1, 1)}, 0, []Aborted{{1, 0}, {1, 0}}, []int64{2}, 3,
		}, {
			"two at once", [][]byte{data(0, 1, 1), data(1, 2, 1), data(2, 1, 1), marker(3, 1, 0), data(4, 2, 1), marker(5, 2, 1)},
			0, []Aborted{{1, 0}}, []int64{1, 4}, 6,
		}, {
			"marker of another", [][]byte{data(0, 1, 1), marker(1, 2, 0), data(2, 1, 1)}, 0, []Aborted{{1, 0}}, nil, 3,
		}, {
			"committed before it", [][]byte{data(0, 1, 1), marker(1, 1, 1), data(2, 1, 1)}, 0, []Aborted{{1, 2}}, []int64{0}, 3,
		}, {
			"ends before what was asked for", [][]byte{data(0, 1, 1), marker(1, 1, 0), data(2, 1, 1)}, 2, []Aborted{{1, 0}}, []int64{2}, 3,
		}, {
			"records without a transaction", [][]byte{data(0, 1, 1), with(data(1, 1, 1), put8(attributesAt+1, 0))}, 0, []Aborted{{1, 0}}, []int64{1}, 2,
		}, {
			"older one whose marker is not in the answer", [][]byte{data(5, 1, 1), marker(6, 1, 0), data(7, 1, 1)},
			0, []Aborted{{1, 0}, {1, 5}}, []int64{7}, 8,
		}, {
			"marker that was compacted", [][]byte{wire(kmsg.RecordBatch{FirstOffset: 4, ProducerID: 1, Attributes: transactional | control}, 0), data(5, 2, 1)},
			0, []Aborted{{1, 0}}, []int64{5}, 6,
		}, {
			"a commit is no abort", [][]byte{data(0, 1, 1), marker(1, 1, 1), data(2, 1, 1), marker(3, 1, 0), data(4, 1, 1)},
			0, []Aborted{{1, 0}}, []int64{4}, 5,
		}, {
			"ends with a marker", [][]byte{data(0, 2, 1), marker(1, 2, 1)}, 0, []Aborted{}, []int64{0}, 2,
		},
	} {
		batches, next, err := new(Reader).Read(nil, slices.Concat(c.raw...), c.from, c.list)
		var got []int64
		for _, b := range batches {
			got = append(got, b.Base)
		}
		if err != nil || !slices.Equal(got, c.want) || next != c.next {
			t.Errorf("%s: %v, next %d, %v; want %v, next %d", c.name, got, next, err, c.want, c.next)
		}
	}
}

// TestReadBadMarker: a marker that can't be read is no commit, as records of a
// transaction would be lost or let through.
func TestReadBadMarker(t *testing.T) {
	bits := kmsg.RecordBatch{FirstOffset: 1, ProducerID: 1, Attributes: transactional | control}
	for name, bad := range map[string][]byte{
		"short key": wire(bits, 0, record{key: []byte{0, 0, 0}}),
		"no key":    wire(bits, 0, record{}),
		"no record": with(wire(bits, 0, record{}), put8(headerSize, 1)),
	} {
		_, next, err := new(Reader).Read(nil, slices.Concat(data(0, 1, 1), bad), 0, []Aborted{{1, 0}})
		if !errors.Is(err, ErrCorrupt) || next != 1 {
			t.Errorf("%s: next %d, %v", name, next, err)
		}
	}
}
