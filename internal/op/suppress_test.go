package op_test

import (
	"encoding/hex"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// logged is a record of a changelog: what it holds, and the format in its header.
type logged struct {
	key, hex string // an empty hex deletes
	format   byte
}

// openBuffer restores a buffer from a changelog.
func openBuffer(t *testing.T, records []logged) (*op.SuppressBuffer, *overlay.Store) {
	t.Helper()
	st := &graph.Store{Name: "buffer"}
	op.DefineSuppressBuffer(st)
	layers := overlay.New(st.Layout, nil, st.Ordered)
	v, err := st.Open(graph.Opening{Store: st, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range records {
		r := overlay.Record{Key: []byte(l.key), Time: int64(i)}
		if l.hex != "" {
			if r.Value, err = hex.DecodeString(l.hex); err != nil {
				t.Fatal(err)
			}
		}
		if l.format > 0 {
			r.Headers = serde.Headers{{Key: "v", Value: []byte{l.format}}}
		}
		key, value, ok := layers.Restore(&r)
		if !ok {
			t.Fatalf("record %d is refused", i)
		}
		st.OnRestore(v, key, value, &r)
	}
	return v.(*op.SuppressBuffer), layers
}

// TestSuppressFormats restores what Kafka Streams 2.1, 2.2, 2.3 and later wrote.
func TestSuppressFormats(t *testing.T) {
	const context = "0000000000000003" + "0000000000000007" + "00000005746f706963" + "00000000" + "00000000"
	for name, c := range map[string]struct {
		log   []logged
		prior string // of zxcv
		bytes int    // Java's estimate
	}{
		"2.1": {[]logged{
			{"todelete", "0000000000000000ffffffff00000006646f6f6d6564", 0},
			{"asdf", "0000000000000002ffffffff0000000471776572", 0},
			{"zxcv", "00000000000000010000000870726576696f757300000005656f34696d", 0},
			{"zxcv", "000000000000000100000005656f34696d000000046e657874", 0},
			{"todelete", "", 0},
		}, "previous", 85},
		"2.2": {[]logged{
			{"todelete", "00000000000000000000000000000000000000000000000000000005746f70696300000000ffffffff0000000effffffff00000006646f6f6d6564", 1},
			{"asdf", "00000000000000020000000000000001000000000000000000000005746f70696300000000ffffffff0000000cffffffff0000000471776572", 1},
			{"zxcv", "00000000000000010000000000000002000000000000000000000005746f70696300000000ffffffff000000150000000870726576696f757300000005336f34696d", 1},
			{"zxcv", "00000000000000010000000000000003000000000000000000000005746f70696300000000ffffffff0000001100000005336f34696d000000046e657874", 1},
			{"todelete", "", 0},
		}, "previous", 95},
		"2.3": {[]logged{
			{"todelete", "0000000000000000000000000000000000000005746f70696300000000ffffffff0000000effffffff00000006646f6f6d6564ffffffff0000000000000000", 2},
			{"asdf", "0000000000000001000000000000000000000005746f70696300000000ffffffff0000000cffffffff0000000471776572ffffffff0000000000000002", 2},
			{"zxcv", "0000000000000003000000000000000000000005746f70696300000000ffffffff0000001100000005336f34696d000000046e6578740000000870726576696f75730000000000000001", 2},
			{"todelete", "", 0},
		}, "previous", 95},
		"2.4, with the header of 2.3": {[]logged{
			{"asdf", context + "ffffffff" + "ffffffff" + "0000000471776572" + "0000000000000002", 2},
			{"zxcv", context + "0000000870726576696f7573" + "00000005336f34696d" + "000000046e657874" + "0000000000000001", 2},
		}, "previous", 95},
		"3": {[]logged{
			{"asdf", context + "ffffffff" + "ffffffff" + "0000000471776572" + "0000000000000002", 3},
			{"zxcv", context + "0000000870726576696f7573" + "fffffffe" + "000000046e657874" + "0000000000000001", 3},
		}, "previous", 90},
	} {
		t.Run(name, func(t *testing.T) {
			s, layers := openBuffer(t, c.log)
			s.Start()
			at, ok := s.MinTime()
			if s.Len() != 2 || s.Bytes() != c.bytes || at != 1 || !ok {
				t.Errorf("%d keys of %d bytes from %d, want 2 of %d bytes", s.Len(), s.Bytes(), at, c.bytes)
			}
			for key, want := range map[string][2]string{"zxcv": {c.prior, "next"}, "asdf": {"", "qwer"}} {
				raw, ok, err := layers.Get([]byte(key))
				if err != nil || !ok {
					t.Fatalf("%s is not there: %v", key, err)
				}
				b, err := op.ParseBuffered(raw)
				if err != nil || string(b.Prior) != want[0] || string(b.New) != want[1] || (b.Prior == nil) != (want[0] == "") {
					t.Errorf("%s is %+v, %v", key, b, err)
				}
			}
		})
	}
}

// TestSuppressFormat checks the bytes that are written against Java's.
func TestSuppressFormat(t *testing.T) {
	one, two := []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0, 0, 2}
	zero := make([]byte, 8)
	for _, c := range []struct {
		b   op.Buffered
		hex string
	}{
		{op.Buffered{Time: 1, Topic: "in", New: one, At: 10},
			"00000000000000010000000000000000" + "00000002696e" + "00000000" + "00000000" +
				"ffffffff" + "ffffffff" + "00000008" + "0000000000000001" + "000000000000000a"},
		{op.Buffered{Time: 1, Topic: "in", Prior: zero, Old: zero, New: one, At: 10},
			"00000000000000010000000000000000" + "00000002696e" + "00000000" + "00000000" +
				"00000008" + "0000000000000000" + "fffffffe" + "00000008" + "0000000000000001" + "000000000000000a"},
		{op.Buffered{Time: 5, Offset: 1, Topic: "in", Partition: 3, Prior: zero, Old: one, New: two, At: 10,
			Headers: serde.Headers{{Key: "h", Value: []byte("x")}, {Key: "n"}}},
			"00000000000000050000000000000001" + "00000002696e" + "00000003" + "00000002" +
				"0000000168" + "0000000178" + "000000016e" + "ffffffff" +
				"00000008" + "0000000000000000" + "00000008" + "0000000000000001" + "00000008" + "0000000000000002" + "000000000000000a"},
	} {
		if got := hex.EncodeToString(c.b.Append(nil)); got != c.hex {
			t.Errorf("got  %s\nwant %s", got, c.hex)
		}
	}
}

func FuzzParseBuffered(f *testing.F) {
	b := op.Buffered{Time: 5, Topic: "in", Prior: []byte("p"), Old: []byte("o"), New: []byte("n"), Headers: serde.Headers{{Key: "h"}}}
	f.Add(b.Append(nil), byte(3))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff\x00\x00\x00\x00"), byte(0))
	f.Fuzz(func(t *testing.T, src []byte, format byte) {
		st := &graph.Store{}
		op.DefineSuppressBuffer(st)
		_, value, ok := st.Layout.FromLog(&overlay.Record{
			Key: []byte("k"), Value: src, Headers: serde.Headers{{Key: "v", Value: []byte{format}}},
		})
		if !ok || value == nil {
			return
		}
		b, err := op.ParseBuffered(value)
		if err != nil {
			t.Fatalf("%x in format %d is taken as %x, which does not parse", src, format, value)
		}
		again, err := op.ParseBuffered(b.Append(nil))
		if err != nil || again.Size(nil) != b.Size(nil) || again.At != b.At {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
	})
}
