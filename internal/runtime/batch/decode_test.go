package batch

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// sized is a body of a record with its length before it.
func sized(body ...byte) []byte { return append(kbin.AppendVarint(nil, int32(len(body))), body...) }

func TestDecodeBad(t *testing.T) {
	many := kbin.AppendVarint([]byte{0, 0, 0, 0, 0}, math.MaxInt32)
	for _, c := range []struct {
		name string
		src  []byte
		err  string
	}{
		{"nothing", nil, "length of a record"},
		{"no body", []byte{12}, "length of a record"},
		{"negative length", []byte{1, 0, 0, 0, 0, 0, 0}, "length of a record"},
		{"short length", []byte{10, 0, 0, 0, 0, 0, 0}, "length of a record"},
		{"length beyond the batch", []byte{14, 0, 0, 0, 0, 0, 0}, "length of a record"},
		{"length that does not end", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, "length of a record"},
		{"length of 33 bits", []byte{0x8c, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0, 0}, "length of a record"},
		{"time that does not end", sized(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), "key of the record at offset 7"},
		{"time of 65 bits", sized(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0), "key of the record at offset 7"},
		{"negative offset", sized(0, 0, 1, 0, 0, 0), "offset delta"},
		{"offset behind the last", sized(0, 0, 22, 0, 0, 0), "offset delta"},
		{"key beyond the record", append(sized(0, 0, 0, 8, 'k', 0, 0), 0, 0, 0, 0, 0), "key of the record at offset 7"},
		{"length of the key of 33 bits", sized(0, 0, 0, 0x81, 0x80, 0x80, 0x80, 0x10, 0, 0), "key of the record at offset 7"},
		{"length of the key in six bytes", sized(0, 0, 0, 0x81, 0x80, 0x80, 0x80, 0x80, 0, 0, 0), "key of the record at offset 7"},
		{"value beyond the record", append(sized(0, 0, 2, 2, 'k', 4, 'v'), 0, 0, 0), "value of the record at offset 8"},
		{"no length of the value", append(sized(0, 0, 0, 4, 'k', 'k'), 0, 0), "value of the record"},
		{"no number of headers", append(sized(0, 0, 0, 0, 2, 'v'), 0), "fields of the record"},
		{"negative number of headers", sized(0, 0, 0, 0, 0, 1), "headers of the record"},
		{"more headers than bytes", sized(append(many, 0, 0, 0, 0)...), "headers of the record"},
		{"fewer headers", sized(0, 0, 0, 0, 0, 4, 0, 0, 0), "headers of the record"},
		{"header without a key", sized(0, 0, 0, 0, 0, 2, 1, 0), "headers of the record"},
		{"header key beyond the record", append(sized(0, 0, 0, 0, 0, 2, 6, 'h', 0), 0, 0, 0), "headers of the record"},
		{"header value beyond the record", append(sized(0, 0, 0, 0, 0, 2, 2, 'h', 4, 'v'), 0, 0, 0), "headers of the record"},
		{"number of headers that does not end", append(sized(0, 0, 0, 0, 0, 0x80), 0), "headers of the record"},
	} {
		b := Batch{Base: 7, Last: 17}
		o := flow.Origin{Offset: 5, Topic: "in", Partition: 3}
		n, err := b.Decode(c.src, &o)
		var e *Error
		if !errors.Is(err, ErrCorrupt) || !errors.As(err, &e) || e.Offset != 7 || e.Next != 18 || n != 0 {
			t.Errorf("%s: %d, %v", c.name, n, err)
		} else if !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %s", c.name, err, c.err)
		}
	}
}

// TestDecodeCut gives records without their ends, and ones that are shorter
// than what is in them.
func TestDecodeCut(t *testing.T) {
	b := Batch{Last: 1 << 30}
	var o flow.Origin
	whole := payload(record{
		at: 1 << 40, delta: 1 << 20, key: []byte(strings.Repeat("k", 70)), value: []byte(strings.Repeat("v", 9000)),
		headers: serde.Headers{{Key: "a", Value: []byte("b")}, {Key: "c"}},
	})
	_, at := kbin.Varint(whole)
	for n := range len(whole) {
		if _, err := b.Decode(whole[:n], &o); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
		if n < at {
			continue
		}
		if _, err := b.Decode(append(sized(whole[at:n]...), whole[n:]...), &o); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d bytes as the record: %v", n, err)
		}
	}
	if n, err := b.Decode(whole, &o); err != nil || n != len(whole) {
		t.Fatal(n, err)
	}
}

func TestDecode(t *testing.T) {
	b := Batch{Base: 7, Last: 17, FirstTime: 1000, MaxTime: 5000}
	stale := flow.Origin{Topic: "in", Partition: 3, Key: []byte("k"), Value: []byte("v"), Headers: serde.Headers{{Key: "h"}}}
	o := stale
	src := append(payload(record{at: -4, delta: 10, extra: []byte("later")}), 1, 2, 3)
	n, err := b.Decode(src, &o)
	if err != nil || n != len(src)-3 {
		t.Fatal(n, err)
	}
	if o.Topic != "in" || o.Partition != 3 || o.Offset != 17 || o.Time != 996 || o.Key != nil || o.Value != nil || o.Headers != nil {
		t.Errorf("%+v", o)
	}

	b.AppendTime = true
	if _, err := b.Decode(payload(record{key: []byte{}, value: []byte{}}), &o); err != nil {
		t.Fatal(err)
	}
	if o.Time != 5000 || o.Key == nil || o.Value == nil || len(o.Key)+len(o.Value) > 0 {
		t.Errorf("%+v", o)
	}

	o = stale // no headers, their number written in two bytes
	if _, err := b.Decode(sized(0, 0, 0, 1, 1, 0x80, 0), &o); err != nil || o.Headers != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := b.Decode(payload(record{key: []byte("key"), value: []byte("value"), headers: stale.Headers}), &o); err != nil || cap(o.Key) != 3 || cap(o.Value) != 5 {
		t.Errorf("%+v, %v: appending would write into what comes next", o, err)
	}
}

func TestDecodeAllocs(t *testing.T) {
	var o flow.Origin
	for _, c := range []struct {
		name    string
		headers serde.Headers
		want    float64
	}{
		{"none", nil, 0},
		{"three", serde.Headers{{Key: "a"}, {Key: "b", Value: []byte("v")}, {Key: "c"}}, 1},
	} {
		src := payload(record{at: 1 << 20, delta: 1 << 15, key: []byte("key"), value: make([]byte, 10_000), headers: c.headers})
		b := &Batch{Last: 1 << 16}
		got := testing.AllocsPerRun(100, func() {
			if _, err := b.Decode(src, &o); err != nil {
				t.Fatal(err)
			}
		})
		if got != c.want {
			t.Errorf("%s headers: %v allocations, want %v", c.name, got, c.want)
		}
	}
}
