package overlay

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A table holds what a map holds, whatever is added and removed.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tab, want := newTable(), make(map[string]*entry)
	check := func() {
		t.Helper()
		if tab.len() != len(want) {
			t.Fatalf("%d entries, want %d", tab.len(), len(want))
		}
		n := 0
		for e := range tab.all() {
			if n++; want[e.key] != e {
				t.Fatalf("entry %q is not the one added", e.key)
			}
		}
		if n != len(want) {
			t.Fatalf("%d entries found, want %d", n, len(want))
		}
	}
	for i := range 200_000 {
		key := fmt.Appendf(nil, "%d", rng.IntN(1+i%3000))
		e := tab.get(key)
		if e != want[string(key)] {
			t.Fatalf("%q found %v, want %v", key, e, want[string(key)])
		}
		switch {
		case e == nil:
			e = newEntry(key)
			tab.add(e)
			want[e.key] = e
		case rng.IntN(3) > 0:
			tab.remove(e)
			delete(want, e.key)
		}
		if i%10_000 == 0 {
			check()
		}
	}
	check()
	tab.clear()
	clear(want)
	check()
}
