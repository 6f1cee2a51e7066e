package stream_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func rowsOf(name string) *state.KeyValueSpec[string, string] {
	return state.KeyValue(name, serde.String, serde.String)
}

func null(key string, ms int64) topology.Record[string, string] {
	return topology.Record[string, string]{Key: key, NoValue: true, Time: at(ms)}
}

func TestJoinTable(t *testing.T) {
	in, rows := stringTopic("in"), stringTopic("rows")
	inner, left, keyed := stringTopic("inner"), stringTopic("lefts"), stringTopic("keyed")
	b := stream.NewBuilder()
	s, table := b.Stream(in), b.Table(rows).Materialize(rowsOf("rows"))
	s.JoinTable(table, plus).To(inner)
	s.LeftJoinTable(table.Filter(func(_, v string) bool { return v != "hidden" }), matched).To(left)
	s.LeftJoinTableWithKey(table, func(k, v, row string, ok bool) string { return k + ":" + matched(v, row, ok) }).To(keyed)
	d := streamtest.New(t, build(t, b))
	d.SendAt(in, "k", "1", at(50))
	d.SendAt(rows, "k", "x", at(99)) // emits nothing, and is newer than the next record
	d.SendAt(in, "k", "2", at(51))
	d.SendAt(rows, "k", "hidden", at(60))
	d.SendAt(in, "k", "3", at(61))
	d.SendRecord(rows, null("k", 62))
	d.SendAt(in, "k", "4", at(63))
	d.SendRecord(in, null("k", 64))
	d.SendRecord(in, topology.Record[string, string]{NoKey: true, Value: "5", Time: at(65)})
	want(t, d, inner, "k=2+x@51", "k=3+hidden@61")
	want(t, d, left, "k=1+-@50", "k=2+x@51", "k=3+-@61", "k=4+-@63", "null=5+-@65")
	want(t, d, keyed, "k=k:1+-@50", "k=k:2+x@51", "k=k:3+hidden@61", "k=k:4+-@63", "null=:5+-@65")
	if n := d.Dropped(); n != 3+1 {
		t.Errorf("%d records were dropped", n)
	}
}

// Records wait for late updates of a table with a history, and are joined in the
// order of their times with the rows of these times.
func TestJoinTableWaits(t *testing.T) {
	in, rows, out := stringTopic("in"), stringTopic("rows"), stringTopic("out")
	b := stream.NewBuilder()
	history := b.Table(rows).Materialize(state.Versioned("rows", serde.String, serde.String, time.Second))
	b.Stream(in).LeftJoinTable(history, matched, join.Wait(10*time.Millisecond)).Named("j").To(out)
	top := build(t, b)
	if !strings.Contains(top.Describe(), "j-Buffer") {
		t.Errorf("no buffer in\n%s", top)
	}
	d := streamtest.New(t, top)
	d.SendAt(in, "k", "b", at(105))
	d.SendAt(in, "k", "a", at(100))
	d.SendAt(rows, "k", "x", at(99))
	d.SendAt(rows, "k", "y", at(103))
	want(t, d, out)
	d.SendRecord(in, topology.Record[string, string]{NoKey: true, Value: "n", Time: at(106)}) // has nothing to wait for
	d.SendAt(in, "z", "z", at(115))
	want(t, d, out, "null=n+-@106", "k=a+x@100", "k=b+y@105")
	d.SendAt(in, "k", "late", at(101))
	want(t, d, out, "k=late+x@101")
}

func TestJoinGlobal(t *testing.T) {
	in, rows := stringTopic("in"), stringTopic("rows")
	inner, left, keyed := stringTopic("inner"), stringTopic("lefts"), stringTopic("keyed")
	b := stream.NewBuilder()
	g := b.GlobalTable(topology.NewTopic("rows", serde.String, serde.String), rowsOf("rows"))
	s := b.Stream(in)
	first := func(_, v string) string { return v[:1] }
	s.JoinGlobal(g, first, plus).Named("global").To(inner)
	s.LeftJoinGlobal(g, first, matched).To(left)
	s.JoinGlobalWithKey(g, first, func(k, v, row string) string { return k + v + row }).To(keyed)
	top := build(t, b)
	if strings.Contains(top.Describe(), "repartition") || !strings.Contains(top.Describe(), "Processor: global ") {
		t.Errorf("topology is\n%s", top)
	}
	d := streamtest.New(t, top)
	d.SendAt(rows, "a", "x", at(1))
	d.SendAt(in, "k", "a1", at(2))
	d.SendAt(in, "k", "b1", at(3))
	d.SendRecord(in, null("k", 4))
	d.SendRecord(in, topology.Record[string, string]{NoKey: true, Value: "a2", Time: at(5)})
	want(t, d, inner, "k=a1+x@2", "null=a2+x@5")
	want(t, d, left, "k=a1+x@2", "k=b1+-@3", "null=a2+x@5")
	want(t, d, keyed, "k=ka1x@2", "null=a2x@5")
}

// A key that is selected as null finds no row.
func TestJoinGlobalNullKey(t *testing.T) {
	in := stringTopic("in")
	b := stream.NewBuilder()
	keys := serde.Nullable(serde.String)
	g := b.GlobalTable(topology.NewTopic("rows", keys, serde.String), state.KeyValue("rows", keys, serde.String))
	none := func(string, string) serde.Null[string] { return serde.Null[string]{} }
	b.Stream(in).JoinGlobal(g, none, plus).To(stringTopic("inner"))
	b.Stream(in).LeftJoinGlobal(g, none, matched).To(stringTopic("lefts"))
	d := streamtest.New(t, build(t, b))
	d.SendAt(in, "k", "v", at(1))
	want(t, d, stringTopic("inner"))
	want(t, d, stringTopic("lefts"), "k=v+-@1")
	if d.Dropped() != 1 {
		t.Errorf("%d records were dropped", d.Dropped())
	}
}

// Every join behind one change of keys is checked for equal numbers of
// partitions, also where joins share the repartition topic. (Kafka Streams
// checks the first of them only.)
func TestJoinsAreCopartitioned(t *testing.T) {
	b := stream.NewBuilder(stream.GeneratedNames())
	s := b.Stream(stringTopic("in")).SelectKey(func(_, v string) string { return v })
	s.JoinTable(b.Table(stringTopic("three")), plus).To(stringTopic("out"))
	s.LeftJoinTable(b.Table(stringTopic("five")), matched).To(stringTopic("out2"))
	top := build(t, b)
	if n := strings.Count(top.Describe(), "-repartition])"); n != 1 {
		t.Errorf("%d repartition topics are read, want one that both joins share:\n%s", n, top)
	}
	counts := map[string]int32{"in": 2, "three": 3, "five": 5}
	_, _, err := graph.Partitions(top.Graph(), "app", counts)
	var mismatch *graph.CopartitionError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "five has 5") || !strings.Contains(err.Error(), "three has 3") {
		t.Errorf("error is %v", err)
	}
	counts["five"] = 3
	internal, _, err := graph.Partitions(top.Graph(), "app", counts)
	if err != nil {
		t.Fatal(err)
	}
	for topic, n := range internal {
		if n != 3 {
			t.Errorf("%s has %d partitions", topic, n)
		}
	}
}
