package overlay_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
)

// timed is plain for keys that end in a time.
type timed struct{ plain }

func (timed) Tail() int { return 8 }

func newTimed(ordered bool) *overlay.Store {
	s := overlay.New(timed{}, []byte{0, 1}, ordered)
	s.KeepNewest()
	return s
}

// timedKey is 8 bytes that all share, a letter and a time; every tenth has no time.
func timedKey(letter int, at int64) string {
	b := []byte("\x00segment")
	if letter == 9 {
		b = []byte{overlay.OtherByte, 's', 'e', 'g', 'm', 'e', 'n', 't'}
	}
	return string(binary.BigEndian.AppendUint64(append(b, byte('a'+letter)), uint64(at)))
}

func timeOf(k string) (int64, bool) {
	return int64(binary.BigEndian.Uint64([]byte(k[9:]))), k[0] < overlay.OtherByte
}

// counted counts what is read of an engine.
type counted struct {
	engine.Engine
	reads int
}

func (c *counted) Get(dst, key []byte) ([]byte, bool, error) {
	c.reads++
	return c.Engine.Get(dst, key)
}

func (c *counted) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	c.reads++
	return c.Engine.Scan(lo, hi, reverse)
}

type timedBed struct {
	t       *testing.T
	rng     *rand.Rand
	e       *counted
	s       *overlay.Store
	m       model
	now     int64
	highest int64
}

// TestTimedAgainstModel is TestAgainstModel for a store by time, which now and
// then begins anew over its engine.
func TestTimedAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			e, err := memory.Opener{}.Open("")
			if err != nil {
				t.Fatal(err)
			}
			b := &timedBed{t: t, rng: rand.New(rand.NewPCG(seed, 1)), e: &counted{Engine: e}, highest: -1,
				s: newTimed(seed%2 == 0),
				m: model{committed: map[string]string{}, current: map[string]string{}, touched: map[string]bool{}}}
			for range 400 {
				b.step()
				b.check()
			}
		})
	}
}

func (b *timedBed) step() {
	b.now += b.rng.Int64N(2)
	k := timedKey(b.rng.IntN(10), b.now-min(b.now, b.rng.Int64N(20)))
	if n := b.rng.IntN(4); n == 0 && len(b.m.current) > 0 {
		all := slices.Sorted(maps.Keys(b.m.current))
		k = all[b.rng.IntN(len(all))]
	}
	switch op := b.rng.IntN(40); {
	case op < 24:
		v := fmt.Sprint(b.rng.IntN(1000))
		b.s.Put([]byte(k), []byte(v), 1, nil)
		b.m.current[k] = v
		at, _ := timeOf(k)
		b.highest = max(b.highest, at)
	case op < 30:
		b.s.Delete([]byte(k), 1, nil)
		delete(b.m.current, k)
	case op < 34:
		b.s.Commit()
		b.m.committed = maps.Clone(b.m.current)
	case op < 36:
		b.s.Abort()
		b.m.current = maps.Clone(b.m.committed)
	case op < 39:
		writeOut(b.t, b.s, b.e, b.rng.IntN(3) > 0)
	default:
		b.s.Abort()
		b.m.current = maps.Clone(b.m.committed)
		writeOut(b.t, b.s, b.e, true)
		b.s = newTimed(b.rng.IntN(2) == 0)
		b.s.SetBase(b.e)
		if b.rng.IntN(4) > 0 {
			b.s.WholeFrom(b.highest + 1)
		}
	}
}

func (b *timedBed) check() {
	b.t.Helper()
	for range 5 {
		k := timedKey(b.rng.IntN(10), b.now-min(b.now, b.rng.Int64N(20)))
		v, ok, err := b.s.Get([]byte(k))
		want, has := b.m.current[k]
		if err != nil || ok != has || ok && string(v) != want {
			b.t.Fatalf("get %q: %q %v %v, want %q %v", k, v, ok, err, want, has)
		}
	}
	since, reverse := b.now-20+b.rng.Int64N(25), b.rng.IntN(2) == 0
	lo, hi := timedKey(b.rng.IntN(5), b.now-10), timedKey(b.rng.IntN(10), b.now-b.rng.Int64N(10))
	b.same("range", reverse, func(k string, at int64, timed bool) bool {
		return timed && at >= since && k >= lo && k < hi
	}, func(yield func(key, value []byte) bool) error {
		return b.s.ScanSince(since, []byte(lo), []byte(hi), reverse, false, yield)
	})
	if b.rng.IntN(10) == 0 {
		b.same("all", reverse, func(string, int64, bool) bool { return true }, func(yield func(key, value []byte) bool) error {
			return b.s.Scan(nil, nil, reverse, false, yield)
		})
	}
	head, from := timedKey(b.rng.IntN(9), 0)[:9], max(0, since)
	to := from + b.rng.Int64N(15)
	b.same("key", reverse, func(k string, at int64, timed bool) bool {
		return k[:9] == head && at >= from && at <= to
	}, func(yield func(key, value []byte) bool) error {
		return b.s.ScanKey([]byte(head), 8, from, to, reverse, false, yield)
	})
}

// same checks that a scan meets what is wanted of the model; it may meet more.
func (b *timedBed) same(what string, reverse bool, wanted func(k string, at int64, timed bool) bool, scan func(yield func(key, value []byte) bool) error) {
	b.t.Helper()
	var got, want []string
	err := scan(func(k, v []byte) bool {
		if at, ok := timeOf(string(k)); wanted(string(k), at, ok) {
			got = append(got, string(k)+"="+string(v))
		}
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(b.m.current)) {
		if at, ok := timeOf(k); wanted(k, at, ok) {
			want = append(want, k+"="+b.m.current[k])
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	if !slices.Equal(got, want) {
		b.t.Fatalf("scan of %s, reverse %v: %q, want %q", what, reverse, got, want)
	}
}

// TestExpireTimed checks that ranges are dropped with what comes late into them,
// and that nothing is left of the store's size.
func TestExpireTimed(t *testing.T) {
	for _, based := range []bool{false, true} {
		s := newTimed(true)
		if based {
			e, err := memory.Opener{}.Open("")
			if err != nil {
				t.Fatal(err)
			}
			s.SetBase(e)
		}
		put := func(segment byte, i int) {
			k := []byte(timedKey(i, int64(i)))
			k[7] = segment
			s.Put(k, []byte("v"), 0, nil)
		}
		for i := range 8 {
			put(byte(i), i)
			put(byte(i), i+1)
		}
		upTo := func(segment byte) { s.Expire(make([]byte, 8), append([]byte("\x00segmen"), segment)) }
		upTo(2)
		upTo(4)
		s.Commit()
		if n := s.Len(); n != 8 {
			t.Errorf("%d entries are left, want 8", n)
		}
		put(1, 1)
		put(6, 1)
		s.Commit()
		if n := s.Len(); based && n != 9 || !based && n != 10 {
			t.Errorf("%d entries with those that came late", n)
		}
		upTo(9)
		s.Commit()
		if n, _ := s.Bytes(); n != 0 || s.Len() != 0 || s.Dirty() != 0 {
			t.Errorf("%d bytes and %d entries are left", n, s.Len())
		}
	}
}

// TestNewestStay checks that a write-out leaves room, and that reads of the
// newest times don't touch the engine behind it.
func TestNewestStay(t *testing.T) {
	m, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	e := &counted{Engine: m}
	s := newTimed(true)
	for i := range 5000 {
		s.Put([]byte(timedKey(i%9, int64(i))), []byte("v"), 0, nil)
	}
	s.Commit()
	all, _ := s.Bytes()
	writeOut(t, s, e, true)
	if left, _ := s.Bytes(); left < all/3 || left > all*2/3 {
		t.Errorf("%d bytes of %d stay", left, all)
	}
	look := func(i int) (reads int) {
		before := e.reads
		for _, there := range []bool{true, false} {
			k := []byte(timedKey((i+5)%9, int64(i)))
			if there {
				k = []byte(timedKey(i%9, int64(i)))
			}
			if _, ok, err := s.Get(k); err != nil || ok != there {
				t.Fatal(i, ok, err)
			}
			n := 0
			if err := s.ScanSince(int64(i), k, append(k, 0), false, false, func(_, _ []byte) bool { n++; return true }); err != nil || (n == 1) != there {
				t.Fatal(i, n, err)
			}
		}
		return e.reads - before
	}
	if n := look(4500); n != 0 {
		t.Errorf("%d reads of the engine for a new time", n)
	}
	if n := look(500); n == 0 {
		t.Error("an old time is read without the engine")
	}
}

// TestDeletesOfWhatTheEngineLacks checks that they leave nothing for it, and that
// other deletes do.
func TestDeletesOfWhatTheEngineLacks(t *testing.T) {
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := newTimed(true)
	put := func(at int64) { s.Put([]byte(timedKey(1, at)), []byte("v"), 0, nil) }
	for at := range int64(100) {
		put(at)
	}
	s.Commit()
	writeOut(t, s, e, true)
	for _, test := range []struct {
		at   int64
		owes bool
	}{{200, false}, {90, true}, {10, true}} {
		put(test.at)
		s.Commit()
		if !s.Owed() {
			t.Errorf("a put at %d is not owed", test.at)
		}
		s.Delete([]byte(timedKey(1, test.at)), 0, nil)
		s.Commit()
		if s.Owed() != test.owes {
			t.Errorf("a delete at %d is owed: %v", test.at, s.Owed())
		}
		writeOut(t, s, e, false)
		if _, ok, err := s.Get([]byte(timedKey(1, test.at))); ok || err != nil {
			t.Errorf("an entry at %d is there behind its delete: %v", test.at, err)
		}
	}
}

// What nobody reads any more is not written to the engine, leaves memory when the
// rest is written, and leaves what is read alone.
func TestUnread(t *testing.T) {
	for _, drop := range []bool{false, true} {
		e, err := memory.Opener{}.Open("")
		if err != nil {
			t.Fatal(err)
		}
		s := newTimed(false)
		for letter := range 10 { // those of the last have no time
			for at := range int64(20) {
				s.Put([]byte(timedKey(letter, at)), []byte("v"), 1, nil)
			}
		}
		s.Unread(15)
		s.Unread(10) // what was let go stays so
		s.Commit()
		s.Put([]byte(timedKey(0, 3)), []byte("late"), 1, nil)
		writeOut(t, s, e, drop)
		if !drop && s.Len() != 9*5+20+1 {
			t.Errorf("%d entries in memory", s.Len())
		}
		if v, ok, err := s.Get([]byte(timedKey(0, 3))); !ok || err != nil || string(v) != "late" {
			t.Errorf("what is written again: %s %v %v", v, ok, err)
		}
		s.Abort()
		for letter := range 10 {
			for at := range int64(20) {
				want := at >= 15 || letter == 9
				if _, ok, err := s.Get([]byte(timedKey(letter, at))); ok != want || err != nil {
					t.Errorf("drop %v: entry %d at %d: %v %v", drop, letter, at, ok, err)
				}
				if _, ok, err := e.Get(nil, append([]byte{0, 1}, timedKey(letter, at)...)); ok != want || err != nil {
					t.Errorf("drop %v: entry %d at %d in the engine: %v %v", drop, letter, at, ok, err)
				}
			}
		}
		if all, _ := s.Bytes(); s.Len() == 0 && all != 0 {
			t.Errorf("%d bytes of nothing", all)
		}
	}
}
