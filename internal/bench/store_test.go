package bench_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
)

// typed returns the typed store of a counting task and the task's harness.
func typed(b testing.TB) (*state.KeyValueStore[int64, int64], *harness) {
	b.Helper()
	h := newHarness(b, builds(func(sb *stream.Builder) {
		sb.Stream(left).GroupByKey().Count(rows("counts")).To(sums)
	}), "left")
	var store *graph.Store
	for _, s := range h.stores {
		store = s
	}
	v, err := h.t.Store(store)
	if err != nil {
		b.Fatal(err)
	}
	return v.(*state.KeyValueStore[int64, int64]), h
}

const storeKeys = 100_000

func randomKeys() []int64 {
	rng := rand.New(rand.NewPCG(3, 4))
	keys := make([]int64, 1<<16)
	for i := range keys {
		keys[i] = rng.Int64N(storeKeys)
	}
	return keys
}

func filled(b testing.TB) (*state.KeyValueStore[int64, int64], *harness) {
	s, h := typed(b)
	for k := range int64(storeKeys) {
		if err := s.Put(k, k); err != nil {
			b.Fatal(err)
		}
	}
	h.commit(b)
	return s, h
}

// BenchmarkStorePut is a put into a typed store over its layers and Pebble, with
// its share of commits and changelog. Its floors are BenchmarkPebblePut and
// BenchmarkMapPut.
func BenchmarkStorePut(b *testing.B) {
	s, h := filled(b)
	keys := randomKeys()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Put(keys[i%len(keys)], int64(i)); err != nil {
			b.Fatal(err)
		}
		if i%(10*benchBatch) == 0 {
			h.commit(b)
		}
	}
}

// BenchmarkStoreGet is a get from the layers. Its floors are BenchmarkPebbleGet
// and BenchmarkMapGet.
func BenchmarkStoreGet(b *testing.B) {
	s, _ := filled(b)
	keys := randomKeys()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok, err := s.Get(keys[i%len(keys)]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkMapPut(b *testing.B) {
	m, keys := make(map[int64]int64), randomKeys()
	for i := 0; b.Loop(); i++ {
		m[keys[i%len(keys)]] = int64(i)
	}
}

func BenchmarkMapGet(b *testing.B) {
	m, keys := make(map[int64]int64), randomKeys()
	for k := range int64(storeKeys) {
		m[k] = k
	}
	sum := int64(0)
	for i := 0; b.Loop(); i++ {
		sum += m[keys[i%len(keys)]]
	}
	if sum == 0 {
		b.Fatal("nothing found")
	}
}

// BenchmarkRestore takes changelog records of ever new keys into a store, as a
// restore does: the layers fill and are written to Pebble in sorted batches. An
// op is a record. BenchmarkPebbleBatch is its floor.
func BenchmarkRestore(b *testing.B) {
	_, h := typed(b)
	const n = 10_000
	batch := make([]overlay.Record, n)
	value := make([]byte, 8)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += n {
		for j := range batch {
			key := uint64(i+j) * 0x9e3779b97f4a7c15
			batch[j] = overlay.Record{Key: binary.BigEndian.AppendUint64(batch[j].Key[:0], key), Value: value}
		}
		if err := h.t.Restore("counts", batch, int64(i+n)); err != nil {
			b.Fatal(err)
		}
	}
}
