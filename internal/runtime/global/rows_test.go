package global

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// rows does what a map does, through any number of resizes.
func TestRowsModel(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r, model := newRows(), make(map[string]string)
		keys := 1 + rng.IntN(3000)
		for i := range 10_000 {
			k := fmt.Sprint(rng.IntN(keys))
			if rng.IntN(4) == 0 {
				r.drop([]byte(k))
				delete(model, k)
			} else {
				v := fmt.Sprint(i, "v")[:rng.IntN(5)%len(fmt.Sprint(i, "v"))]
				r.put([]byte(k), []byte(v))
				model[k] = v
			}
		}
		if r.n != len(model) {
			t.Fatalf("seed %d: %d rows, want %d", seed, r.n, len(model))
		}
		size := 0
		for k, want := range model {
			got, ok := r.get([]byte(k))
			if !ok || string(got) != want {
				t.Fatalf("seed %d: key %s is %q, %t, want %q", seed, k, got, ok, want)
			}
			size += len(k) + len(want) + rowOverhead
		}
		if r.bytes != size {
			t.Errorf("seed %d: %d bytes, want %d", seed, r.bytes, size)
		}
		seen := 0
		r.each(func(e *row) {
			seen++
			if model[e.key] != string(e.value) {
				t.Errorf("seed %d: each has %s = %q", seed, e.key, e.value)
			}
		})
		if seen != len(model) {
			t.Errorf("seed %d: each has %d rows of %d", seed, seen, len(model))
		}
	}
}

// Readers on other goroutines see each key at the value it was last given, or at
// a newer one, and never go back.
func TestRowsReaders(t *testing.T) {
	const keys = 500
	v := &view{}
	v.rows.Store(newRows())
	var written [keys]atomic.Uint64
	value := func(n uint64) []byte { return bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), 3) }
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	var stop atomic.Bool
	var wg sync.WaitGroup
	for reader := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(reader), 2))
			var last [keys]uint64
			for !stop.Load() {
				i := rng.IntN(keys)
				least := max(last[i], written[i].Load())
				got, ok, err := v.Lend(key(i))
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					if least > 0 {
						t.Errorf("key %d is gone", i)
						return
					}
					continue
				}
				n := binary.BigEndian.Uint64(got)
				if n < least || !bytes.Equal(got, value(n)) {
					t.Errorf("key %d is at %d, was at %d", i, n, least)
					return
				}
				last[i] = n
				if rng.IntN(1000) == 0 && !inOrder(t, v) {
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for n := uint64(1); n < 20_000; n++ {
		i := rng.IntN(int(min(n, keys)))
		v.mu.Lock()
		v.put(key(i), value(n))
		if n%3 == 0 { // others come and go
			other := []byte(fmt.Sprint("other", rng.IntN(2000)))
			v.put(other, value(n))
			v.delete([]byte(fmt.Sprint("other", rng.IntN(2000))))
		}
		v.mu.Unlock()
		written[i].Store(n)
	}
	stop.Store(true)
	wg.Wait()
}

// inOrder reads all keys of a view.
func inOrder(t *testing.T, v *view) bool {
	it, err := v.Scan(nil, nil, false)
	if err != nil {
		t.Error(err)
		return false
	}
	defer it.Close()
	last := []byte(nil)
	for it.Next() {
		if last != nil && bytes.Compare(last, it.Key()) >= 0 {
			t.Errorf("key %x is behind %x", it.Key(), last)
			return false
		}
		last = append(last[:0], it.Key()...)
	}
	return true
}

// A scan has the keys of its range, in order, both ways.
func TestScanModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		v, model := &view{}, make(map[string]bool)
		v.rows.Store(newRows())
		word := func() []byte { return fmt.Append(nil, rng.IntN(300)) }
		for range 400 {
			k := word()
			if rng.IntN(3) == 0 {
				v.delete(k)
				delete(model, string(k))
			} else {
				v.put(k, k)
				model[string(k)] = true
			}
			if rng.IntN(50) == 0 {
				v.inOrder() // from now on the tree is kept
			}
		}
		for range 30 {
			lo, hi, reverse := word(), word(), rng.IntN(2) == 0
			if rng.IntN(4) == 0 {
				lo = nil
			}
			if rng.IntN(4) == 0 {
				hi = nil
			}
			var want, got []string
			for k := range model {
				if k >= string(lo) && (hi == nil || k < string(hi)) {
					want = append(want, k)
				}
			}
			slices.Sort(want)
			if reverse {
				slices.Reverse(want)
			}
			it, err := v.Scan(lo, hi, reverse)
			if err != nil {
				t.Fatal(err)
			}
			for it.Next() {
				got = append(got, string(it.Key()))
			}
			it.Close()
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: scan %q to %q reverse %t: %q, want %q", seed, lo, hi, reverse, got, want)
			}
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		v := &view{}
		v.rows.Store(newRows())
		keys := make([][]byte, n)
		for i := range keys {
			keys[i] = fmt.Appendf(nil, "g%06d", i)
			v.put(keys[i], make([]byte, 100))
		}
		rng := rand.New(rand.NewPCG(1, 1))
		rng.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				dst := make([]byte, 0, 200)
				for i := 0; pb.Next(); i++ {
					dst, _, _ = v.Get(dst[:0], keys[i%n])
				}
			})
		})
	}
}
