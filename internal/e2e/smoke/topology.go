package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// The topics. All keys are strings.
var (
	data          = ints("data")
	echo          = ints("echo")
	minimum       = ints("min")
	minRaw        = ints("min-raw")
	minSuppressed = ints("min-suppressed")
	maximum       = ints("max")
	dif           = ints("dif")
	sum           = longs("sum")
	cnt           = longs("cnt")
	avg           = topology.NewTopic("avg", serde.String, serde.Float64)
	tagg          = longs("tagg")
	swsRaw        = ints("sws-raw")
	swsSuppressed = ints("sws-suppressed")
)

func ints(name string) topology.Topic[string, int32] {
	return topology.NewTopic(name, serde.String, serde.Int32)
}

func longs(name string) topology.Topic[string, int64] {
	return topology.NewTopic(name, serde.String, serde.Int64)
}

// The input is two days old: brokers would soon delete the changelogs of windows
// by time if they kept them for no more than a day beyond their windows.
var kept = state.ChangelogConfig(map[string]string{"retention.ms": strconv.FormatInt((6 * 24 * time.Hour).Milliseconds(), 10)})

// The stores.
var (
	minWindows = state.Windows("uwin-min", serde.String, serde.Int32, state.Retention(25*time.Hour), kept)
	maxWindows = state.Windows("uwin-max", serde.String, serde.Int32, kept)
	sumWindows = state.Windows("win-sum", serde.String, serde.Int64, kept)
	cntWindows = state.Windows("uwin-cnt", serde.String, serde.Int64, kept)
	swsWindows = state.Windows("sws", serde.String, serde.Int32, kept)
	minStore   = state.KeyValue("min-table", serde.String, serde.Int32)
	maxStore   = state.KeyValue("max-table", serde.String, serde.Int32)
	sumStore   = state.KeyValue("sum-table", serde.String, serde.Int64)
	cntStore   = state.KeyValue("cnt-table", serde.String, serde.Int64)
	cntByCnt   = state.KeyValue("cntByCnt", serde.String, serde.Int64, state.InMemory())
)

const day = 24 * time.Hour

// smoke builds the topology of the smoke test.
func smoke() (*topology.Topology, error) {
	b := stream.NewBuilder()
	source := b.Stream(data)
	source.Filter(notFlush).To(echo)
	grouped := source.GroupByKey()
	aggregates(grouped)
	smallSums(grouped)

	// What was written is read back as tables, so that a task needs the results
	// of other tasks.
	minTable := b.Table(minimum).Materialize(minStore)
	maxTable := b.Table(maximum).Materialize(maxStore)
	sumTable := b.Table(sum).Materialize(sumStore)
	cntTable := b.Table(cnt).Materialize(cntStore)
	maxTable.Join(minTable, func(high, low int32) int32 { return high - low }).
		Via(stream.Of).Filter(notFlush).To(dif)
	sumTable.Join(cntTable, func(sum, n int64) float64 { return float64(sum) / float64(n) }).
		Via(stream.Of).Filter(notFlush).To(avg)
	cntTable.
		GroupBy(func(_ string, n int64) (string, int64) { return strconv.FormatInt(n, 10), 1 }).Named("tagg").
		Aggregate(func() int64 { return 0 },
			func(_ string, n, sum int64) int64 { return sum + n },
			func(_ string, n, sum int64) int64 { return sum - n }, cntByCnt).
		Via(stream.Of).Filter(notFlush).To(tagg)
	return b.Build()
}

// aggregates are the results over windows of days.
func aggregates(g *stream.KGroupedStream[string, int32]) {
	mins := g.WindowedBy(window.Tumbling(day).Grace(time.Minute)).
		Aggregate(func() int32 { return math.MaxInt32 }, func(_ string, v, low int32) int32 { return min(v, low) }, minWindows)
	windowed(mins, minRaw)
	windowed(mins.Suppress(table.UntilWindowCloses()).Named("min-suppress"), minSuppressed)
	unwindowed(mins, minimum)

	days := g.WindowedBy(window.Tumbling(2 * day))
	unwindowed(days.Aggregate(func() int32 { return math.MinInt32 }, func(_ string, v, high int32) int32 { return max(v, high) }, maxWindows), maximum)
	unwindowed(days.Aggregate(func() int64 { return 0 }, func(_ string, v int32, sum int64) int64 { return sum + int64(v) }, sumWindows), sum)
	unwindowed(days.Count(cntWindows), cnt)
}

// smallSums are sums over windows of two seconds that overlap.
func smallSums(g *stream.KGroupedStream[string, int32]) {
	sums := g.WindowedBy(window.Hopping(2*time.Second, time.Second).Grace(30*time.Second)).
		Reduce(func(sum, v int32) int32 { return sum + v }, swsWindows)
	windowed(sums, swsRaw)
	windowed(sums.Suppress(table.UntilWindowCloses()).Named("sws-suppress"), swsSuppressed)
}

// notFlush leaves out the records that only move time.
func notFlush[V any](key string, _ V) bool { return key != "flush" }

// windowed writes a table with its windows in the keys, as text.
func windowed[V any](t *table.KTable[window.Key[string], V], to topology.Topic[string, V]) {
	t.Via(stream.Of).
		Filter(func(k window.Key[string], v V) bool { return notFlush(k.Key, v) }).
		SelectKey(func(k window.Key[string], _ V) string { return fmt.Sprintf("[%s@%d/%d]", k.Key, k.Start, k.End) }).
		To(to)
}

// unwindowed writes a table without its windows.
func unwindowed[V any](t *table.KTable[window.Key[string], V], to topology.Topic[string, V]) {
	t.Via(stream.Of).
		SelectKey(func(k window.Key[string], _ V) string { return k.Key }).
		Filter(notFlush).
		To(to)
}
