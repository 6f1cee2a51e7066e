package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func at(ms int64) time.Time { return time.UnixMilli(ms) }

func within(ms int64) join.Window { return join.Within(time.Duration(ms) * time.Millisecond) }

// recordLines are the records of a topic as key=value@time.
func recordLines(records []topology.Record[string, string]) []string {
	out := []string{}
	for _, r := range records {
		if r.NoKey {
			r.Key = "null"
		}
		if r.NoValue {
			r.Value = "null"
		}
		out = append(out, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Time.UnixMilli()))
	}
	return out
}

func want(t *testing.T, d *streamtest.Driver, topic topology.Topic[string, string], want ...string) {
	t.Helper()
	if got := recordLines(d.Read(topic)); !slices.Equal(got, want) {
		t.Errorf("%s has %v, want %v", topic.Name(), got, want)
	}
}

func matched(l, r string, ok bool) string {
	if !ok {
		r = "-"
	}
	return l + "+" + r
}

func paired(p join.Pair[string, string]) string {
	if !p.HasLeft {
		return "-+" + p.Right
	}
	return matched(p.Left, p.Right, p.HasRight)
}

func plus(l, r string) string { return l + "+" + r }

func TestJoinStreams(t *testing.T) {
	left, right := stringTopic("left"), stringTopic("right")
	inner, outer := stringTopic("inner"), stringTopic("outer")
	lefts, keyed := stringTopic("lefts"), stringTopic("keyed")
	b := stream.NewBuilder()
	l, r := b.Stream(left), b.Stream(right)
	l.Join(r, "i", within(10), plus).To(inner)
	l.LeftJoin(r, "l", within(10), matched).Named("left-join").To(lefts)
	l.OuterJoin(r, "o", within(10), paired, state.InMemory(), state.NoChangelog()).To(outer)
	l.JoinWithKey(r, "k", within(10), func(k, l, r string) string { return k + l + r }).To(keyed)
	top := build(t, b)
	for _, name := range []string{"left-join-this-windowed", "left-join-this-join", "left-join-outer-other-join", "left-join-merge",
		"l-this-join-store", "l-outer-other-join-store", "l-left-shared-join-store", "o-outer-this-join-store", "o-outer-shared-join-store"} {
		if !strings.Contains(top.Describe(), name) {
			t.Errorf("no %s in\n%s", name, top)
		}
	}
	d := streamtest.New(t, top)
	d.SendAt(left, "k", "a", at(100))
	d.SendAt(right, "k", "x", at(90))
	d.SendAt(right, "k", "y", at(111))
	d.SendAt(left, "m", "b", at(112))
	want(t, d, inner, "k=a+x@100")
	want(t, d, keyed, "k=kax@100")
	want(t, d, lefts, "k=a+x@100")
	want(t, d, outer, "k=a+x@100")
	d.SendRecord(left, topology.Record[string, string]{NoKey: true, Value: "null key", Time: at(113)})
	d.SendRecord(right, topology.Record[string, string]{NoKey: true, Value: "null key", Time: at(113)})
	d.SendRecord(right, topology.Record[string, string]{Key: "k", NoValue: true, Time: at(113)})
	want(t, d, inner)
	want(t, d, lefts, "null=null key+-@113")
	want(t, d, outer, "null=null key+-@113", "null=-+null key@113")
	if n := d.Dropped(); n != 2*3+2+1 {
		t.Errorf("%d records were dropped", n)
	}
	d.SendAt(right, "z", "z", at(200))
	want(t, d, lefts, "m=b+-@112")
	want(t, d, outer, "k=-+y@111", "m=b+-@112")
	d.SendAt(left, "z", "late", at(120)) // its window has passed
	want(t, d, lefts, "z=late+-@120")
}

// The nulls of a join go on: a null result is a record without a value.
func TestJoinNullResult(t *testing.T) {
	left, right := stringTopic("left"), stringTopic("right")
	out := topology.NewTopic("out", serde.String, serde.Nullable(serde.String))
	b := stream.NewBuilder()
	b.Stream(left).Join(b.Stream(right), "i", within(10), func(string, string) serde.Null[string] { return serde.Null[string]{} }).To(out)
	d := streamtest.New(t, build(t, b))
	d.SendAt(left, "k", "a", at(1))
	d.SendAt(right, "k", "x", at(2))
	if got := d.Read(out); len(got) != 1 || !got[0].NoValue {
		t.Errorf("out has %v", got)
	}
}

func TestJoinMistakes(t *testing.T) {
	for text, call := range map[string]func(b *stream.Builder, l, r *stream.KStream[string, string]){
		"together they can't be negative": func(_ *stream.Builder, l, r *stream.KStream[string, string]) {
			l.Join(r, "j", within(10).Before(-time.Hour), plus)
		},
		"the grace period is -1s": func(_ *stream.Builder, l, r *stream.KStream[string, string]) {
			l.Join(r, "j", within(10).Grace(-time.Second), plus)
		},
		"the state of the join has no name": func(_ *stream.Builder, l, r *stream.KStream[string, string]) {
			l.Join(r, "", within(10), plus)
		},
		"the records of a join can't be cached": func(_ *stream.Builder, l, r *stream.KStream[string, string]) {
			l.Join(r, "j", within(10), plus, state.Cached(true))
		},
		`store name "one" is taken`: func(_ *stream.Builder, l, r *stream.KStream[string, string]) {
			l.Join(r, "", within(10), plus, state.LeftWindow("one"), state.RightWindow("one"))
		},
		"belongs to another builder": func(_ *stream.Builder, l, _ *stream.KStream[string, string]) {
			l.Join(stream.NewBuilder().Stream(stringTopic("x")), "j", within(10), plus)
		},
		"the repartition topic in front of the join has no name": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			l.SelectKey(func(k, _ string) string { return k }).JoinTable(b.Table(stringTopic("t")).Materialize(state.KeyValue("t", serde.String, serde.String)), plus)
		},
		"the rows of the table are read behind it": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			l.JoinTable(b.Table(stringTopic("t")), plus)
		},
		"the table is not versioned": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			l.JoinTable(b.Table(stringTopic("t")).Materialize(state.KeyValue("t", serde.String, serde.String)), plus, join.Wait(time.Second)).Named("j")
		},
		"the grace period is -1ms": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			l.JoinTable(b.Table(stringTopic("t")), plus, join.Wait(-time.Millisecond)).Named("j")
		},
		"is longer than the history of the table": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			history := state.Versioned("t", serde.String, serde.String, time.Second)
			l.JoinTable(b.Table(stringTopic("t")).Materialize(history), plus, join.Wait(time.Minute)).Named("j")
		},
		"the buffer of the join has no name": func(b *stream.Builder, l, _ *stream.KStream[string, string]) {
			history := state.Versioned("t", serde.String, serde.String, time.Hour)
			l.JoinTable(b.Table(stringTopic("t")).Materialize(history), plus, join.Wait(time.Minute))
		},
	} {
		t.Run(text, func(t *testing.T) {
			b := stream.NewBuilder()
			call(b, b.Stream(stringTopic("left")), b.Stream(stringTopic("right")))
			buildFails(t, b, text)
		})
	}
}

// A stream whose key may have changed is brought to where the other side is, by
// a topic that is named after the join.
func TestJoinRepartitions(t *testing.T) {
	left, right, out := stringTopic("left"), stringTopic("right"), stringTopic("out")
	b := stream.NewBuilder()
	first := func(_, v string) string { return v[:1] }
	rows := b.Table(stringTopic("rows")).Materialize(state.KeyValue("rows", serde.String, serde.String))
	l, r := b.Stream(left).SelectKey(first), b.Stream(right).SelectKey(first)
	l.Join(r, "j", within(10), plus).To(out)
	l.LeftJoinTable(rows, matched).Named("with-rows").To(out)
	top := build(t, b)
	for _, topic := range []string{"j-left-repartition", "j-right-repartition", "with-rows-repartition"} {
		if !strings.Contains(top.Describe(), "topics: ["+topic+"]") {
			t.Errorf("no topic %s in\n%s", topic, top)
		}
	}
	d := streamtest.New(t, top, streamtest.Partitions(4))
	d.SendAt(left, "1", "a1", at(1))
	d.SendAt(right, "2", "a2", at(2))
	want(t, d, out, "a=a1+-@1", "a=a1+a2@2")
}

// What a join keeps on disk is found again by the next run of the task, and a
// record of the same key and time does not take the place of one kept before.
func TestJoinAfterRestart(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(stringTopic("left")).OuterJoin(b.Stream(stringTopic("right")), "j", within(1000), paired).To(stringTopic("out"))
	top := build(t, b)
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	config := drive.Config{Topology: top.Graph(), App: "test", Persistent: opener, Dir: t.TempDir(), LayerBytes: 1}
	run := func(want []string, records ...drive.Record) {
		t.Helper()
		d, err := drive.New(config)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, r := range records {
			if err := d.Send(r); err != nil {
				t.Fatal(err)
			}
			for _, r := range d.Produced() {
				if r.Topic == "out" {
					got = append(got, string(r.Value))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("out has %v, want %v", got, want)
		}
		if err := d.Close(true); err != nil {
			t.Fatal(err)
		}
	}
	record := func(topic, k, v string, ms int64) drive.Record {
		return drive.Record{Topic: topic, Key: []byte(k), Value: []byte(v), Time: ms}
	}
	run([]string{}, record("left", "k", "a", 5000), record("left", "m", "lone", 5000))
	run([]string{}, record("left", "k", "b", 5000))
	run([]string{"a+x", "b+x"}, record("right", "k", "x", 5001))
	run([]string{"lone+-"}, record("right", "z", "z", 7000))
}
