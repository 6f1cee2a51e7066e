package stream_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// Functions that are nil are told with the operator and their parameter.
func TestNilFunctions(t *testing.T) {
	var (
		keep   func(string, string) bool
		value  func(string) string
		both   func(string, string) string
		init   func() string
		add    func(string, string, string) string
		within = join.Within(time.Second)
		minute = window.Tumbling(time.Minute)
		wins   = state.Windows("w", serde.String, serde.String)
		sess   = state.Sessions("s", serde.String, serde.String)
		some   = func() string { return "" }
		sum    = func(_, v, sum string) string { return sum + v }
	)
	none := func(call, name string) string {
		return fmt.Sprintf("%s: the function %s is nil: give the operator one", call, name)
	}
	checkMistakes(t, []mistake{
		{"Filter", func(f draft) string { return here(f.in.Filter(keep)) }, none("Filter", "keep")},
		{"FilterNot", func(f draft) string { return here(f.in.FilterNot(keep)) }, none("FilterNot", "drop")},
		{"MapValues", func(f draft) string { return here(f.in.MapValues(value)) }, none("MapValues", "f")},
		{"MapValuesWithKey", func(f draft) string { return here(f.in.MapValuesWithKey(both)) }, none("MapValuesWithKey", "f")},
		{"Map", func(f draft) string { return here(f.in.Map((func(k, v string) (string, string))(nil))) }, none("Map", "f")},
		{"SelectKey", func(f draft) string { return here(f.in.SelectKey(both)) }, none("SelectKey", "f")},
		{"FlatMapValues", func(f draft) string { return here(f.in.FlatMapValues((func(string) iter.Seq[string])(nil))) }, none("FlatMapValues", "f")},
		{"FlatMap", func(f draft) string { return here(f.in.FlatMap((func(k, v string) iter.Seq2[string, string])(nil))) }, none("FlatMap", "f")},
		{"Peek", func(f draft) string { return here(f.in.Peek(nil)) }, none("Peek", "f")},
		{"ForEach", func(f draft) string { return here(f.in.ForEach(nil)) }, none("ForEach", "f")},
		{"Branch", func(f draft) string { return here(f.in.Split().Branch("b", keep)) }, none("Branch", "keep")},
		{"GroupBy", func(f draft) string { return here(f.in.GroupBy(both).Count(countStore("c"))) }, none("GroupBy", "f")},
		{"Reduce", func(f draft) string { return here(f.in.GroupByKey().Reduce(nil, textStore("c"))) }, none("Reduce", "f")},
		{"init", func(f draft) string { return here(f.in.GroupByKey().Aggregate(init, sum, textStore("c"))) }, none("Aggregate", "init")},
		{"add", func(f draft) string { return here(f.in.GroupByKey().Aggregate(some, add, textStore("c"))) }, none("Aggregate", "add")},
		{"windowed", func(f draft) string { return here(f.in.GroupByKey().WindowedBy(minute).Aggregate(some, add, wins)) }, none("Aggregate", "add")},
		{"sessions", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBySession(window.Session(time.Minute)).Aggregate(some, sum, nil, sess))
		}, none("Aggregate", "merge")},
		{"cogroup", func(f draft) string { return here(f.in.GroupByKey().Cogroup(add).Aggregate(some, textStore("c"))) }, none("Cogroup", "add")},
		{"cogroup init", func(f draft) string { return here(f.in.GroupByKey().Cogroup(sum).Aggregate(init, textStore("c"))) }, none("Aggregate", "init")},
		{"Join", func(f draft) string { return here(f.in.Join(f.in, "j", within, both)) }, none("Join", "f")},
		{"OuterJoin", func(f draft) string {
			return here(f.in.OuterJoin(f.in, "j", within, (func(join.Pair[string, string]) string)(nil)))
		}, none("OuterJoin", "f")},
		{"JoinTable", func(f draft) string { return here(f.in.JoinTable(f.rows, both)) }, none("JoinTable", "f")},
		{"JoinGlobal", func(f draft) string {
			return here(f.in.JoinGlobal(f.b.GlobalTable(topicOf("g"), textStore("g")), both, plus))
		}, none("JoinGlobal", "key")},
		{"table Filter", func(f draft) string { return here(f.rows.Filter(keep)) }, none("Filter", "keep")},
		{"table MapValues", func(f draft) string { return here(f.rows.MapValues(value)) }, none("MapValues", "f")},
		{"table Join", func(f draft) string { return here(f.rows.Join(f.rows, both)) }, none("Join", "f")},
		{"table JoinForeign", func(f draft) string {
			return here(f.rows.JoinForeign(f.rows, (func(k, v string) (string, bool))(nil), plus).Named("fk"))
		}, none("JoinForeign", "fk")},
		{"table GroupBy", func(f draft) string {
			return here(f.rows.GroupBy((func(k, v string) (string, string))(nil)).Count(countStore("c")))
		}, none("GroupBy", "f")},
		{"TransformValues", func(f draft) string {
			return here(f.rows.TransformValues((func(*table.Context) func(string, string, bool) (string, bool, error))(nil)))
		}, none("TransformValues", "supply")},
		{"Process", func(f draft) string { return here(f.in.Process((func() *tally)(nil))) }, "Process: the supplier is nil"},
	})
}

// Handles, streams and tables that are nil are mistakes as well, and no panic.
func TestNilHandles(t *testing.T) {
	var (
		store  *state.KeyValueSpec[string, int64]
		rows   *state.KeyValueSpec[string, string]
		wins   *state.WindowsSpec[string, int64]
		sess   *state.SessionsSpec[string, int64]
		other  *stream.KStream[string, string]
		tab    *table.KTable[string, string]
		within = join.Within(time.Second)
		zero   = func() int64 { return 0 }
		add    = func(_, _ string, n int64) int64 { return n + 1 }
	)
	const nilStore = "the store handle is nil: give the operator one"
	checkMistakes(t, []mistake{
		{"Count", func(f draft) string { return here(f.in.GroupByKey().Count(store)) }, "Count: " + nilStore},
		{"windows", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(wins))
		}, "Count: " + nilStore},
		{"sessions", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBySession(window.Session(time.Minute)).Count(sess))
		}, "Count: " + nilStore},
		{"cogroup", func(f draft) string { return here(f.in.GroupByKey().Cogroup(add).Aggregate(zero, store)) }, "Aggregate: " + nilStore},
		{"cogroup by session", func(f draft) string {
			merge := func(_ string, a, b int64) int64 { return a + b }
			return here(f.in.GroupByKey().Cogroup(add).WindowedBySession(window.Session(time.Minute)).Aggregate(zero, merge, sess))
		}, "Aggregate: " + nilStore},
		{"Materialize", func(f draft) string { return here(f.rows.Filter(everyText).Materialize(rows)) }, "Materialize: " + nilStore},
		{"table Count", func(f draft) string {
			return here(f.rows.GroupBy(func(k, v string) (string, string) { return v, k }).Count(store))
		}, "Count: " + nilStore},
		{"GlobalTable", func(f draft) string { return here(f.b.GlobalTable(topicOf("g"), rows)) }, "GlobalTable: " + nilStore},
		{"TransformValues", func(f draft) string {
			supply := func(*table.Context) func(string, string, bool) (string, bool, error) { return nil }
			return here(f.rows.TransformValues(supply, nil))
		}, "TransformValues: a store handle is nil"},
		{"Merge", func(f draft) string { return here(f.in.Merge(other)) }, "Merge: the other stream is nil"},
		{"Join", func(f draft) string { return here(f.in.Join(other, "j", within, plus)) }, "Join: the other side is a nil stream"},
		{"JoinTable", func(f draft) string { return here(f.in.JoinTable(tab, plus)) }, "JoinTable: the other side is a nil table"},
		{"table Join", func(f draft) string { return here(f.rows.Join(tab, plus)) }, "Join: the other side is a nil table"},
		{"other builder", func(f draft) string { return here(f.in.Merge(newDraft().in)) }, "Merge: the other stream belongs to another builder"},
		{"join with another builder", func(f draft) string { return here(f.in.Join(newDraft().in, "j", within, plus)) }, "Join: the other side belongs to another builder"},
	})
}

// What keeps state takes a name, unless the builder may generate names.
func TestMistakesOfMissingNames(t *testing.T) {
	byValue := func(f draft) *stream.KStream[string, string] {
		return f.in.SelectKey(func(_, v string) string { return v })
	}
	fk := func(_, v string) (string, bool) { return v, true }
	checkMistakes(t, []mistake{
		{"Repartition", func(f draft) string { return here(f.in.Repartition()) }, "Repartition: the repartition topic has no name: name it with Named"},
		{"Join", func(f draft) string { return here(f.in.Join(f.in, "", join.Within(time.Second), plus)) }, "Join: the state of the join has no name: give it one"},
		{"JoinTable", func(f draft) string { return here(byValue(f).JoinTable(f.rows, plus)) }, "JoinTable: the repartition topic in front of the join has no name: name it with Named"},
		{"ToTable", func(f draft) string { return here(byValue(f).ToTable()) }, "ToTable: the repartition topic in front of the table has no name: name it with Named"},
		{"Table", func(f draft) string {
			line := ""
			f.in.JoinTable(func() *table.KTable[string, string] { t := f.b.Table(topicOf("t")); line = here(); return t }(), plus)
			return line
		}, "Table: the rows of the table are read behind it: give it a store with Materialize"},
		{"Suppress", func(f draft) string { return here(f.rows.Suppress(table.UntilTimeLimit(time.Second))) }, "Suppress: the buffer of suppressed updates has no name: name it with Named"},
		{"JoinForeign", func(f draft) string { return here(f.rows.JoinForeign(f.rows, fk, plus)) }, "JoinForeign: "},
	})
}

// All mistakes of a topology are told at once, each at its own line.
func TestManyMistakesAtOnce(t *testing.T) {
	f := newDraft()
	want := map[string]string{
		here(f.in.Filter(nil)): "Filter: the function keep is nil",
		here(f.in.GroupByKey().WindowedBy(window.Tumbling(0)).Count(countWindows())):                 "the window size has to be more than zero",
		here(f.in.GroupByKey().Count(state.KeyValue("c", serde.String, serde.Int64, state.TTL(-1)))): "store c: a key has to live",
		here(f.in.To(topicOf("a b"))):                                                          `topic name "a b"`,
		here(f.rows.Suppress(table.UntilWindowCloses()).Named("s")):                            "the table is not windowed",
		here(f.b.Stream(topicOf("in").WithReset(topology.Latest))):                             "another offset reset policy",
		here(f.in.RepartitionInto(-1).Named("r")):                                              "the number of partitions is -1",
		here(f.in.Merge(nil)):                                                                  "the other stream is nil",
		here(f.b.Stream(topology.Pattern("(", serde.String, serde.String))):                    "error parsing regexp",
		here(f.in.Join(f.in, "j", join.Within(-time.Second), plus)):                            "together they can't be negative",
		here(f.in.Peek(func(string, string) {}).Named("x y")):                                  `node name "x y"`,
		here(f.in.GroupByKey().Count((*state.KeyValueSpec[string, int64])(nil))):               "the store handle is nil",
		here(f.b.GlobalTable(topicOf("g"), textStore("g", state.TTL(time.Second)))):            "those of a global table can't",
		here(f.in.MapValues(func(string) secret { return secret{} }).Repartition().Named("p")): "no serde for values",
	}
	toldAt(t, f.b, want)
}

// Before the start, a join of inputs with different numbers of partitions tells
// both topics, their numbers and the place of the join.
func TestJoinsOfDifferentPartitions(t *testing.T) {
	within := join.Within(time.Second)
	add := func(_, _ string, n int64) int64 { return n + 1 }
	tests := []struct {
		name  string
		build func(f draft, in *stream.KStream[string, string]) (place string)
		want  string
	}{
		{"streams", func(f draft, other *stream.KStream[string, string]) string {
			return here(f.in.Join(other, "j", within, plus))
		}, "Join: "},
		{"stream and table", func(f draft, other *stream.KStream[string, string]) string {
			return here(other.JoinTable(f.rows, plus))
		}, "JoinTable: "},
		{"tables", func(f draft, other *stream.KStream[string, string]) string {
			return here(f.b.Table(topicOf("five")).Materialize(textStore("5")).Join(f.rows, plus))
		}, "Join: "},
		{"cogroup", func(f draft, other *stream.KStream[string, string]) string {
			return here(f.in.GroupByKey().Cogroup(add).Cogroup(other.GroupByKey(), add).Aggregate(func() int64 { return 0 }, countStore("c")))
		}, "Aggregate: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newDraft()
			place := ""
			if tt.name == "tables" {
				place = tt.build(f, nil)
			} else {
				place = tt.build(f, f.b.Stream(topicOf("five")))
			}
			_, _, err := graph.Partitions(build(t, f.b).Graph(), "app", map[string]int32{"in": 3, "rows": 3, "five": 5})
			var differ *graph.CopartitionError
			if !errors.As(err, &differ) || !strings.HasPrefix(err.Error(), place+": "+tt.want) {
				t.Fatalf("got %v, want %s at %s", err, tt.want, place)
			}
			for _, words := range []string{" has 3", "five has 5", "repartition one side to the number of the other"} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q is not told: %v", words, err)
				}
			}
		})
	}
}

// A sink that would write into a topic that the app keeps for itself is told
// before the start, when the application id is known.
func TestWritesOwnTopics(t *testing.T) {
	f := newDraft()
	f.in.Repartition().Named("again").To(topicOf("app-other-repartition"))
	repartition := here(f.in.To(topicOf("app-again-repartition")))
	changelog := here(f.in.To(topicOf("app-rows-changelog")))
	g := build(t, f.b).Graph()
	err := g.WritesOwn("app", g.InternalTopics(graph.TopicSettings{}))
	if err == nil {
		t.Fatal("nothing is told")
	}
	told := strings.Split(err.Error(), "\n")
	want := []string{
		repartition + ": To: topic app-again-repartition is the repartition topic of the app's own that mistakes",
		changelog + ": To: topic app-rows-changelog is the changelog topic of the app's own that mistakes",
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], want[0]) || !strings.HasPrefix(told[1], want[1]) {
		t.Errorf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	if err := g.WritesOwn("another", g.InternalTopics(graph.TopicSettings{})); err != nil {
		t.Errorf("under another id: %v", err)
	}
}
