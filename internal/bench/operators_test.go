package bench_test

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// The operators below each run alone in a task: decode, operator, encode.
// Keys and values are numbers, so that what is allocated is the operator's.

var (
	left    = topology.NewTopic("left", serde.Int64, serde.Int64)
	right   = topology.NewTopic("right", serde.Int64, serde.Int64)
	sums    = topology.NewTopic("sums", serde.Int64, serde.Int64)
	timed   = topology.NewTopic("timed", serde.TimeWindowed(serde.Int64, 100*time.Millisecond), serde.Int64)
	spanned = topology.NewTopic("spanned", serde.SessionWindowed(serde.Int64), serde.Int64)
)

func add(a, b int64) int64 { return a + b }

func rows(name string) *state.KeyValueSpec[int64, int64] {
	return state.KeyValue(name, serde.Int64, serde.Int64)
}

func frames(name string) *state.WindowsSpec[int64, int64] {
	return state.Windows(name, serde.Int64, serde.Int64)
}

var (
	tumble = window.Tumbling(100 * time.Millisecond).Grace(time.Second)
	near   = join.Within(20 * time.Millisecond).Grace(100 * time.Millisecond)
)

// operator is one to measure. allocs is what it may allocate for each record,
// with the reason.
type operator struct {
	name   string
	inputs []string
	allocs float64
	build  func(b *stream.Builder)
}

var (
	one = []string{"left"}
	two = []string{"left", "right"}
)

var operators = []operator{
	{"filter", one, 0, func(b *stream.Builder) { b.Stream(left).Filter(func(k, v int64) bool { return v >= 0 }).To(sums) }},
	{"map values", one, 0, func(b *stream.Builder) { b.Stream(left).MapValues(func(v int64) int64 { return v + 1 }).To(sums) }},
	{"map", one, 0, func(b *stream.Builder) {
		b.Stream(left).Map(func(k, v int64) (int64, int64) { return v, k }).To(sums)
	}},
	// The sequence that the function returns captures the value, and the loop's body captures the record: 3 closures.
	{"flat map values", one, 1, func(b *stream.Builder) {
		b.Stream(left).FlatMapValues(func(v int64) iter.Seq[int64] { return func(yield func(int64) bool) { yield(v) } }).To(sums)
	}},
	{"merge", two, 0, func(b *stream.Builder) { b.Stream(left).Merge(b.Stream(right)).To(sums) }},
	{"count", one, 0, func(b *stream.Builder) { b.Stream(left).GroupByKey().Count(rows("counts")).To(sums) }},
	{"reduce", one, 0, func(b *stream.Builder) { b.Stream(left).GroupByKey().Reduce(add, rows("sums")).To(sums) }},
	{"aggregate", one, 0, func(b *stream.Builder) {
		b.Stream(left).GroupByKey().Aggregate(func() int64 { return 0 }, func(_, v, sum int64) int64 { return sum + v }, rows("sums")).To(sums)
	}},
	// A window that begins is a new entry, in the tree of those that are read by range too.
	{"tumbling count", one, 2, func(b *stream.Builder) {
		b.Stream(left).GroupByKey().WindowedBy(tumble).Count(frames("counts")).To(timed)
	}},
	{"hopping count by 4", one, 9, func(b *stream.Builder) {
		b.Stream(left).GroupByKey().WindowedBy(window.Hopping(100*time.Millisecond, 25*time.Millisecond).Grace(time.Second)).Count(frames("counts")).To(timed)
	}},
	// A session that grows is another entry.
	{"session count", one, 8, func(b *stream.Builder) {
		b.Stream(left).GroupByKey().WindowedBySession(window.Session(50 * time.Millisecond).Grace(time.Second)).
			Count(state.Sessions("counts", serde.Int64, serde.Int64)).To(spanned)
	}},
	{"suppress", one, 6, func(b *stream.Builder) {
		b.Stream(left).GroupByKey().WindowedBy(tumble).Count(frames("counts")).Suppress(table.UntilWindowCloses()).Named("final").To(timed)
	}},
	// Each record of either side is a new entry of its buffer.
	{"stream-stream join", two, 6, func(b *stream.Builder) { b.Stream(left).Join(b.Stream(right), "join", near, add).To(sums) }},
	{"stream-table join", two, 0, func(b *stream.Builder) {
		b.Stream(left).JoinTable(b.Table(right).Materialize(rows("rows")), add).To(sums)
	}},
	{"table-table join", two, 0, func(b *stream.Builder) {
		b.Table(left).Materialize(rows("left")).Join(b.Table(right).Materialize(rows("right")), add).To(sums)
	}},
}

const operatorKeys = 10_000

// numbers are batches of records with keys at random, for each input: a batch
// is a millisecond times ten.
func numbers(topics []string, n int) map[string][][]flow.Origin {
	rng := rand.New(rand.NewPCG(1, 2))
	all := make(map[string][][]flow.Origin)
	for _, topic := range topics {
		all[topic] = make([][]flow.Origin, n)
		for i := range n {
			batch := make([]flow.Origin, benchBatch)
			for j := range batch {
				batch[j] = flow.Origin{
					Topic: topic, Key: binary.BigEndian.AppendUint64(nil, rng.Uint64N(operatorKeys)), Value: binary.BigEndian.AppendUint64(nil, 1),
				}
			}
			all[topic][i] = batch
		}
	}
	return all
}

func builds(f func(b *stream.Builder)) func() (*topology.Topology, error) {
	return func() (*topology.Topology, error) {
		b := stream.NewBuilder()
		f(b)
		return b.Build()
	}
}

// feeder gives a task batch after batch.
type feeder struct {
	h      *harness
	inputs []string
	all    map[string][][]flow.Origin
	i      int
}

func newFeeder(b testing.TB, o operator) *feeder {
	h := newHarness(b, builds(o.build), o.inputs...)
	return &feeder{h: h, inputs: o.inputs, all: numbers(o.inputs, 64)}
}

// feed processes a batch of each input, and commits now and then.
func (f *feeder) feed(b testing.TB) int {
	n := 0
	for _, topic := range f.inputs {
		batch := f.all[topic][f.i%64]
		for j := range batch {
			batch[j].Time, batch[j].Offset = int64(f.i*10+j/100), int64(f.i*benchBatch+j)
		}
		if err := f.h.t.Add(topic, batch, -1); err != nil {
			b.Fatal(err)
		}
		n += len(batch)
	}
	for f.h.t.HasRecords() {
		if _, err := f.h.t.Process(benchBatch); err != nil {
			b.Fatal(err)
		}
	}
	if f.i++; f.i%benchCommit == 0 {
		f.h.commit(b)
	}
	return n
}

// BenchmarkOperator is each operator alone in a task; an op is a record.
func BenchmarkOperator(b *testing.B) {
	for _, o := range operators {
		b.Run(o.name, func(b *testing.B) {
			f := newFeeder(b, o)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; {
				n += f.feed(b)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// TestOperatorAllocations holds the operators to what they may allocate.
func TestOperatorAllocations(t *testing.T) {
	for _, o := range operators {
		t.Run(o.name, func(t *testing.T) {
			f := newFeeder(t, o)
			for range 30 { // until all keys are there
				f.feed(t)
			}
			f.h.commit(t)
			records := float64(len(o.inputs) * benchBatch)
			per := testing.AllocsPerRun(5, func() { f.feed(t) }) / records
			t.Logf("%.3f allocations for each record", per)
			if per > o.allocs+0.05 {
				t.Errorf("%.3f allocations for each record, want %.1f at most", per, o.allocs)
			}
		})
	}
}
