package serde

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/window"
)

// seed adds what Java wrote, and some damage to it, as the corpus.
func seed(f *testing.F, types ...string) {
	f.Add([]byte(nil))
	f.Add([]byte(strings.Repeat("\xff", 40)))
	for line := range strings.Lines(java) {
		w := strings.Fields(line)
		for _, typ := range types {
			if w[0] != typ || w[2] == "null" {
				continue
			}
			b := fromHexLine(w[2])
			f.Add(b)
			if len(b) > 0 {
				f.Add(b[:len(b)-1])
			}
		}
	}
}

func fromHexLine(s string) []byte {
	b := make([]byte, (len(s)-1)/2)
	for i := range b {
		b[i] = hexDigit(s[1+2*i])<<4 | hexDigit(s[2+2*i])
	}
	return b
}

// decodes checks that reading leaves src alone, that an error comes with no
// value, and that what was read is written with bytes that are read the same.
// If the encoding is the only one of the value, these are the same as src.
func decodes[T any](t *testing.T, s Serde[T], src []byte, only bool) {
	t.Helper()
	before := bytes.Clone(src)
	v, err := s.Decode(src)
	if !bytes.Equal(src, before) {
		t.Fatalf("reading changed %x to %x", before, src)
	}
	if err != nil {
		if !reflect.ValueOf(&v).Elem().IsZero() {
			t.Fatalf("%x: value %v with error %v", src, v, err)
		}
		return
	}
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatalf("%x: read as %v, which can't be written: %v", src, v, err)
	}
	if only && !bytes.Equal(b, src) {
		t.Fatalf("%x: read as %v, written as %x", src, v, b)
	}
	again, err := s.Decode(b)
	if err != nil {
		t.Fatalf("%x: written as %x, which can't be read: %v", src, b, err)
	}
	if c, err := s.AppendTo(nil, again); err != nil || !bytes.Equal(c, b) {
		t.Fatalf("%x: written as %x, then as %x (%v)", src, b, c, err)
	}
}

func FuzzString(f *testing.F) {
	seed(f, "string")
	f.Fuzz(func(t *testing.T, src []byte) {
		decodes(t, String, src, true)
		decodes(t, Bytes, src, true)
		decodes(t, Nullable(String), src, true)
	})
}

func FuzzNumbers(f *testing.F) {
	seed(f, "int16", "int32", "int64", "float32", "float64", "bool")
	f.Fuzz(func(t *testing.T, src []byte) {
		decodes(t, Int16, src, true)
		decodes(t, Int32, src, true)
		decodes(t, Int64, src, true)
		decodes(t, Float32, src, true)
		decodes(t, Float64, src, false) // every NaN becomes the same
		decodes(t, Bool, src, true)
		decodes(t, Void, src, true)
	})
}

func FuzzUUID(f *testing.F) {
	seed(f, "uuid")
	f.Fuzz(func(t *testing.T, src []byte) {
		decodes(t, UUIDs, src, false) // upper case
		id, err := ParseUUID(string(src))
		if err == nil && id.String() != strings.ToLower(string(src)) {
			t.Fatalf("%q is read as %v", src, id)
		}
	})
}

func FuzzList(f *testing.F) {
	seed(f, "list")
	f.Fuzz(func(t *testing.T, src []byte) {
		decodes(t, List(Int32), src, false) // the other layout
		decodes(t, List(Nullable(Int32)), src, false)
		decodes(t, List(Nullable(UUIDs)), src, false)
		decodes(t, List(String), src, true)
		decodes(t, List(Bytes), src, true)
		decodes(t, List(Nullable(Bool)), src, true)
		decodes(t, List(List(Nullable(Int32))), src, false)
	})
}

func FuzzWindowed(f *testing.F) {
	seed(f, "timewindow", "session")
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, s := range []Serde[window.Key[string]]{
			TimeWindowed(String, time.Second), TimeWindowed(String, 1<<63-1), SessionWindowed(String),
		} {
			decodes(t, s, src, true)
			k, err := s.Decode(src)
			if err != nil {
				continue
			}
			if k.End < k.Start {
				t.Fatalf("%x: window %v ends before it starts", src, k)
			}
			if inner := s.(InnerKeyer).InnerKey(src); string(inner) != k.Key {
				t.Fatalf("%x: inner key %q, want %q", src, inner, k.Key)
			}
		}
		decodes(t, TimeWindowed(Int64, time.Second), src, true)
	})
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		`{"id":"a","amount":1,"tags":{"b":2},"wait":1000,"parts":[{"weight":1.5}],"rate":1e300}`,
		`{} {}`, ` null `, `"\ud83d\ude00"`, `[1,[2,[3]]]`, `{"a":1,"a":2}`, "\"\xff\"", `-0`, `1e999`, `{"other":[{}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		decodes(t, JSON[order](), src, false)
		decodes(t, JSON[*order](), src, false)
		decodes(t, JSON[any](), src, false)
		decodes(t, JSON[map[string]UUID](), src, false)
	})
}
