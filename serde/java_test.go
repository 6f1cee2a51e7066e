package serde

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/window"
)

// java has what Kafka's serializers write, in each line: the type, a value,
// its bytes. testdata/Vectors.java wrote it.
//
//go:embed testdata/java.txt
var java string

var javaID = UUID{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0x10}

// javaTypes checks one line each; the keys are the first words of the lines.
var javaTypes = map[string]func(t *testing.T, value string, want []byte){
	"string": func(t *testing.T, value string, want []byte) {
		asJava(t, String, string(fromHex(t, value)), want)
		asJava(t, Bytes, fromHex(t, value), want)
	},
	"int16": func(t *testing.T, value string, want []byte) { asJava(t, Int16, int16(integer(t, value, 16)), want) },
	"int32": func(t *testing.T, value string, want []byte) { asJava(t, Int32, int32(integer(t, value, 32)), want) },
	"int64": func(t *testing.T, value string, want []byte) { asJava(t, Int64, integer(t, value, 64), want) },
	"float32": func(t *testing.T, value string, want []byte) {
		bits, err := strconv.ParseUint(value, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		asJava(t, Float32, math.Float32frombits(uint32(bits)), want)
	},
	"float64": func(t *testing.T, value string, want []byte) {
		bits, err := strconv.ParseUint(value, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		asJava(t, Float64, math.Float64frombits(bits), want)
	},
	"bool": func(t *testing.T, value string, want []byte) { asJava(t, Bool, value == "true", want) },
	"uuid": func(t *testing.T, value string, want []byte) {
		id, err := ParseUUID(value)
		if err != nil {
			t.Fatal(err)
		}
		asJava(t, UUIDs, id, want)
	},
	"void": func(t *testing.T, value string, want []byte) {
		if want != nil {
			t.Errorf("bytes %x, want null", want)
		}
	},
	"list": func(t *testing.T, value string, want []byte) {
		check, ok := javaLists[value]
		if !ok {
			t.Fatalf("no list is named so")
		}
		check(t, want)
	},
	"timewindow": func(t *testing.T, value string, want []byte) {
		k := javaWindow(t, value)
		asJava(t, TimeWindowedMillis(String, 10), k, want)
	},
	"session": func(t *testing.T, value string, want []byte) {
		asJava(t, SessionWindowed(String), javaWindow(t, value), want)
	},
}

var javaLists = map[string]func(t *testing.T, want []byte){
	"string":       listAsJava(String, "ab", "", "c"),
	"string-empty": listAsJava(String),
	"string-null":  listAsJava(Nullable(String), Some("ab"), Null[string]{}, Some("c")),
	"int32":        listAsJava(Int32, 1, 2),
	"int32-empty":  listAsJava(Int32),
	"int32-null":   listAsJava(Nullable(Int32), Some(int32(1)), Null[int32]{}, Some(int32(2))),
	"int32-nulls":  listAsJava(Nullable(Int32), Null[int32]{}, Null[int32]{}),
	"int16":        listAsJava(Int16, 1, -2),
	"int64":        listAsJava(Nullable(Int64), Null[int64]{}, Some(int64(7))),
	"float32":      listAsJava(Float32, 1.5),
	"float64":      listAsJava(Float64, 1.5, -2),
	"uuid":         listAsJava(Nullable(UUIDs), Some(javaID), Null[UUID]{}),
	"bool":         listAsJava(Nullable(Bool), Some(true), Null[bool]{}, Some(false)),
	"bytes":        listAsJava(Bytes, []byte{1, 2}, nil, []byte{}),
	"list":         listAsJava(List(Int32), []int32{1}, nil),
}

func TestAsJava(t *testing.T) {
	seen := map[string]int{}
	for line := range strings.Lines(java) {
		f := strings.Fields(line)
		if len(f) != 3 {
			t.Fatalf("%q: not three words", line)
		}
		check, ok := javaTypes[f[0]]
		if !ok {
			t.Fatalf("%q: type isn't checked", line)
		}
		seen[f[0]]++
		t.Run(f[0]+"/"+f[1], func(t *testing.T) {
			var want []byte
			if f[2] != "null" {
				want = fromHex(t, f[2])
			}
			check(t, f[1], want)
		})
	}
	if len(seen) != len(javaTypes) || seen["list"] != len(javaLists) {
		t.Errorf("lines for %v, want all of %d types and %d lists", seen, len(javaTypes), len(javaLists))
	}
}

// asJava checks that v has the bytes and that the bytes are v.
func asJava[T any](t *testing.T, s Serde[T], v T, want []byte) {
	t.Helper()
	got, err := s.AppendTo([]byte("before"), v)
	if err != nil {
		t.Fatal(err)
	}
	if rest, ok := bytes.CutPrefix(got, []byte("before")); !ok || !bytes.Equal(rest, want) {
		t.Errorf("%v has bytes %x, want %x after what was there", v, got, want)
	}
	back, err := s.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if f := reflect.ValueOf(v); f.CanFloat() && math.IsNaN(f.Float()) {
		if !math.IsNaN(reflect.ValueOf(back).Float()) {
			t.Errorf("bytes %x are %v, want NaN", want, back)
		}
	} else if !reflect.DeepEqual(back, v) {
		t.Errorf("bytes %x are %#v, want %#v", want, back, v)
	}
}

func listAsJava[T any](inner Serde[T], vs ...T) func(*testing.T, []byte) {
	if vs == nil {
		vs = []T{}
	}
	return func(t *testing.T, want []byte) { asJava(t, List(inner), vs, want) }
}

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func integer(t *testing.T, s string, bits int) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// javaWindow reads a windowed key in the form hex@start:end.
func javaWindow(t *testing.T, s string) (k window.Key[string]) {
	t.Helper()
	key, bounds, _ := strings.Cut(s, "@")
	if _, err := fmt.Sscanf(bounds, "%d:%d", &k.Start, &k.End); err != nil {
		t.Fatal(err)
	}
	k.Key = string(fromHex(t, key))
	return k
}
