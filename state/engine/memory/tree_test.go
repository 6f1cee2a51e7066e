package memory

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

// A tree of several levels, whole subtrees deleted, and snapshots that share
// the rest.
func TestDeepTree(t *testing.T) {
	for seed := range uint64(5) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		e, err := Opener{}.Open("")
		if err != nil {
			t.Fatal(err)
		}
		key := func() string { return fmt.Sprintf("%06d", rnd.IntN(300_000)) }
		state := map[string]string{}
		var snaps []engine.Snapshot
		var states []map[string]string
		for round := range 12 {
			b := e.NewBatch()
			for range 10_000 {
				k := key()
				b.Set([]byte(k), []byte(k))
				state[k] = k
			}
			for range 3 {
				lo, hi := key(), key()
				b.DeleteRange([]byte(lo), []byte(hi))
				maps.DeleteFunc(state, func(k, _ string) bool { return k >= lo && k < hi })
			}
			if err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			checkTree(t, e, state)
			if round%3 == 0 {
				snap, err := e.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				snaps, states = append(snaps, snap), append(states, maps.Clone(state))
			}
		}
		for i, snap := range snaps {
			checkTree(t, snap, states[i])
			if err := snap.Close(); err != nil {
				t.Error(err)
			}
		}
		b := e.NewBatch()
		b.DeleteRange(nil, []byte("x"))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		checkTree(t, e, nil)
		if n := e.(*DB).Len(); n != 0 {
			t.Errorf("seed %d: %d keys left", seed, n)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func checkTree(t *testing.T, r engine.Reader, state map[string]string) {
	t.Helper()
	want := slices.Sorted(maps.Keys(state))
	for _, reverse := range []bool{false, true} {
		it, err := r.Scan(nil, nil, reverse)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; it.Next(); n++ {
			if n >= len(want) || string(it.Key()) != want[n] {
				t.Fatalf("key %d: %s", n, it.Key())
			}
		}
		if n != len(want) {
			t.Fatalf("%d keys, want %d", n, len(want))
		}
		if err := it.Close(); err != nil {
			t.Error(err)
		}
		slices.Reverse(want)
	}
}

// Without a pin a commit writes in place; with one it makes a copy once.
func TestCopyOnlyWhenPinned(t *testing.T) {
	e, _ := Opener{}.Open("")
	d := e.(*DB)
	write := func() {
		b := d.NewBatch()
		b.Set([]byte("a"), []byte("1"))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	write()
	first := d.view
	write()
	if d.view != first {
		t.Error("a commit copied the tree that nobody had pinned")
	}
	snap, err := d.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	write()
	second := d.view
	write()
	if second == first || d.view != second {
		t.Error("a pinned tree has to be copied, once")
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	if n := first.pins.Load(); n != 0 {
		t.Errorf("%d pins left", n)
	}
}
