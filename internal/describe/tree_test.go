package describe

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzTree inserts vertices and changes weights between, and checks the rules of
// a red-black tree.
func FuzzTree(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07"))
	f.Add([]byte("zyxwvutsrqponmlkjihgfedcba"))
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 60)
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		var tr tree[*vertex]
		pool := make(map[byte]*vertex)
		for _, op := range ops {
			if v := pool[op&0x3f]; v != nil && op&0x40 != 0 {
				v.weight += int32(op)
				continue
			}
			v := &vertex{node: &Node{Name: string('0' + rune(op&0x3f))}, weight: 1}
			pool[op&0x3f] = v
			tr.add(v)
			if tr.root.red {
				t.Fatal("the root is red")
			}
			checkBranch(t, tr.root)
		}
	})
}

// checkBranch returns the number of black branches on every way down from n.
func checkBranch(t *testing.T, n *branch[*vertex]) int {
	t.Helper()
	if n == nil {
		return 0
	}
	for _, down := range n.down {
		if down != nil && down.up != n {
			t.Fatal("a branch does not know its parent")
		}
		if down != nil && n.red && down.red {
			t.Fatal("a red branch hangs from a red one")
		}
	}
	black := checkBranch(t, n.down[0])
	if right := checkBranch(t, n.down[1]); right != black {
		t.Fatalf("%d black branches on the left, %d on the right", black, right)
	}
	if !n.red {
		black++
	}
	return black
}

func TestTreeSortsWhileWeightsRest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var tr tree[*vertex]
	var want []*vertex
	for i := range 500 {
		v := &vertex{node: &Node{Name: string(rune('0' + i))}, weight: int32(r.IntN(40))}
		want = append(want, v)
		if tr.add(v); tr.add(v) != nil {
			t.Fatal("a member was added again")
		}
	}
	slices.SortFunc(want, (*vertex).compare)
	if got := slices.Collect(tr.all()); !slices.Equal(got, want) {
		t.Error("the members are not in order")
	}
}

// The comparisons are those at the time of insertion: b was heavier than a when
// it came, and stays in front.
func TestTreeKeepsOldComparisons(t *testing.T) {
	var tr tree[*vertex]
	a := &vertex{node: &Node{Name: "a"}, weight: 1}
	b := &vertex{node: &Node{Name: "b"}, weight: 2}
	tr.add(a)
	tr.add(b)
	a.weight = 3
	if got := names(tr); got != "b, a" {
		t.Errorf("got %s, want b, a", got)
	}
}
