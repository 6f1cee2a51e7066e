package task

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type item struct{ key, id int64 }

func TestHeapOrder(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		h := heap[item]{key: func(i item) int64 { return i.key }}
		var keys []int64
		for id := range int64(rng.IntN(40)) {
			k := rng.Int64N(10)
			keys = append(keys, k)
			h.push(item{k, id})
		}
		slices.Sort(keys)
		for _, want := range keys {
			if got := h.pop(); got.key != want {
				t.Fatalf("seed %d: popped %d, want %d", seed, got.key, want)
			}
		}
		if h.len() != 0 {
			t.Fatalf("seed %d: %d left", seed, h.len())
		}
	}
}

// TestHeapTies pins the order of equal keys to that of java.util.PriorityQueue:
// for a, b, c, d with one key it is a, d, c, b.
func TestHeapTies(t *testing.T) {
	h := heap[item]{key: func(i item) int64 { return i.key }}
	for id := range int64(4) {
		h.push(item{7, id})
	}
	var got []int64
	for h.len() > 0 {
		got = append(got, h.pop().id)
	}
	if want := []int64{0, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("order is %v, want %v", got, want)
	}
}
