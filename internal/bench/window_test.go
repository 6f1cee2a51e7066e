package bench_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// The benchmarks below compare a window store with 1 million live windows with
// the floor, Pebble's own put and get of the same keys and values. Both have
// them on disk, and work on random ones.

const (
	liveKeys    = 10_000
	livePerKey  = 100
	liveSize    = 1000 // milliseconds
	layersBytes = 32 << 20
	commitEach  = 10_000 // writes
)

// windowBed is a window store over Pebble, written out as a task does it.
type windowBed struct {
	graph.Instance
	engine engine.Engine
	layers *overlay.Store
	store  *state.WindowStore[int64, int64]
	meta   flow.Meta
	writes int
}

func (w *windowBed) Now() (*flow.Origin, int64, serde.Headers) { return nil, w.meta.Time, nil }
func (w *windowBed) Meta() *flow.Meta                          { return &w.meta }

func (w *windowBed) commit(b testing.TB) {
	w.layers.Commit()
	if all, _ := w.layers.Bytes(); all > layersBytes {
		w.writeOut(b)
	}
}

func (w *windowBed) writeOut(b testing.TB) {
	batch := w.engine.NewBatch()
	w.layers.WriteOut(batch)
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
	w.layers.Written(w.engine, true)
}

func (w *windowBed) put(b testing.TB, k window.Key[int64], v int64) {
	if _, _, err := w.store.Update(k, v, true, k.Start, nil); err != nil {
		b.Fatal(err)
	}
	if w.writes++; w.writes%commitEach == 0 {
		w.commit(b)
	}
}

func openEngine(b testing.TB) engine.Engine {
	opener := pebble.New(pebble.Options{})
	e, err := opener.Open(b.TempDir() + "/0_0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
		if err := opener.Close(); err != nil {
			b.Error(err)
		}
	})
	return e
}

func newWindowBed(b testing.TB) *windowBed {
	def := state.Windows("w", serde.Int64, serde.Int64, state.Retention(time.Hour)).Define()
	w := &windowBed{engine: openEngine(b), layers: overlay.New(def.Layout, []byte{0, 1}, def.Ordered)}
	w.layers.KeepNewest()
	w.layers.SetBase(w.engine)
	store, err := def.Open(graph.Opening{Store: def, Instance: w, Layers: w.layers})
	if err != nil {
		b.Fatal(err)
	}
	w.store = store.(*state.WindowStore[int64, int64])
	for at := range int64(livePerKey) {
		for k := range int64(liveKeys) {
			w.put(b, window.Key[int64]{Key: k, Start: at * liveSize}, k)
		}
	}
	w.layers.Commit()
	w.writeOut(b)
	return w
}

func liveWindow(rng *rand.Rand) window.Key[int64] {
	return window.Key[int64]{Key: rng.Int64N(liveKeys), Start: rng.Int64N(livePerKey) * liveSize}
}

func BenchmarkWindowPut(b *testing.B) {
	w, rng := newWindowBed(b), rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		w.put(b, liveWindow(rng), 1)
	}
}

func BenchmarkWindowFetch(b *testing.B) {
	w, rng := newWindowBed(b), rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok, err := w.store.Find(liveWindow(rng)); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkWindowFetchRange reads the five windows of a key around a time.
func BenchmarkWindowFetchRange(b *testing.B) {
	w, rng := newWindowBed(b), rand.New(rand.NewPCG(1, 2))
	n := 0
	count := func(int64, int64, int64) bool { n++; return true }
	b.ReportAllocs()
	for b.Loop() {
		k := liveWindow(rng)
		if err := w.store.Each(k.Key, k.Start, k.Start+4*liveSize, false, count); err != nil {
			b.Fatal(err)
		}
	}
	if n == 0 {
		b.Fatal("no windows")
	}
}

// pebbleBed is the same million entries in Pebble and nothing else.
func pebbleBed(b testing.TB) engine.Engine {
	e := openEngine(b)
	for at := range int64(livePerKey) {
		batch := e.NewBatch()
		for k := range int64(liveKeys) {
			batch.Set(plainKey(nil, window.Key[int64]{Key: k, Start: at * liveSize}), plainKey(nil, window.Key[int64]{Key: at, Start: k}))
		}
		if err := batch.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

func plainKey(b []byte, k window.Key[int64]) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b[:0], uint64(k.Key)), uint64(k.Start))
}

// BenchmarkPebblePut is the floor of BenchmarkWindowPut: each put by itself.
func BenchmarkPebblePut(b *testing.B) {
	e, rng := pebbleBed(b), rand.New(rand.NewPCG(1, 2))
	var key []byte
	b.ReportAllocs()
	for b.Loop() {
		key = plainKey(key, liveWindow(rng))
		batch := e.NewBatch()
		batch.Set(key, key)
		if err := batch.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPebbleBatch is BenchmarkPebblePut in batches as large as the commits of
// BenchmarkWindowPut.
func BenchmarkPebbleBatch(b *testing.B) {
	e, rng := pebbleBed(b), rand.New(rand.NewPCG(1, 2))
	var key []byte
	batch := e.NewBatch()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		k := liveWindow(rng)
		key = plainKey(key, k)
		batch.Set(key, key)
		if n++; n%commitEach == 0 {
			if err := batch.Commit(); err != nil {
				b.Fatal(err)
			}
			batch = e.NewBatch()
		}
	}
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPebbleGet is the floor of BenchmarkWindowFetch.
func BenchmarkPebbleGet(b *testing.B) {
	e, rng := pebbleBed(b), rand.New(rand.NewPCG(1, 2))
	var key, value []byte
	b.ReportAllocs()
	for b.Loop() {
		key = plainKey(key, liveWindow(rng))
		var ok bool
		var err error
		if value, ok, err = e.Get(value[:0], key); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

// windowed builds one of the windowed counts below.
func windowed(count func(g *stream.KGroupedStream[string, string])) func() (*topology.Topology, error) {
	return func() (*topology.Topology, error) {
		b := stream.NewBuilder()
		count(b.Stream(events).GroupByKey())
		return b.Build()
	}
}

var (
	windowTotals  = topology.NewTopic("totals", serde.TimeWindowed(serde.String, 100*time.Millisecond), serde.Int64)
	sessionTotals = topology.NewTopic("totals", serde.SessionWindowed(serde.String), serde.Int64)
	windowCounts  = func() *state.WindowsSpec[string, int64] { return state.Windows("counts", serde.String, serde.Int64) }
)

// BenchmarkTaskWindows is a whole task that counts by windows. ns/op is per record.
func BenchmarkTaskWindows(b *testing.B) {
	tumbling := window.Tumbling(100 * time.Millisecond).Grace(time.Second)
	for name, build := range map[string]func(g *stream.KGroupedStream[string, string]){
		"tumbling": func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(tumbling).Count(windowCounts()).To(windowTotals)
		},
		"tumbling, final": func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(tumbling).EmitOnClose().Count(windowCounts()).To(windowTotals)
		},
		"hopping by 4": func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(window.Hopping(100*time.Millisecond, 25*time.Millisecond)).Count(windowCounts()).To(windowTotals)
		},
		"sliding": func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(window.Sliding(100 * time.Millisecond)).Count(windowCounts()).To(windowTotals)
		},
		"session": func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBySession(window.Session(100 * time.Millisecond)).
				Count(state.Sessions("counts", serde.String, serde.Int64)).To(sessionTotals)
		},
	} {
		b.Run(name, func(b *testing.B) {
			h := newHarness(b, windowed(build), "events")
			runTimed(b, h, batches("events", 256))
		})
	}
}

// runTimed is runBatches with times that go on: a batch every 10 milliseconds.
func runTimed(b *testing.B, h *harness, all [][]flow.Origin) {
	b.ReportAllocs()
	b.ResetTimer()
	for n, i := 0, 0; n < b.N; n, i = n+benchBatch, i+1 {
		batch := all[i%len(all)]
		for j := range batch {
			batch[j].Time, batch[j].Offset = int64(i*10), int64(n+j)
		}
		h.take(b, "events", batch)
		if i%benchCommit == benchCommit-1 {
			h.commit(b)
		}
	}
	h.commit(b)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/record")
}
