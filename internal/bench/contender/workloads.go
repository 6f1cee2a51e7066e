package main

import (
	"fmt"
	"iter"
	"strings"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
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
}

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
