package registry

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ottla-streams/ottla/serde"
)

func TestInHeaders(t *testing.T) {
	f := newFake(t)
	r := f.connect(t)
	s := serde.Bind(Framed(r.With(InHeaders()), upper()), "orders", false).(serde.HeaderAware[string])
	h := serde.Headers{{Key: ValueHeader, Value: []byte("stale")}, {Key: "trace", Value: []byte("1")}}
	b, err := s.AppendRecord(nil, "abc", &h)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != "abc" {
		t.Errorf("payload %q", b)
	}
	if len(h) != 2 {
		t.Fatalf("headers %v", h)
	}
	v, _ := h.Last(ValueHeader)
	schema, err := r.Lookup(background, "orders-value", upper().Definition)
	if err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{1}, schema.GUID[:]...); !bytes.Equal(v, want) {
		t.Errorf("header %x, want %x", v, want)
	}
	for _, s := range []serde.Serde[string]{s, Framed(r, upper())} {
		got, err := s.(serde.HeaderAware[string]).DecodeRecord(b, h)
		if err != nil || got != text+" abc" {
			t.Errorf("decoded %q, %v", got, err)
		}
	}
	// A store has no headers.
	if b := mustAppend(t, s, "abc"); len(b) != frameSize+3 {
		t.Errorf("without headers: %x", b)
	}
}

// The header of the record that came in would give the one that goes out the
// wrong schema.
func TestClassicFormRemovesHeader(t *testing.T) {
	f := newFake(t)
	s := Framed(f.connect(t), upper())
	for _, key := range []bool{true, false} {
		h := serde.Headers{{Key: KeyHeader, Value: []byte("k")}, {Key: ValueHeader, Value: []byte("v")}}
		b := serde.Bind(s, "orders", key).(serde.HeaderAware[string])
		if _, err := b.AppendRecord(nil, "abc", &h); err != nil {
			t.Fatal(err)
		}
		if _, ok := h.Last(headerName(key)); ok || len(h) != 1 {
			t.Errorf("key %v: headers %v", key, h)
		}
	}
}

func TestBadHeaders(t *testing.T) {
	f := newFake(t)
	s := Framed(f.connect(t), upper()).(serde.HeaderAware[string])
	guid := make([]byte, guidSize)
	guid[0] = guidMagic
	for name, v := range map[string][]byte{
		"empty": {}, "short": guid[:guidSize-1], "magic": make([]byte, guidSize), "long": append(guid, 1),
	} {
		_, err := s.DecodeRecord([]byte("abc"), serde.Headers{{Key: ValueHeader, Value: v}})
		if !errors.Is(err, errHeader) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.DecodeRecord([]byte("abc"), serde.Headers{{Key: ValueHeader, Value: guid}})
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown guid: %v", err)
	}
	// A null header isn't one.
	b := mustAppend(t, serde.Bind(serde.Serde[string](s), "orders", false), "abc")
	if _, err := s.DecodeRecord(b, serde.Headers{{Key: ValueHeader}}); err != nil {
		t.Errorf("null header: %v", err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	fk := newFake(f)
	seed(fk, "a", 1, 1, text)
	s := Framed(fk.connect(f), upper()).(serde.HeaderAware[string])
	f.Add([]byte("\x00\x00\x00\x00\x01abc"), []byte{})
	f.Add([]byte("abc"), append([]byte{1}, make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, b, header []byte) {
		if len(b) >= frameSize && !bytes.Equal(b[:frameSize], []byte("\x00\x00\x00\x00\x01")) {
			b = nil // spare the fake the many ids
		}
		v, err := s.DecodeRecord(b, serde.Headers{{Key: ValueHeader, Value: header}})
		if err == nil && v == "" {
			t.Error("neither value nor error")
		}
		if g, err := parseGUID(string(b)); err == nil && len(b) > 0 && g == (GUID{}) && bytes.Trim(b, "0-") != nil && len(bytes.Trim(b, "0-")) > 0 {
			t.Errorf("guid %q is zero", b)
		}
	})
}
