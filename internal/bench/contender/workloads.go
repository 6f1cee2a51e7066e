package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// texts is a topic of texts.
func texts(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

// numbers is a topic of counts.
func numbers(name string) topology.Topic[string, int64] {
	return topology.NewTopic(name, serde.String, serde.Int64)
}

// counts is the handle of a store of counts.
func counts() *state.KeyValueSpec[string, int64] {
	return state.KeyValue("counts", serde.String, serde.Int64)
}

// workload builds the topology of one workload. in and out are its topics
// without what a workload with several inputs adds.
type workload func(b *stream.Builder, in func(suffix string) string, out string)

// workloads are those of the bench's contract.
var workloads = map[string]workload{
	"passthrough":   passthrough,
	"latency":       passthrough,
	"rebalance":     passthrough,
	"filter-map":    filterMap,
	"count":         count,
	"latency-count": count,
	"restore":       count,
	"startup":       count,
	"many-tasks":    count,
	"wordcount":     wordcount,

	"tumbling": windowed(window.Tumbling(minute).Grace(grace)),
	"hopping":  windowed(window.Hopping(minute, hop).Grace(grace)),
	"suppress": suppressed,
	"session":  sessions,

	"stream-stream-join": streamStreamJoin,
	"stream-table-join":  streamTableJoin,
	"table-table-join":   tableTableJoin,
	"fk-join":            foreignJoin,
	"global-join":        globalJoin,
}

const (
	minute = time.Minute
	hop    = 10 * time.Second
	grace  = 10 * time.Second
	gap    = 10 * time.Second
	within = 5 * time.Second
)

func build(name, app string, cached bool) (*topology.Topology, error) {
	w := workloads[name]
	if w == nil {
		return nil, fmt.Errorf("no such workload: %s", name)
	}
	var opts []stream.BuilderOption
	if cached {
		opts = append(opts, stream.CachedTables())
	}
	b := stream.NewBuilder(opts...)
	w(b, func(suffix string) string { return "bench-" + name + "-" + suffix }, "bench-"+name+"-out-"+app)
	return b.Build()
}

func passthrough(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("in"))).
		MapValues(func(v string) string { return "P" + v[1:] }).
		To(texts(out))
}

func filterMap(b *stream.Builder, in func(string) string, out string) {
	seen := 0
	b.Stream(texts(in("in"))).
		Filter(func(_, v string) bool { return v[19] != '0' }).
		MapValues(func(v string) string { return v[:20] + "#" + v[20:] }).
		FilterNot(func(_, v string) bool { return v[11:13] == "13" }).
		Map(func(k, v string) (string, string) { return k, k + ":" + v }).
		FlatMapValues(func(v string) iter.Seq[string] { return func(yield func(string) bool) { yield(v) } }).
		Peek(func(_, v string) { seen += len(v) }).
		To(texts(out))
}

func count(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("in"))).GroupByKey().Count(counts()).To(numbers(out))
}

func wordcount(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("in"))).
		FlatMapValues(func(v string) iter.Seq[string] { return strings.SplitSeq(v, " ") }).
		GroupBy(func(_, word string) string { return word }).
		Count(counts()).
		To(numbers(out))
}

// windowed counts by windows; the output's key is key@start.
func windowed(w window.Window) workload {
	return func(b *stream.Builder, in func(string) string, out string) {
		b.Stream(texts(in("in"))).GroupByKey().
			WindowedBy(w).
			Count(state.Windows("counts", serde.String, serde.Int64)).
			Via(stream.Of).
			SelectKey(start).
			To(numbers(out))
	}
}

func start(k window.Key[string], _ int64) string {
	return k.Key + "@" + strconv.FormatInt(k.Start, 10)
}

func suppressed(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("in"))).GroupByKey().
		WindowedBy(window.Tumbling(minute).Grace(grace)).
		Count(state.Windows("counts", serde.String, serde.Int64)).
		Suppress(table.UntilWindowCloses()).Named("final").
		Via(stream.Of).
		SelectKey(start).
		To(numbers(out))
}

func sessions(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("in"))).GroupByKey().
		WindowedBySession(window.Session(gap).Grace(grace)).
		Count(state.Sessions("counts", serde.String, serde.Int64)).
		Via(stream.Of).
		SelectKey(func(k window.Key[string], n int64) string { return start(k, n) + "@" + strconv.FormatInt(k.End, 10) }).
		To(numbers(out))
}

func streamStreamJoin(b *stream.Builder, in func(string) string, out string) {
	b.Stream(texts(in("left"))).
		Join(b.Stream(texts(in("right"))), "join", join.Within(within).Grace(grace),
			func(l, r string) string { return l[:10] + "|" + r }).
		To(texts(out))
}

func streamTableJoin(b *stream.Builder, in func(string) string, out string) {
	rows := b.Table(texts(in("table"))).Materialize(state.KeyValue("rows", serde.String, serde.String))
	b.Stream(texts(in("in"))).JoinTable(rows, enrich).To(texts(out))
}

func enrich(v, row string) string { return v[:50] + "|" + row[:49] }

func tableTableJoin(b *stream.Builder, in func(string) string, out string) {
	left := b.Table(texts(in("left"))).Materialize(state.KeyValue("left", serde.String, serde.String))
	right := b.Table(texts(in("right"))).Materialize(state.KeyValue("right", serde.String, serde.String))
	left.Join(right, sequences).To(texts(out))
}

func sequences(l, r string) string { return l[:10] + "|" + r[:10] }

func foreignJoin(b *stream.Builder, in func(string) string, out string) {
	left := b.Table(texts(in("left"))).Materialize(state.KeyValue("left", serde.String, serde.String))
	right := b.Table(texts(in("right"))).Materialize(state.KeyValue("right", serde.String, serde.String))
	left.JoinForeign(right, func(_, l string) (string, bool) { return "g" + l[14:20], true }, sequences).
		Named("join").
		To(texts(out))
}
