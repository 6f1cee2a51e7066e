package state_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

func windowDef(opts ...state.Option) *graph.Store {
	return state.Windows("win", serde.String, serde.Int64, append(opts, state.Retention(time.Hour))...).Define()
}

// The changelogs of windows and sessions have Kafka Streams' bytes and times.
func TestWindowChangelog(t *testing.T) {
	put := func(store any) error {
		w := store.(*state.WindowStore[string, int64])
		_, _, err := w.Update(window.Key[string]{Key: "k", Start: 5_000_000}, 7, true, 5_000_123, serde.Headers{{Key: "h", Value: []byte("x")}})
		return err
	}
	remove := func(store any) error {
		return store.(*state.WindowStore[string, int64]).Delete("k", time.UnixMilli(5_000_000))
	}
	session := func(v int64) func(store any) error {
		return func(store any) error {
			s := store.(*state.SessionStore[string, int64])
			_, err := s.Update(window.Key[string]{Key: "k", Start: 16, End: 32}, v, v != 0, nil)
			return err
		}
	}
	tests := []struct {
		name    string
		def     *graph.Store
		do      func(store any) error
		want    string // key = value @ time
		headers int
	}{
		{"window", windowDef(), put, "6b 00000000004c4b40 00000000=0000000000000007 @5000123", 0},
		{"window deleted", windowDef(), remove, "6b 00000000004c4b40 00000000=null @42", 0},
		{"window with headers", windowDef(state.WithHeaders()), put, "6b 00000000004c4b40 00000000=0000000000000007 @5000123", 1},
		{"duplicates", windowDef(state.Duplicates()), put, "6b 00000000004c4b40 00000001=0000000000000007 @5000123", 0},
		{"session", sessionDef(), session(7), "6b 0000000000000020 0000000000000010=0000000000000007 @42", 0},
		{"session removed", sessionDef(), session(0), "6b 0000000000000020 0000000000000010=null @42", 0},
	}
	for _, tt := range tests {
		b := newBed(t, tt.def, nil)
		b.in.now = 42
		b.check(tt.do(b.store))
		b.commit()
		if len(b.log) != 1 {
			t.Errorf("%s: %d records", tt.name, len(b.log))
			continue
		}
		r := b.log[0]
		key := hex.EncodeToString(r.Key)
		split := key[:2] + " " + key[2:18] + " " + key[18:]
		value := "null"
		if r.Value != nil {
			value = hex.EncodeToString(r.Value)
		}
		if got := fmt.Sprintf("%s=%s @%d", split, value, r.Time); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if tt.name != "duplicates" && len(r.Headers) != tt.headers {
			t.Errorf("%s: headers %v, want %d", tt.name, r.Headers, tt.headers)
		}
	}
}

func sessionDef() *graph.Store {
	return state.Sessions("ses", serde.String, serde.Int64, state.Retention(time.Hour)).Define()
}

// A changelog record either has no entry or comes back as it was, but for the
// sequence number of a store without duplicates; and restoring any is no harm.
func FuzzWindowLayout(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"), []byte("12345678"), int64(9))
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01"), []byte(nil), int64(-1))
	f.Add([]byte("\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), []byte{}, int64(0))
	f.Add([]byte("short"), []byte("v"), int64(0))
	f.Fuzz(func(t *testing.T, key, value []byte, at int64) {
		for name, def := range map[string]*graph.Store{
			"window": windowDef(), "headers": windowDef(state.WithHeaders()), "duplicates": windowDef(state.Duplicates()), "session": sessionDef(),
		} {
			r := overlay.Record{Key: bytes.Clone(key), Value: bytes.Clone(value), Time: at, Headers: serde.Headers{{Key: "h", Value: value}}}
			entry, v, ok := def.Layout.FromLog(&r)
			if !ok {
				continue
			}
			back := overlay.Record{Time: at}
			def.Layout.ToLog(&back, bytes.Clone(entry), bytes.Clone(v))
			want := bytes.Clone(key)
			if name == "window" || name == "headers" {
				clear(want[len(want)-4:])
			}
			if !bytes.Equal(back.Key, want) || !bytes.Equal(back.Value, value) || (back.Value == nil) != (value == nil) || back.Time != at {
				t.Fatalf("%s: %x=%x @%d, want %x=%x @%d", name, back.Key, back.Value, back.Time, want, value, at)
			}
			b := newBed(t, def, nil)
			b.log = []overlay.Record{r}
			b.crash(true)
			if n, _ := b.raw(); (n == 0) != (value == nil) {
				t.Fatalf("%s: %d entries", name, n)
			}
		}
	})
}

// A store whose own state is damaged says so when it is opened.
func TestDamagedWindowState(t *testing.T) {
	for name, opener := range engines(t) {
		if opener == nil {
			continue
		}
		b := newBed(t, windowDef(), opener)
		b.layers.Mark([]byte{0xfe}, []byte("short"))
		b.layers.Commit()
		b.writeOut(true)
		b.layers = overlay.New(b.def.Layout, []byte{0, 7}, true)
		b.layers.KeepNewest()
		b.layers.SetBase(b.engine)
		_, err := b.def.Open(graph.Opening{Store: b.def, Instance: b.in, Layers: b.layers})
		if err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// Putting and fetching a window that is in memory costs no allocation.
func TestWindowAllocations(t *testing.T) {
	b := newBed(t, state.Windows("win", serde.String, serde.Int64, state.Retention(time.Hour)).Define(), nil)
	s := b.store.(*state.WindowStore[string, int64])
	k := window.Key[string]{Key: "a key of some length", Start: 5_000_000}
	n := int64(0)
	allocs := testing.AllocsPerRun(1000, func() {
		n++
		if _, _, err := s.Update(k, n, true, k.Start, nil); err != nil {
			t.Fatal(err)
		}
		if v, _, ok, err := s.Find(k); err != nil || !ok || v != n {
			t.Fatal(v, ok, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	count := func(int64, int64, int64) bool { return true }
	allocs = testing.AllocsPerRun(1000, func() { b.check(s.Each(k.Key, 0, k.Start, false, count)) })
	if allocs > 6 {
		t.Errorf("a range costs %v allocations", allocs)
	}
}
