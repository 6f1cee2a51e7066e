package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
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

func TestCogroupWindows(t *testing.T) {
	x, y := stringTopic("x"), stringTopic("y")
	out := topology.NewTopic("out", serde.TimeWindowed(serde.String, 10*time.Millisecond), serde.String)
	b := stream.NewBuilder()
	b.Stream(x).GroupByKey().Cogroup(joined("+")).Cogroup(b.Stream(y).GroupByKey(), joined("-")).
		WindowedBy(window.Tumbling(10*time.Millisecond).Grace(5*time.Millisecond)).
		Aggregate(empty, state.Windows("sums", serde.String, serde.String)).To(out)
	d := streamtest.New(t, build(t, b))
	d.SendAt(x, "k", "a", time.UnixMilli(1))
	d.SendAt(y, "k", "b", time.UnixMilli(3))
	d.SendAt(x, "k", "c", time.UnixMilli(16))
	d.SendAt(x, "k", "late", time.UnixMilli(2))
	d.SendAt(y, "k", "d", time.UnixMilli(9))
	got := []string{}
	for _, r := range d.Read(out) {
		got = append(got, fmt.Sprint(r.Key.Start, r.Value, "@", r.Time.UnixMilli()))
	}
	if want := []string{"0+a@1", "0+a-b@3", "10+c@16", "0+a-b-d@9"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if d.Dropped() != 1 {
		t.Errorf("%d records were dropped", d.Dropped())
	}
}

func TestCogroupSessions(t *testing.T) {
	x, y := stringTopic("x"), stringTopic("y")
	out := topology.NewTopic("out", serde.SessionWindowed(serde.String), serde.String)
	b := stream.NewBuilder(stream.CachedTables())
	b.Stream(x).GroupByKey().Cogroup(joined("+")).Cogroup(b.Stream(y).GroupByKey(), joined("-")).
		WindowedBySession(window.Session(10*time.Millisecond)).
		Aggregate(empty, func(_, a, b string) string { return "(" + a + b + ")" }, state.Sessions("sums", serde.String, serde.String)).To(out)
	d := streamtest.New(t, build(t, b), streamtest.CacheBytes(1<<20))
	d.SendAt(x, "k", "a", time.UnixMilli(1))
	d.SendAt(y, "k", "b", time.UnixMilli(5))
	got := []string{}
	for _, r := range d.Read(out) {
		got = append(got, fmt.Sprint(r.Key.Start, " ", r.Key.End, r.Value, r.NoValue))
	}
	if want := []string{"1 1+afalse", "1 1true", "1 5(+a)-bfalse"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A stream that is repartitioned may have any number of partitions: what counts
// is the topic behind that. Kafka Streams looks at the topic in front (LIM-032).
func TestCogroupCopartition(t *testing.T) {
	moved, placed := stringTopic("moved"), stringTopic("placed")
	b := stream.NewBuilder()
	b.Stream(moved).GroupBy(func(_, v string) string { return v }).Named("by-value").Cogroup(joined("+")).
		Cogroup(b.Stream(placed).GroupByKey(), joined("-")).
		Aggregate(empty, state.KeyValue("sums", serde.String, serde.String))
	top := build(t, b)
	internal, _, err := graph.Partitions(top.Graph(), "app", map[string]int32{"moved": 7, "placed": 3})
	if err != nil {
		t.Fatal(err)
	}
	if n := internal["app-by-value-repartition"]; n != 3 {
		t.Errorf("the repartition topic has %d partitions, want the 3 of the other input: %v", n, internal)
	}
}
