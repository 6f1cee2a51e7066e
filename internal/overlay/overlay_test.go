package overlay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
)

// plain logs keys and values as they are.
type plain struct{}

func (plain) ToLog(r *overlay.Record, key, value []byte) { r.Key, r.Value = key, value }

func (plain) FromLog(r *overlay.Record) (key, value []byte, ok bool) { return r.Key, r.Value, true }

// model is what the layers should hold.
type model struct {
	committed, current map[string]string
	touched            map[string]bool
}

func (m *model) check(t *testing.T, s *overlay.Store, rng *rand.Rand) {
	t.Helper()
	for i := range 12 {
		k := key(i)
		v, ok, err := s.Get([]byte(k))
		want, has := m.current[k]
		if err != nil || ok != has || ok && string(v) != want {
			t.Fatalf("get %s: %q %v %v, want %q %v", k, v, ok, err, want, has)
		}
	}
	lo, hi, reverse := key(rng.IntN(12)), key(rng.IntN(13)), rng.IntN(2) == 0
	var end []byte
	if rng.IntN(4) > 0 {
		end = []byte(hi)
	}
	var got, want []string
	err := s.Scan([]byte(lo), end, reverse, false, func(k, v []byte) bool {
		got = append(got, string(k)+"="+string(v))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(m.current)) {
		if k >= lo && (end == nil || k < hi) {
			want = append(want, k+"="+m.current[k])
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("scan [%s, %s) reverse %v: %v, want %v", lo, end, reverse, got, want)
	}
}

func (m *model) checkChanges(t *testing.T, s *overlay.Store) {
	t.Helper()
	got := make(map[string]string)
	err := s.Changes(func(r *overlay.Record) error {
		if _, ok := got[string(r.Key)]; ok {
			t.Fatalf("%s is logged twice", r.Key)
		}
		got[string(r.Key)] = "delete"
		if r.Value != nil {
			got[string(r.Key)] = "=" + string(r.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for k := range m.touched {
		want[k] = "delete"
		if v, ok := m.current[k]; ok {
			want[k] = "=" + v
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("changes are %v, want %v", got, want)
	}
}

func key(i int) string { return fmt.Sprintf("k%02d", i) }

// TestAgainstModel runs random operations on the layers and on two maps.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed) })
	}
}

func runModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	withEngine := seed%3 != 0
	s := overlay.New(plain{}, []byte{0, 1}, seed%2 == 0)
	m := &model{committed: map[string]string{}, current: map[string]string{}, touched: map[string]bool{}}
	for range 300 {
		k := key(rng.IntN(12))
		switch op := rng.IntN(20); {
		case op < 9:
			v := fmt.Sprint(rng.IntN(1000))
			s.Put([]byte(k), []byte(v), 1, nil)
			m.current[k], m.touched[k] = v, true
		case op < 12:
			s.Delete([]byte(k), 1, nil)
			delete(m.current, k)
			m.touched[k] = true
		case op < 15:
			m.checkChanges(t, s)
			s.Commit()
			m.committed = maps.Clone(m.current)
			clear(m.touched)
		case op < 17:
			s.Abort()
			m.current = maps.Clone(m.committed)
			clear(m.touched)
		case op < 18 && withEngine:
			writeOut(t, s, e, rng.IntN(2) == 0)
		case op < 19 && len(m.touched) == 0:
			v := fmt.Sprint("r", rng.IntN(1000))
			s.Restore(&overlay.Record{Key: []byte(k), Value: []byte(v)})
			m.current[k], m.committed[k] = v, v
		}
		m.check(t, s, rng)
	}
}

func writeOut(t *testing.T, s *overlay.Store, e engine.Engine, drop bool) {
	t.Helper()
	b := e.NewBatch()
	s.WriteOut(b)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Written(e, drop)
	if s.Owed() {
		t.Fatal("owes after it was written out")
	}
}

// TestLentValues checks that a value that a reader holds is not written again.
func TestLentValues(t *testing.T) {
	s := overlay.New(plain{}, nil, false)
	s.Put([]byte("k"), []byte("one"), 1, nil)
	held, _, _ := s.Get([]byte("k"))
	s.Put([]byte("k"), []byte("two"), 1, nil)
	s.Commit()
	again, _, _ := s.Get([]byte("k"))
	s.Put([]byte("k"), []byte("333"), 1, nil)
	s.Commit()
	s.Put([]byte("k"), []byte("444"), 1, nil)
	if string(held) != "one" || string(again) != "two" {
		t.Errorf("held values became %q and %q", held, again)
	}
}

// TestScanWhileWriting checks that a scan survives writes to what it reads.
func TestScanWhileWriting(t *testing.T) {
	s := overlay.New(plain{}, nil, true)
	for i := range 100 {
		s.Put(fmt.Appendf(nil, "%03d", i), []byte("x"), 1, nil)
	}
	n := 0
	err := s.Scan(nil, nil, false, false, func(k, v []byte) bool {
		n++
		s.Put(append([]byte{}, k...), []byte("y"), 1, nil)
		s.Put(append(append([]byte{}, k...), 'a'), []byte("new"), 1, nil)
		s.Delete(fmt.Appendf(nil, "%03d", 99), 1, nil)
		return n < 1000
	})
	if err != nil || n < 99 || n >= 1000 {
		t.Errorf("scan saw %d entries, %v", n, err)
	}
}

func TestPutAllocatesNothing(t *testing.T) {
	s := overlay.New(plain{}, nil, false)
	k, v := []byte("key"), []byte("value")
	step := func() {
		if _, _, err := s.Peek(k); err != nil {
			t.Fatal(err)
		}
		s.Put(k, v, 1, nil)
	}
	commit := func() { step(); s.Commit() }
	commit()
	commit()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations per write", n)
	}
	if n := testing.AllocsPerRun(100, commit); n != 0 {
		t.Errorf("%v allocations per write and commit", n)
	}
}

// TestDropAndLog checks that the one leaves no trace in the changelog, and the
// other leaves one there only.
func TestDropAndLog(t *testing.T) {
	s := overlay.New(plain{}, nil, false)
	changes := func() []string {
		got := []string{}
		if err := s.Changes(func(r *overlay.Record) error {
			got = append(got, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Time))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	s.Put([]byte("a"), []byte("1"), 1, nil)
	s.Put([]byte("b"), []byte("1"), 1, nil)
	s.Commit()
	s.Drop([]byte("a"))
	s.Drop([]byte("b"))
	s.Put([]byte("b"), []byte("2"), 2, nil)
	s.Log([]byte("c"), []byte("3"), 3, nil)
	if got := changes(); !slices.Equal(got, []string{"b=2@2", "c=3@3"}) || s.Dirty() != 3 {
		t.Errorf("changes are %v, %d", got, s.Dirty())
	}
	s.Commit()
	for k, want := range map[string]bool{"a": false, "b": true, "c": false} {
		if _, ok, _ := s.Get([]byte(k)); ok != want {
			t.Errorf("%s is there: %v", k, ok)
		}
	}
	s.Log([]byte("c"), []byte("3"), 3, nil)
	s.Drop([]byte("b"))
	s.Abort()
	if _, ok, _ := s.Get([]byte("b")); !ok || len(changes()) != 0 || s.Dirty() != 0 {
		t.Error("an abort leaves something")
	}
	s.Delete([]byte("b"), 4, nil)
	if got := changes(); !slices.Equal(got, []string{"b=@4"}) {
		t.Errorf("changes are %v", got)
	}
}

// TestBytes checks that the size of the layers does not drift.
func TestBytes(t *testing.T) {
	s := overlay.New(plain{}, nil, false)
	var first int
	for i := range 100 {
		for size := range 60 {
			s.Put([]byte("key"), make([]byte, size), 1, nil)
			if _, _, err := s.Get([]byte("key")); err != nil {
				t.Fatal(err)
			}
		}
		s.Commit()
		n, pending := s.Bytes()
		if i == 1 {
			first = n
		}
		if pending != 0 || i > 1 && n > 2*first {
			t.Fatalf("round %d: %d bytes of which %d pending, after the first round %d", i, n, pending, first)
		}
	}
	s.Delete([]byte("key"), 1, nil)
	s.Commit()
	if n, _ := s.Bytes(); n != 0 {
		t.Errorf("%d bytes are left in an empty store", n)
	}
}

// Marks and what a commit puts last are kept and not logged; entries can be put
// below what is not committed yet.
func TestMarks(t *testing.T) {
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := overlay.New(plain{}, []byte{1}, true)
	s.SetBase(e)
	commits := 0
	s.AtCommit(func() {
		commits++
		s.Mark([]byte("at"), []byte{byte(commits)})
	})
	s.Put([]byte("a"), []byte("1"), 0, nil)
	s.Mark([]byte("m"), []byte("2"))
	s.Keep([]byte("k"), []byte("3"))
	s.Put([]byte("b"), []byte("4"), 0, nil)
	s.Mark([]byte("b"), []byte("5"))
	var logged []string
	if err := s.Changes(func(r *overlay.Record) error {
		logged = append(logged, string(r.Key))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logged, []string{"a"}) {
		t.Errorf("logged %q", logged)
	}
	s.Commit()
	for k, want := range map[string]string{"a": "1", "m": "2", "k": "3", "b": "5", "at": "\x01"} {
		if v, ok, err := s.Get([]byte(k)); err != nil || !ok || string(v) != want {
			t.Errorf("%s: %q %v %v, want %q", k, v, ok, err, want)
		}
	}
	s.Put([]byte("k"), []byte("new"), 0, nil)
	s.Keep([]byte("k"), nil)
	if v, ok, _ := s.Get([]byte("k")); !ok || string(v) != "new" {
		t.Errorf("the uncommitted value is %q %v", v, ok)
	}
	s.Abort()
	if _, ok, _ := s.Get([]byte("k")); ok {
		t.Error("k is there behind its delete")
	}
}

// Ranges with the same begin that are dropped one after the other make one.
func TestExpire(t *testing.T) {
	s := overlay.New(plain{}, nil, true)
	for i := range 10 {
		s.Put([]byte(key(i)), []byte("v"), 0, nil)
	}
	s.Expire([]byte(key(0)), []byte(key(2)))
	s.Expire([]byte(key(0)), []byte(key(4)))
	s.Expire([]byte(key(0)), []byte(key(3)))
	s.Expire([]byte(key(8)), []byte(key(9)))
	s.Commit()
	var got []string
	if err := s.Scan(nil, nil, false, false, func(k, _ []byte) bool {
		got = append(got, string(k))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{key(4), key(5), key(6), key(7), key(9)}; !slices.Equal(got, want) {
		t.Errorf("%q are left, want %q", got, want)
	}
}
