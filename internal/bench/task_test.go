package bench_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	events = topology.NewTopic("events", serde.String, serde.String)
	totals = topology.NewTopic("totals", serde.String, serde.Int64)
)

func counting() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(events).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64)).To(totals)
	return b.Build()
}

// harness is a task over a discarding collector and Pebble.
type harness struct {
	t      *task.Task
	stores []*graph.Store
	sent   map[string]int64
}

func newHarness(b testing.TB, build func() (*topology.Topology, error), inputs ...string) *harness {
	b.Helper()
	opener := pebble.New(pebble.Options{})
	b.Cleanup(func() {
		if err := opener.Close(); err != nil {
			b.Error(err)
		}
	})
	return harnessOver(b, build, func(c *task.Config) { c.Persistent, c.Dir = opener, b.TempDir()+"/0_0" }, inputs...)
}

// harnessOver is newHarness with changes to the task's config.
func harnessOver(b testing.TB, build func() (*topology.Topology, error), change func(*task.Config), inputs ...string) *harness {
	b.Helper()
	top, err := build()
	if err != nil {
		b.Fatal(err)
	}
	g := top.Graph()
	h := &harness{sent: make(map[string]int64), stores: g.Subtopologies[0].Stores}
	c := task.Config{
		App: "bench", Nodes: g.Subtopologies[0].Nodes, Stores: g.Subtopologies[0].Stores,
		Emit: func(o *graph.Output) error {
			h.sent[o.Topic]++
			return nil
		},
		Partitions: func(string) (int32, error) { return 4, nil },
		Clock:      func() int64 { return 0 },
		LayerBytes: 32 << 20,
	}
	change(&c)
	h.t, err = task.New(c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := h.t.Close(true); err != nil {
			b.Error(err)
		}
	})
	for i, name := range inputs {
		if err := h.t.AddInput(name, g.Subtopologies[0].Sources()[i], -1, -1); err != nil {
			b.Fatal(err)
		}
	}
	if err := h.t.Start(); err != nil {
		b.Fatal(err)
	}
	return h
}

// take processes a batch of an input.
func (h *harness) take(b testing.TB, topic string, batch []flow.Origin) {
	if err := h.t.Add(topic, batch, -1); err != nil {
		b.Fatal(err)
	}
	if _, err := h.t.Process(benchBatch); err != nil {
		b.Fatal(err)
	}
}

// allocations is how often a record of events allocates, once there is room for
// what they need.
func (h *harness) allocations(t *testing.T) float64 {
	all := batches("events", 4)
	i := 0
	feed := func() {
		h.take(t, "events", all[i%len(all)])
		i++
	}
	for range all {
		feed()
	}
	return testing.AllocsPerRun(8, feed) / benchBatch
}

func (h *harness) commit(b testing.TB) {
	if err := h.t.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := h.t.WriteChangelog(); err != nil {
		b.Fatal(err)
	}
	if err := h.t.Committed(func(topic string) (int64, bool) { return h.sent[topic], true }); err != nil {
		b.Fatal(err)
	}
}

const (
	benchKeys   = 100_000
	benchBatch  = 1000
	benchCommit = 100 // batches
)

// batches are input records as the bench beside the project has them: uniform
// keys and values of 100 bytes.
func batches(topic string, n int) [][]flow.Origin {
	rng := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, 100)
	all := make([][]flow.Origin, n)
	for i := range all {
		all[i] = make([]flow.Origin, benchBatch)
		for j := range all[i] {
			all[i][j] = flow.Origin{Topic: topic, Offset: int64(i*benchBatch + j), Time: int64(i),
				Key: fmt.Appendf(nil, "user%08d", rng.IntN(benchKeys)), Value: value}
		}
	}
	return all
}

// BenchmarkTaskCount is a whole task: decode, count in the state layers and
// Pebble, changelog, encode. ns/op is per record.
func BenchmarkTaskCount(b *testing.B) {
	h := newHarness(b, counting, "events")
	runBatches(b, h, "events", batches("events", 256))
}

// A count makes a string of the key. The value, which it does not look at, stays
// the bytes that it was fetched as.
func TestTaskAllocations(t *testing.T) {
	if per := newHarness(t, counting, "events").allocations(t); per > 1.02 {
		t.Errorf("%.3f allocations for each record, want 1", per)
	}
}

// BenchmarkTaskCountDebug is BenchmarkTaskCount with what MetricsDebug counts.
// What the level info counts is always counted.
func BenchmarkTaskCountDebug(b *testing.B) {
	opener := pebble.New(pebble.Options{})
	b.Cleanup(func() {
		if err := opener.Close(); err != nil {
			b.Error(err)
		}
	})
	h := harnessOver(b, counting, func(c *task.Config) {
		c.Persistent, c.Dir = opener, b.TempDir()+"/0_0"
		c.Measure = measure.NewTask("0_0")
		c.Measure.Debug = true
	}, "events")
	runBatches(b, h, "events", batches("events", 256))
}

func runBatches(b *testing.B, h *harness, topic string, all [][]flow.Origin) {
	b.ReportAllocs()
	b.ResetTimer()
	for n, i := 0, 0; n < b.N; n, i = n+benchBatch, i+1 {
		h.take(b, topic, all[i%len(all)])
		if i%benchCommit == benchCommit-1 {
			h.commit(b)
		}
	}
	h.commit(b)
}

// BenchmarkMapCount is the floor of BenchmarkTaskCount: the counts in a Go map.
func BenchmarkMapCount(b *testing.B) {
	all := batches("events", 256)
	counts := make(map[string]int64)
	b.ReportAllocs()
	b.ResetTimer()
	for n, i := 0, 0; n < b.N; n, i = n+benchBatch, i+1 {
		for j := range all[i%len(all)] {
			counts[string(all[i%len(all)][j].Key)]++
		}
	}
}
