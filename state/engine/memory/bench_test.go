package memory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/storetest"
)

func BenchmarkEngine(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) engine.Engine { return open(b) })
}

// BenchmarkMap is the floor: a map without order.
func BenchmarkMap(b *testing.B) {
	const keys = 200_000
	m := make(map[string][]byte)
	var all [][]byte
	for i := range keys {
		k := fmt.Appendf(nil, "key-%012d", i)
		all = append(all, k)
		m[string(k)] = make([]byte, 100)
	}
	rand.Shuffle(keys, func(i, j int) { all[i], all[j] = all[j], all[i] })
	b.Run("Get", func(b *testing.B) {
		dst := make([]byte, 0, 100)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if v := append(dst, m[string(all[i%keys])]...); len(v) != 100 {
				b.Fatal(len(v))
			}
			i++
		}
	})
	b.Run("Set", func(b *testing.B) {
		value := make([]byte, 100)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			m[string(all[i%keys])] = append([]byte(nil), value...)
			i++
		}
	})
}

func TestGetAllocatesNothing(t *testing.T) {
	e := open(t)
	b := e.NewBatch()
	b.Set([]byte("k"), make([]byte, 100))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	key, dst := []byte("k"), make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() {
		if _, ok, err := e.Get(dst, key); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per get", n)
	}
}
