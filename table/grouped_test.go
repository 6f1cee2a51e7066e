package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

var rows = state.KeyValue("rows", serde.String, serde.String)

// byField puts the value "g|v" into the group g as v.
func byField(_, v string) (string, string) {
	g, rest, _ := strings.Cut(v, "|")
	return g, rest
}

func TestGroupedCount(t *testing.T) {
	counts := state.KeyValue("counts", serde.String, serde.Int64)
	b := stream.NewBuilder()
	b.Table(in).Materialize(rows).GroupBy(byField).Count(counts).To(lengths)
	d := start(t, b)
	send(d, "a=x|1@1", "b=x|2@2", "a=y|1@3", "b@4", "b@5", "a=y|2@2")
	expect(t, read(d, lengths), "x=1@1", "x=2@2", "x=1@3", "y=1@3", "x=0@4", "y=1@3")
}

func TestGroupedReduce(t *testing.T) {
	b := stream.NewBuilder()
	join := func(sum, v string) string { return sum + "+" + v }
	without := func(sum, v string) string { return sum + "-" + v }
	g := b.Table(in).Materialize(rows).GroupBy(byField)
	g.Reduce(join, without, state.KeyValue("sums", serde.String, serde.String)).To(out)
	d := start(t, b)
	send(d, "a=x|1@1", "a=x|2@2", "b=x|3@3", "a=y|4@4")
	expect(t, read(d, out), "x=1@1", "x=1-1+2@2", "x=1-1+2+3@3", "x=1-1+2+3-2@4", "y=4@4")
}

func TestGroupedAggregateDeletes(t *testing.T) {
	b := stream.NewBuilder()
	add := func(_, v string, sum []byte) []byte { return append(slices.Clip(sum), v...) }
	subtract := func(_, v string, sum []byte) []byte {
		if string(sum) == v {
			return nil
		}
		return sum[len(v):]
	}
	bytes := state.KeyValue("sums", serde.String, serde.Bytes)
	g := b.Table(in).Materialize(rows).GroupBy(byField)
	g.Aggregate(func() []byte { return []byte{} }, add, subtract, bytes).To(topology.NewTopic("out", serde.String, serde.Bytes))
	d := start(t, b)
	send(d, "a=x|1@1", "b=x|2@2", "a@3", "b@4")
	expect(t, read(d, out), "x=1@1", "x=12@2", "x=2@3", "x@4")
}

func TestGroupedByNull(t *testing.T) {
	counts := state.KeyValue("counts", serde.Bytes, serde.Int64)
	b := stream.NewBuilder()
	g := b.Table(in).Materialize(rows).GroupBy(func(_, v string) ([]byte, string) {
		if v == "none" {
			return nil, v
		}
		return []byte(v), v
	})
	g.Count(counts).To(topology.NewTopic("out", serde.Bytes, serde.Int64))
	d := start(t, b)
	send(d, "a=x@1", "a=none@2", "b=none@3")
	got := d.Read(topology.NewTopic("out", serde.String, serde.Int64))
	if len(got) != 2 || got[0].Value != 1 || got[1].Value != 0 {
		t.Errorf("got %v", got)
	}
}

// TestGroupedShares checks that aggregates of named groups share a topic.
func TestGroupedShares(t *testing.T) {
	b := stream.NewBuilder()
	g := b.Table(in).Materialize(rows).GroupBy(byField).Named("groups")
	g.Count(state.KeyValue("counts", serde.String, serde.Int64)).Named("counted").To(lengths)
	g.Count(state.KeyValue("counts2", serde.String, serde.Int64)).To(lengths)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if reps := top.Graph().Repartitions; len(reps) != 1 || reps[0].Name != "groups-repartition" {
		t.Errorf("repartition topics are %v", reps)
	}
	for _, name := range []string{"counted-sink", "counted-source", "counted"} {
		if !strings.Contains(top.Describe(), ": "+name+" (") {
			t.Errorf("no node %s in\n%s", name, top)
		}
	}
	d := streamtest.New(t, top)
	send(d, "a=x|1@1")
	expect(t, read(d, lengths), "x=1@1", "x=1@1")
}

func TestGroupedNeedsRows(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).GroupBy(byField).Count(state.KeyValue("counts", serde.String, serde.Int64))
	buildFails(t, b, "the rows of the table are read behind it: give it a store")
}

// TestGroupedModel runs random updates on grouped tables, with and without a
// cache, a filter and a map between, and counts the rows of a map by hand.
func TestGroupedModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { groupedModel(t, seed) })
	}
}

func groupedModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var opts []stream.BuilderOption
	if seed%2 == 0 {
		opts = append(opts, stream.CachedTables())
	}
	b := stream.NewBuilder(opts...)
	table := b.Table(in)
	if seed%3 != 0 {
		table = table.Materialize(rows)
	} else {
		table = table.Filter(contains("|")).Materialize(rows)
	}
	keep := contains("1")
	if seed%5 != 0 {
		keep = contains("|")
	}
	sums := state.KeyValue("sums", serde.String, serde.Int64)
	table.Filter(keep).MapValues(strings.ToUpper).GroupBy(byField).Aggregate(func() int64 { return 0 },
		func(_, v string, n int64) int64 { return n + int64(v[0]) },
		func(_, v string, n int64) int64 { return n - int64(v[0]) }, sums)
	d := start(t, b, streamtest.CacheBytes(1<<20), streamtest.Partitions(1+int(seed%3)))
	model := make(map[string]string)
	for range 200 {
		k, v := fmt.Sprint("k", rng.IntN(6)), fmt.Sprintf("g%d|%d", rng.IntN(4), rng.IntN(3))
		r := topology.Record[string, string]{Key: k, Value: v, NoValue: rng.IntN(4) == 0, Time: time.UnixMilli(rng.Int64N(100))}
		d.SendRecord(in, r)
		if model[k] = v; r.NoValue {
			delete(model, k)
		}
	}
	want := make(map[string]int64)
	for k, v := range model {
		if keep(k, v) {
			g, v := byField("", strings.ToUpper(v))
			want[g] += int64(v[0])
		}
	}
	got := make(map[string]int64)
	for p := range 1 + int(seed%3) {
		for e, err := range sums.In(d.Partition(p)).All() {
			if err != nil {
				t.Fatal(err)
			}
			if e.Value != 0 {
				got[e.Key] += e.Value
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}
