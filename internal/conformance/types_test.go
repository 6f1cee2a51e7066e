package conformance

import (
	"bytes"
	"encoding/json/jsontext"
	"math"
	"reflect"
	"testing"

	"github.com/ottla-streams/ottla/window"
)

func TestParseType(t *testing.T) {
	for _, text := range []string{
		"string", "int64", "bytes", "time_windowed<string,10>", "session_windowed<int64>",
		"time_windowed<time_windowed<string,10>,20>", "session_windowed<time_windowed<string,9223372036854775807>>",
	} {
		if typ, err := ParseType(text); err != nil || string(typ) != text {
			t.Errorf("%s: %s, %v", text, typ, err)
		}
	}
	for _, text := range []string{"", "int32", "time_windowed<string>", "time_windowed<string,>", "time_windowed<string,-1>", "time_windowed<nope,1>", "session_windowed<>", "list<string>", "time_windowed<string,1"} {
		if _, err := ParseType(text); err == nil {
			t.Errorf("type %q is parsed", text)
		}
	}
	typ := TimeWindowed(SessionWindowed(Int64), 20)
	if typ.Inner() != SessionWindowed(Int64) || typ.WindowSize() != 20 || typ.Inner().Inner() != Int64 || String.Inner() != "" || String.WindowSize() != 0 {
		t.Errorf("%s is taken apart wrongly", typ)
	}
}

func TestSerdes(t *testing.T) {
	key := func(k any, start, end int64) any { return window.Key[any]{Key: k, Start: start, End: end} }
	for _, tt := range []struct {
		typ     Type
		value   any
		encoded string
		inner   string
	}{
		{String, "aß", "aß", ""}, {String, "", "", ""}, {Int64, int64(-2), "\xff\xff\xff\xff\xff\xff\xff\xfe", ""}, {Bytes, []byte{0, 255}, "\x00\xff", ""},
		{TimeWindowed(String, 10), key("k", 258, 268), "k\x00\x00\x00\x00\x00\x00\x01\x02", "k"},
		{TimeWindowed(Int64, math.MaxInt64), key(int64(1), 5, math.MaxInt64), "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05", "\x00\x00\x00\x00\x00\x00\x00\x01"},
		{SessionWindowed(String), key("k", 1, 2), "k\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01", "k"},
		{SessionWindowed(TimeWindowed(String, 5)), key(key("", 0, 5), 1, 2), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		s := tt.typ.Serde()
		got, err := s.AppendTo([]byte("x"), tt.value)
		if err != nil || string(got) != "x"+tt.encoded {
			t.Errorf("%s: encoded %q, %v", tt.typ, got, err)
		}
		v, err := s.Decode([]byte(tt.encoded))
		if err != nil || !reflect.DeepEqual(v, tt.value) {
			t.Errorf("%s: decoded %#v, %v", tt.typ, v, err)
		}
		inner, ok := s.(interface{ InnerKey([]byte) []byte })
		if ok != tt.typ.IsWindowed() || ok && string(inner.InnerKey([]byte(tt.encoded))) != tt.inner {
			t.Errorf("%s: wrong inner key", tt.typ)
		}
	}
}

func TestSerdeErrors(t *testing.T) {
	for _, tt := range []struct {
		typ   Type
		value any
	}{
		{String, int64(1)}, {String, nil}, {String, []byte("x")}, {Int64, "1"}, {Int64, 1}, {Bytes, "x"},
		{TimeWindowed(String, 1), "k"}, {TimeWindowed(String, 1), window.Key[any]{Key: int64(1)}}, {SessionWindowed(Int64), int64(1)},
	} {
		if b, err := tt.typ.Serde().AppendTo(nil, tt.value); err == nil {
			t.Errorf("%s encodes %#v as %x", tt.typ, tt.value, b)
		}
	}
	for typ, n := range map[Type]int{Int64: 2, TimeWindowed(String, 1): 7, SessionWindowed(String): 15, TimeWindowed(Int64, 1): 15} {
		if v, err := typ.Serde().Decode(make([]byte, n)); err == nil {
			t.Errorf("%s decodes %d bytes as %v", typ, n, v)
		}
	}
}

func FuzzSerdes(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte{})
	types := []Type{String, Int64, Bytes, TimeWindowed(String, 10), SessionWindowed(Int64), TimeWindowed(SessionWindowed(Bytes), math.MaxInt64)}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, typ := range types {
			v, err := typ.Serde().Decode(data)
			if err != nil {
				continue
			}
			again, err := typ.Serde().AppendTo([]byte{}, v)
			if err != nil || !bytes.Equal(again, data) {
				t.Errorf("%s: %x becomes %x, %v", typ, data, again, err)
			}
		}
	})
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		typ  Type
		text string
		want any
	}{
		{String, `"a\u00df"`, "aß"}, {String, `null`, nil}, {Int64, `9223372036854775807`, maxInt}, {Int64, `null`, nil},
		{Bytes, `{"b64":"AP8="}`, []byte{0, 255}}, {Bytes, `{"b64":""}`, []byte{}},
		{TimeWindowed(String, 10), `{"key":"k","start":10,"end":20}`, windowed},
		{SessionWindowed(SessionWindowed(Int64)), `{"key":{"key":1,"start":2,"end":3},"start":4,"end":5}`, window.Key[any]{Key: window.Key[any]{Key: int64(1), Start: 2, End: 3}, Start: 4, End: 5}},
	} {
		v, err := ParseValue(jsontext.Value(tt.text), tt.typ)
		if err != nil || !reflect.DeepEqual(v, tt.want) {
			t.Errorf("%s %s: %#v, %v", tt.typ, tt.text, v, err)
		}
		if got, want := canonical(JSON(v)), canonical(jsontext.Value(tt.text)); got != want {
			t.Errorf("%s: %s, want %s", tt.typ, got, want)
		}
	}
	for _, tt := range []struct {
		typ  Type
		text string
	}{
		{String, `1`}, {Int64, `"1"`}, {Int64, `9223372036854775808`}, {Int64, `1.5`}, {Bytes, `"AP8="`}, {Bytes, `{}`}, {Bytes, `{"b64":"AA==","x":1}`},
		{TimeWindowed(String, 1), `{"key":1,"start":0,"end":1}`}, {TimeWindowed(String, 1), `{"key":"k","start":0,"end":1,"x":0}`},
	} {
		if v, err := ParseValue(jsontext.Value(tt.text), tt.typ); err == nil {
			t.Errorf("%s: %s is parsed as %v", tt.typ, tt.text, v)
		}
	}
	nested := map[string]any{"hash": []any{int64(6339938890098658583), minInt}, "b": nil}
	if got, want := canonical(JSON(nested)), `{"b":null,"hash":[6339938890098658583,-9223372036854775808]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The serdes have the bytes of the expected outputs, whose decoded forms are
// known.
func TestSerdesOfOutputs(t *testing.T) {
	tested := 0
	for _, c := range loadCases(t) {
		for _, event := range c.Expected.Outputs {
			for _, r := range event {
				for _, part := range []struct {
					text    jsontext.Value
					encoded []byte
				}{{r.KeyJSON, r.Key}, {r.ValueJSON, r.Value}} {
					if part.text == nil {
						continue
					}
					tested++
					if !encodesTo(t, part.text, part.encoded) {
						t.Errorf("%s: %s is not %x", c.Name, part.text, part.encoded)
					}
				}
			}
		}
	}
	if tested == 0 {
		t.Error("there was nothing to test")
	}
}

// encodesTo reports whether one of the types that JSON text can have encodes
// it to the bytes, and decodes it again.
func encodesTo(t *testing.T, text jsontext.Value, want []byte) bool {
	t.Helper()
	for _, typ := range typesOf(t, text) {
		v, err := ParseValue(text, typ)
		if err != nil {
			t.Fatal(err)
		}
		if v == nil {
			return want == nil
		}
		got, err := typ.Serde().AppendTo([]byte{}, v)
		back, decodeErr := typ.Serde().Decode(want)
		if err == nil && decodeErr == nil && sameBytes(got, want) && reflect.DeepEqual(back, v) {
			return true
		}
	}
	return false
}

// typesOf is the types whose values can look like this.
func typesOf(t *testing.T, text jsontext.Value) []Type {
	t.Helper()
	switch text.Kind() {
	case '"', 'n':
		return []Type{String}
	case '0':
		return []Type{Int64}
	}
	var types []Type
	if _, err := ParseValue(text, Bytes); err == nil {
		return []Type{Bytes}
	}
	for _, inner := range []Type{String, Int64} {
		if v, err := ParseValue(text, SessionWindowed(inner)); err == nil {
			k := v.(window.Key[any])
			types = append(types, SessionWindowed(inner), TimeWindowed(inner, k.End-k.Start))
			if k.End == math.MaxInt64 {
				types = append(types, TimeWindowed(inner, math.MaxInt64))
			}
		}
	}
	return types
}
