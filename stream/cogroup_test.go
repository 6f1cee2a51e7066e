package stream_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func empty() string { return "" }

// joined adds the value to what there is, after sep.
func joined(sep string) func(k, v, sum string) string {
	return func(_, v, sum string) string { return sum + sep + v }
}

func TestCogroup(t *testing.T) {
	a, c, out := stringTopic("a"), topology.NewTopic("c", serde.String, serde.Int64), stringTopic("out")
	sums := state.KeyValue("sums", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Stream(a).GroupByKey().Cogroup(joined("+")).
		Cogroup(b.Stream(c).GroupByKey(), func(_ string, n int64, sum string) string { return sum + strings.Repeat("-", int(n)) }).
		Aggregate(empty, sums).Named("all").To(out)
	top := build(t, b)
	for _, name := range []string{"all-cogroup-agg-0 (stores: [sums])", "all-cogroup-agg-1 (stores: [sums])", "all-cogroup-merge (stores: [])"} {
		if !strings.Contains(top.Describe(), name) {
			t.Errorf("no node %s in\n%s", name, top)
		}
	}
	if g := top.Graph().Groups; len(g) != 1 || len(g[0].Sources) != 2 {
		t.Errorf("copartition groups are %+v", g)
	}
	d := streamtest.New(t, top)
	d.Send(a, "k", "x")
	d.Send(c, "k", 2)
	d.Send(a, "l", "y")
	d.Send(a, "k", "z")
	if got, want := texts(d.Read(out)), []string{"+x", "+x--", "+y", "+x--+z"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if v, ok, err := sums.In(d).Get("k"); v != "+x--+z" || !ok || err != nil {
		t.Errorf("the row is %q %v %v", v, ok, err)
	}
}

// TestCogroupCached checks that a cache forwards a key once, whichever streams
// it came from.
func TestCogroupCached(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder(stream.CachedTables())
	s := b.Stream(in)
	words := s.FlatMapValues(strings.FieldsSeq).GroupByKey()
	words.Cogroup(joined("+")).Cogroup(s.GroupByKey(), joined("-")).
		Aggregate(empty, state.KeyValue("sums", serde.String, serde.String)).Filter(has("+")).To(out)
	d := streamtest.New(t, build(t, b), streamtest.CacheBytes(1<<20))
	d.Send(in, "k", "a b")
	d.Send(in, "k", "c")
	if got, want := texts(d.Read(out)), []string{"+a+b-a b", "+a+b-a b+c-c"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestCogroupRepartitions checks that aggregates of one cogrouped stream share
// a repartition topic.
func TestCogroupRepartitions(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	c := b.Stream(in).GroupBy(func(_, v string) string { return v[:1] }).Cogroup(joined("+"))
	c.Aggregate(empty, state.KeyValue("one", serde.String, serde.String)).To(out)
	c.Aggregate(empty, state.KeyValue("two", serde.String, serde.String)).To(out)
	top := build(t, b)
	if reps := top.Graph().Repartitions; len(reps) != 1 || reps[0].Name != "one-repartition" {
		t.Errorf("repartition topics are %v", reps)
	}
	d := streamtest.New(t, top)
	d.Send(in, "", "a1")
	d.Send(in, "", "a2")
	if got, want := texts(d.Read(out)), []string{"+a1", "+a1", "+a1+a2", "+a1+a2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
