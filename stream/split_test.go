package stream_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func has(s string) func(string, string) bool {
	return func(_, v string) bool { return strings.Contains(v, s) }
}

func stringTopic(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

func build(t *testing.T, b *stream.Builder) *topology.Topology {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func buildFails(t *testing.T, b *stream.Builder, want string) {
	t.Helper()
	_, err := b.Build()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error is %v, want one with %q", err, want)
	}
	if !strings.Contains(err.Error(), "_test.go:") {
		t.Errorf("error %q tells no place", err)
	}
}

// texts are the values of records; null is spelt out.
func texts[K any](records []topology.Record[K, string]) []string {
	out := []string{}
	for _, r := range records {
		if r.NoValue {
			r.Value = "null"
		}
		out = append(out, r.Value)
	}
	return out
}

func TestSplit(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	parts := b.Stream(in).Split().Named("part-")
	x := parts.Branch("x", has("x"))
	y := parts.Branch("", has("y"))
	rest := parts.Default("")
	mark := func(m string) func(string) string { return func(v string) string { return m + v } }
	x.MapValues(mark("x:")).To(out)
	y.MapValues(mark("y:")).To(out)
	rest.MapValues(mark("rest:")).To(out)
	top := build(t, b)
	for _, name := range []string{"part- ", "part-x ", "part-2 ", "part-0 "} {
		if !strings.Contains(top.Describe(), "Processor: "+name) {
			t.Errorf("no node %q in\n%s", name, top)
		}
	}
	d := streamtest.New(t, top)
	for _, v := range []string{"a", "y", "xy", "x"} {
		d.Send(in, "k", v)
	}
	d.SendRecord(in, topology.Record[string, string]{Key: "k", NoValue: true, Time: time.UnixMilli(1)})
	want := []string{"rest:a", "y:y", "x:xy", "x:x", "null"}
	if got := texts(d.Read(out)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSplitWithoutDefault(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	b.Stream(in).Split().Branch("x", has("x")).To(out)
	d := streamtest.New(t, build(t, b))
	d.Send(in, "k", "a")
	d.Send(in, "k", "x")
	if got := texts(d.Read(out)); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %v", got)
	}
}

func TestSplitWithTwoDefaults(t *testing.T) {
	b := stream.NewBuilder()
	s := b.Stream(stringTopic("in")).Split()
	s.Default("")
	s.Default("b")
	buildFails(t, b, "the split has a default branch at split_test.go:")
}

func TestRepartition(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	b.Stream(in).SelectKey(func(_, v string) string { return v }).RepartitionInto(4).Named("by-value").To(out)
	top := build(t, b)
	reps := top.Graph().Repartitions
	if len(reps) != 1 || reps[0].Name != "by-value-repartition" || reps[0].Partitions != 4 {
		t.Errorf("repartition topics are %+v", reps)
	}
	d := streamtest.New(t, top, streamtest.Partitions(4))
	d.Send(in, "k", "a")
	d.SendRecord(in, topology.Record[string, string]{NoKey: true, Value: "b", Time: time.UnixMilli(1)})
	if got := texts(d.Read(out)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
}

func TestRepartitionDropsNullKeys(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	b.Stream(in).Repartition().Named("r").To(out)
	d := streamtest.New(t, build(t, b))
	d.SendRecord(in, topology.Record[string, string]{NoKey: true, Value: "b", Time: time.UnixMilli(1)})
	d.SendRecord(in, topology.Record[string, string]{Key: "k", NoValue: true, Time: time.UnixMilli(1)})
	if got := texts(d.Read(out)); !slices.Equal(got, []string{"null"}) {
		t.Errorf("got %v", got)
	}
}

func TestRepartitionBy(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	last := func(topology.Record[string, string], int) ([]int32, bool) { return []int32{2}, true }
	var seen []int32
	b.Stream(in).RepartitionBy(3, last).Named("r").To(out.PartitionBy(func(r topology.Record[string, string], _ int) ([]int32, bool) {
		seen = append(seen, r.Origin.Partition)
		return nil, false
	}))
	d := streamtest.New(t, build(t, b), streamtest.Partitions(3))
	d.Send(in, "a", "1")
	d.Send(in, "b", "2")
	if !slices.Equal(seen, []int32{2, 2}) {
		t.Errorf("records came by the partitions %v", seen)
	}
}

func TestRepartitionMistakes(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(stringTopic("in")).Repartition()
	buildFails(t, b, "the repartition topic has no name")
	b = stream.NewBuilder()
	b.Stream(stringTopic("in")).RepartitionInto(0).Named("r")
	buildFails(t, b, "it must be at least 1")
}

func TestToTable(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	b.Stream(in).SelectKey(func(_, v string) string { return v[:1] }).ToTable().Named("by-letter").To(out)
	top := build(t, b)
	if got := top.Graph().Repartitions[0].Name; got != "by-letter-repartition" {
		t.Errorf("the repartition topic is %s", got)
	}
	if n := len(top.Graph().Stores); n != 0 {
		t.Errorf("the table has %d stores that nobody asked for", n)
	}
	d := streamtest.New(t, top)
	d.Send(in, "", "a1")
	d.Send(in, "", "b1")
	if got := texts(d.Read(out)); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("got %v", got)
	}
}

func TestToTableMistakes(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(stringTopic("in")).SelectKey(func(_, v string) string { return v }).ToTable()
	buildFails(t, b, "the repartition topic in front of the table has no name")
}
