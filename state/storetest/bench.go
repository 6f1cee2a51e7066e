package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

const (
	benchKeys  = 200_000
	benchBatch = 1000
	benchValue = 100 // bytes
)

// Benchmark measures gets, batches of 1000 sets and scans of 100 over 200,000
// keys of 16 and values of 100 bytes. Times of sets and scans are per entry.
func Benchmark(b *testing.B, open func(b *testing.B) engine.Engine) {
	e := open(b)
	defer e.Close()
	value := make([]byte, benchValue)
	for i := 0; i < benchKeys; i += benchBatch {
		setBatch(b, e, i, value)
	}
	if err := e.Flush(); err != nil {
		b.Fatal(err)
	}
	b.Run("Get", func(b *testing.B) { benchmarkGet(b, e, 0) })
	b.Run("GetNone", func(b *testing.B) { benchmarkGet(b, e, benchKeys) })
	b.Run("Set", func(b *testing.B) {
		b.ReportAllocs()
		rnd := rand.New(rand.NewPCG(1, 2))
		for n := 0; n < b.N; n += benchBatch {
			setBatch(b, e, rnd.IntN(benchKeys/benchBatch)*benchBatch, value)
		}
	})
	b.Run("Scan", func(b *testing.B) { benchmarkScan(b, e) })
}

func benchKey(dst []byte, i int) []byte { return fmt.Appendf(dst[:0], "key-%012d", i) }

// setBatch writes the keys from i on, in order as a write-out does.
func setBatch(b *testing.B, e engine.Engine, i int, value []byte) {
	batch := e.NewBatch()
	var key []byte
	for j := range benchBatch {
		key = benchKey(key, i+j)
		batch.Set(key, value)
	}
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
}

// shuffled returns keys in random order, beginning at first.
func shuffled(first int) [][]byte {
	rnd := rand.New(rand.NewPCG(1, 3))
	keys := make([][]byte, 1<<14)
	for i := range keys {
		keys[i] = benchKey(nil, first+rnd.IntN(benchKeys))
	}
	return keys
}

func benchmarkGet(b *testing.B, e engine.Engine, first int) {
	keys := shuffled(first)
	dst := make([]byte, 0, benchValue)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, ok, err := e.Get(dst, keys[i%len(keys)])
		if err != nil || ok != (first == 0) {
			b.Fatal(ok, err)
		}
		i++
	}
}

func benchmarkScan(b *testing.B, e engine.Engine) {
	const entries = 100
	keys := shuffled(0)
	b.ReportAllocs()
	for n := 0; n < b.N; n += entries {
		it, err := e.Scan(keys[n/entries%len(keys)], nil, false)
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < entries && it.Next(); i++ {
			_ = it.Value()
		}
		if err := it.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
