package op

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// Each layout gives back what it wrote, for entries and deletes.
func TestJoinLayouts(t *testing.T) {
	at := binary.BigEndian.AppendUint64(nil, 70_000)
	windowKey := append(append([]byte("k"), at...), 0, 0, 0, 9)
	headers := serde.Headers{{Key: "h", Value: []byte("1")}, {Key: "null"}}
	for name, c := range map[string]struct {
		layout     overlay.Layout
		key, value []byte
		log        overlay.Record
	}{
		"window": {joinWindowLayout{segment: 60_000}, append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, windowKey...), []byte("v"),
			overlay.Record{Key: windowKey, Value: []byte("v"), Time: 70_000, Headers: headers}},
		"window with headers": {joinWindowLayout{60_000, true}, append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, windowKey...), append(appendHeaders(nil, headers), 'v'),
			overlay.Record{Key: windowKey, Value: []byte("v"), Time: 70_000, Headers: headers}},
		"unmatched": {sharedLayout{}, append(bytes.Clone(at), leftSide, 'k'), []byte{1, 0, 0, 0, 0},
			overlay.Record{Key: append(bytes.Clone(at), leftSide, 'k'), Value: []byte{1, 0, 0, 0, 0}, Time: 70_000, Headers: headers}},
		"buffer": {joinBufferLayout{}, []byte("key"), []byte("value"),
			overlay.Record{Key: []byte("key"), Value: []byte("value"), Time: overlay.ProducerTime}},
		"subscription": {subscriptionLayout{}, []byte("key"), append(bytes.Clone(at), 's'),
			overlay.Record{Key: []byte("key"), Value: []byte("s"), Time: 70_000, Headers: headers}},
	} {
		log := overlay.Record{Time: 70_000, Headers: headers}
		c.layout.ToLog(&log, c.key, c.value)
		if !bytes.Equal(log.Key, c.log.Key) || !bytes.Equal(log.Value, c.log.Value) || log.Time != c.log.Time || len(log.Headers) != len(c.log.Headers) {
			t.Errorf("%s: logged %+v, want %+v", name, log, c.log)
		}
		if k, v, ok := c.layout.FromLog(&log); !ok || !bytes.Equal(k, c.key) || !bytes.Equal(v, c.value) {
			t.Errorf("%s: read back %x = %x, %v", name, k, v, ok)
		}
		gone := overlay.Record{Time: 70_000}
		c.layout.ToLog(&gone, c.key, nil)
		if k, v, ok := c.layout.FromLog(&gone); !ok || v != nil || !bytes.Equal(k, c.key) {
			t.Errorf("%s: a delete is read back as %x = %x, %v", name, k, v, ok)
		}
	}
}

func FuzzJoinLayouts(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"), []byte("v"))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for _, l := range []overlay.Layout{joinWindowLayout{60_000, false}, joinWindowLayout{60_000, true}, sharedLayout{}, joinBufferLayout{}, subscriptionLayout{}} {
			r := overlay.Record{Key: key, Value: value, Time: 5}
			k, v, ok := l.FromLog(&r)
			if !ok {
				continue
			}
			var log overlay.Record
			l.ToLog(&log, k, v)
			if !bytes.Equal(log.Key, key) || !bytes.Equal(log.Value, value) {
				t.Fatalf("%T: %x = %x is logged again as %x = %x", l, key, value, log.Key, log.Value)
			}
		}
	})
}

// A list that is cut short or of another side is refused, and none panics.
func FuzzUnmatched(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 'a', 0, 0, 0, 1, 1}, true)
	f.Add([]byte{1, 0, 0, 0, 1}, false)
	f.Fuzz(func(t *testing.T, list []byte, left bool) {
		s := &JoinShared[string, string, string]{key: serde.String, left: serde.String, right: serde.String}
		key := append(make([]byte, 8), rightSide, 'k')
		if left {
			key[8] = leftSide
		}
		out := []byte{1, 0, 0, 0, 0}
		err := s.each(key, list, 0, func(k, l string, isLeft bool, r string, _ int64) error {
			out = append(appendInt32(out, int32(1+len(l)+len(r))), key[8])
			out = append(out, l+r...)
			binary.BigEndian.PutUint32(out[1:], binary.BigEndian.Uint32(out[1:])+1)
			return nil
		})
		if err == nil && !bytes.Equal(out, list) {
			t.Fatalf("list %x is read as %x", list, out)
		}
	})
}
