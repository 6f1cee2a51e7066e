package overlay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/ottla-streams/ottla/serde"
)

// TestTable compares a table with a map, in a random order of changes.
func TestTable(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		keys := 1 + rng.IntN(200)
		var table table
		want := make(map[string]*keyed)
		for range 3000 {
			key := fmt.Sprintf("key%d", rng.IntN(keys))
			switch k := want[key]; {
			case rng.IntN(400) == 0:
				table.clear()
				clear(want)
			case rng.IntN(200) == 0:
				table.keep(func(k *keyed) bool {
					if len(k.key)%2 == 0 {
						delete(want, k.key)
						return false
					}
					return true
				})
			case k == nil:
				k = &keyed{key}
				table.set(k)
				want[key] = k
			case rng.IntN(2) == 0:
				table.remove(k)
				delete(want, key)
			}
			sameTable(t, &table, want, keys)
		}
	}
}

func sameTable(t *testing.T, table *table, want map[string]*keyed, keys int) {
	t.Helper()
	seen := 0
	table.each(func(k *keyed) {
		if seen++; want[k.key] != k {
			t.Fatalf("table has %s, which was removed", k.key)
		}
	})
	if seen != len(want) || table.n != len(want) {
		t.Fatalf("table has %d and says %d, want %d", seen, table.n, len(want))
	}
	for i := range keys {
		key := fmt.Sprintf("key%d", i)
		if got := table.find([]byte(key)); got != want[key] {
			t.Fatalf("%s: found %p, want %p", key, got, want[key])
		}
	}
}

// TestWarm says which keys a store was asked for, and changes nothing else.
func TestWarm(t *testing.T) {
	s := New(plain{}, nil, false)
	keys := userKeys(2 * warmFrom)
	for _, k := range keys[:len(keys)/2+1] {
		s.Put(k, k, 0, nil)
	}
	get := func(k []byte, want bool) {
		t.Helper()
		if v, ok, err := s.Peek(k); ok != want || err != nil || ok && string(v) != string(k) {
			t.Fatal(string(v), ok, err)
		}
	}
	get(keys[0], true)
	if !s.Asked(keys[0]) || s.Asked(keys[1]) || s.Asked(nil) {
		t.Error("store was asked for the first key only")
	}
	s.Warm(keys[:WarmKeys+3])
	s.Warm(keys[len(keys)-1:])
	for i, k := range keys {
		get(k, i <= len(keys)/2)
	}
	if got := s.Dirty(); got != len(keys)/2+1 {
		t.Errorf("%d entries changed", got)
	}
}

// timed8 is a layout of keys that end with a time.
type timed8 struct{ plain }

func (timed8) Tail() int { return 8 }

func TestWarmGroups(t *testing.T) {
	s := New(timed8{}, nil, false)
	s.KeepNewest()
	keys := userKeys(2 * warmFrom)
	at := func(k []byte) []byte {
		return binary.BigEndian.AppendUint64(append([]byte("\x00\x00\x00\x00\x00\x00\x00\x07"), k...), 1_700_000_000_000)
	}
	for _, k := range keys {
		s.Put(at(k), k, 0, nil)
	}
	for i := 0; i+WarmKeys < len(keys); i += WarmKeys {
		if v, ok, err := s.Peek(at(keys[i])); !ok || err != nil || string(v) != string(keys[i]) {
			t.Fatal(string(v), ok, err)
		}
		if !s.Asked(keys[i]) || s.Asked(keys[i+1]) {
			t.Fatal("store was asked for another key")
		}
		s.Warm(append([][]byte{nil, []byte("none")}, keys[i+1:i+WarmKeys]...))
	}
}

// BenchmarkFindWarmed is BenchmarkFind of keys that were brought near.
func BenchmarkFindWarmed(b *testing.B) {
	keys := userKeys(100_000)
	s := New(plain{}, nil, false)
	for _, k := range keys {
		s.Put(k, k[:8], 0, nil)
	}
	var next [WarmKeys][]byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%WarmKeys == 0 {
			for j := range next {
				next[j] = keys[(i+j)*7919%len(keys)]
			}
			s.Warm(next[:])
		}
		if _, ok, err := s.Peek(keys[i*7919%len(keys)]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// A short key and value lie behind their entry, and nothing there is mixed up.
func TestEntryBehind(t *testing.T) {
	for n := range 200 {
		key := bytes.Repeat([]byte{'k'}, n)
		for v := range 200 {
			e := newEntry(key, v)
			rooms := int(e.cur.room + e.com.room)
			for _, v := range []int{v, v / 2, v + 1} {
				e.cur.set(bytes.Repeat([]byte{'c'}, v))
				e.com.set(bytes.Repeat([]byte{'o'}, v))
				e.setHeaders(serde.Headers{{Key: "h"}})
				if e.key != string(key) || string(e.cur.bytes()) != strings.Repeat("c", v) || string(e.com.bytes()) != strings.Repeat("o", v) {
					t.Fatalf("key of %d, values of %d: %q %q %q", n, v, e.key, e.cur.bytes(), e.com.bytes())
				}
				if e.cur.bytes() == nil || len(e.headers()) != 1 || e.headers()[0].Key != "h" {
					t.Fatalf("value %v, headers %v", e.cur.bytes(), e.headers())
				}
			}
			if n > longKey {
				n = 0
			}
			if n+v <= mostBehind && v > smallValue && (rooms < v || rooms > v+48) || v <= smallValue && (rooms < 2*v || rooms > 2*v+48) {
				t.Fatalf("key of %d, value of %d: room for %d", n, v, rooms)
			}
		}
	}
	for _, c := range []struct{ key, value, bytes int }{{12, 8, 128}, {36, 8, 144}, {36, 104, 224}, {12, 104, 208}} {
		key := make([]byte, c.key)
		if n := testing.AllocsPerRun(100, func() { kept = newEntry(key, c.value) }); n != 1 {
			t.Errorf("key of %d, value of %d: %v allocations", c.key, c.value, n)
		}
		if n := int(unsafe.Sizeof(*kept)) + c.key + int(kept.cur.room+kept.com.room); n != c.bytes {
			t.Errorf("key of %d, value of %d: %d bytes, want %d", c.key, c.value, n, c.bytes)
		}
	}
	var none bytesRef
	if none.bytes() != nil || (&entry{}).headers() != nil {
		t.Error("nothing is not nil")
	}
	if none.set(nil); none.bytes() == nil {
		t.Error("an empty value is nil")
	}
}

var kept *entry
