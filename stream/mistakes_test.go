package stream_test

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// draft is what the mistakes are made with.
type draft struct {
	b    *stream.Builder
	in   *stream.KStream[string, string]
	rows *table.KTable[string, string]
}

func newDraft() draft {
	b := stream.NewBuilder()
	rows := b.Table(topicOf("rows")).Materialize(textStore("rows"))
	return draft{b, b.Stream(topicOf("in")), rows}
}

// here is the file:line of its call, whose arguments are the mistake.
func here(...any) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}

func topicOf(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

func textStore(name string, opts ...state.Option) *state.KeyValueSpec[string, string] {
	return state.KeyValue(name, serde.String, serde.String, opts...)
}

func countStore(name string, opts ...state.Option) *state.KeyValueSpec[string, int64] {
	return state.KeyValue(name, serde.String, serde.Int64, opts...)
}

func countWindows(opts ...state.Option) *state.WindowsSpec[string, int64] {
	return state.Windows("windows", serde.String, serde.Int64, opts...)
}

// secret has no serde of its own.
type secret struct{ n int }

type mistake struct {
	name  string
	build func(f draft) (place string)
	want  string
}

// told builds and checks that each mistake is told at its place, and nothing else.
func toldAt(t *testing.T, b *stream.Builder, want map[string]string) {
	t.Helper()
	_, err := b.Build()
	var all *topology.BuildError
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want a BuildError", err)
	}
	for place, words := range want {
		found := false
		for _, m := range all.Mistakes {
			found = found || strings.HasPrefix(m, place+": ") && strings.Contains(m, words)
		}
		if !found {
			t.Errorf("%q at %s is not told in:\n%v", words, place, err)
		}
	}
	if len(all.Mistakes) != len(want) {
		t.Errorf("%d mistakes are told, want %d:\n%v", len(all.Mistakes), len(want), err)
	}
}

func checkMistakes(t *testing.T, tests []mistake) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newDraft()
			toldAt(t, f.b, map[string]string{tt.build(f): tt.want})
		})
	}
}

func TestMistakesOfWindows(t *testing.T) {
	by := func(w window.Window) func(f draft) string {
		return func(f draft) string { return here(f.in.GroupByKey().WindowedBy(w).Count(countWindows())) }
	}
	checkMistakes(t, []mistake{
		{"no size", by(window.Tumbling(0)), "WindowedBy: the window size has to be more than zero, not 0s"},
		{"negative size", by(window.Tumbling(-time.Second)), "the window size has to be more than zero, not -1s"},
		{"advance above size", by(window.Hopping(time.Second, time.Minute)), "the advance has to be more than zero and at most the window size of 1s, not 1m0s"},
		{"no advance", by(window.Hopping(time.Second, 0)), "the advance has to be more than zero and at most the window size of 1s, not 0s"},
		{"negative grace", by(window.Tumbling(time.Minute).Grace(-time.Second)), "the grace period must not be negative, it is -1s"},
		{"no difference", by(window.Sliding(0)), "the time difference has to be more than zero, not 0s"},
		{"before 1970", by(window.Unlimited().StartingAt(time.UnixMilli(-1))), "the window must not start before 1970"},
		{"negative gap", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBySession(window.Session(-time.Second)).Count(state.Sessions("s", serde.String, serde.Int64)))
		}, "WindowedBySession: the gap must not be negative, it is -1s"},
		{"retention", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBy(window.Tumbling(time.Minute).Grace(time.Minute)).Count(countWindows(state.Retention(time.Minute))))
		}, `store "windows" keeps windows for 60000 ms: the windows and their grace period need 120000 ms`},
		{"retention of sessions", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBySession(window.Session(time.Minute)).Count(state.Sessions("s", serde.String, serde.Int64, state.Retention(time.Second))))
		}, `store "s" keeps windows for 1000 ms: the windows and their grace period need 60000 ms`},
		{"negative reach", func(f draft) string {
			return here(f.in.Join(f.in, "j", join.Within(time.Second).Before(-time.Minute), plus))
		}, "Join: the window reaches -1m0s back and 1s ahead: together they can't be negative"},
		{"negative grace of a join", func(f draft) string {
			return here(f.in.Join(f.in, "j", join.Within(time.Second).Grace(-1*time.Second), plus))
		}, "Join: the grace period is -1s: it can't be negative"},
		{"wait for a table without history", func(f draft) string {
			return here(f.in.JoinTable(f.rows, plus, join.Wait(time.Second)).Named("j"))
		}, "JoinTable: the table is not versioned"},
		{"until no window closes", func(f draft) string { return here(f.rows.Suppress(table.UntilWindowCloses()).Named("s")) },
			"Suppress: the table is not windowed: there is no window that closes"},
		{"no records wait", func(f draft) string {
			return here(f.rows.Suppress(table.UntilTimeLimit(time.Second).MaxRecords(0)).Named("s"))
		}, "Suppress: the buffer needs room for at least 1 record, not 0"},
		{"no bytes wait", func(f draft) string {
			return here(f.rows.Suppress(table.UntilTimeLimit(time.Second).MaxBytes(0)).Named("s"))
		}, "Suppress: the buffer needs room for at least 1 byte, not 0"},
		{"negative limit", func(f draft) string {
			return here(f.rows.Suppress(table.UntilTimeLimit(-time.Second)).Named("s"))
		}, "Suppress: the time limit can't be negative: -1s"},
	})
}

func TestMistakesOfStores(t *testing.T) {
	count := func(place string, s state.TableSpec[string, int64]) func(f draft) string {
		return func(f draft) string { f.in.GroupByKey().Count(s); return place }
	}
	checkMistakes(t, []mistake{
		{"two of a name", func(f draft) string {
			f.in.GroupByKey().Count(countStore("twice"))
			return here(f.in.GroupByKey().Reduce(plus, state.KeyValue("twice", serde.String, serde.String)))
		}, `store name "twice" is taken by the store at mistakes_test.go:`},
		{"one twice", func(f draft) string {
			c := countStore("c")
			f.in.GroupByKey().Count(c)
			return here(f.in.GroupByKey().Count(c))
		}, `Count: store "c" is kept by Count at mistakes_test.go:`},
		{"no name", func(f draft) string { return here(f.in.GroupByKey().Count(countStore(""))) },
			"Count: the store has no name: give its handle one, or ask the builder for generated names"},
		{"bad name", count(here(), state.KeyValue("a b", serde.String, serde.Int64)), `store name "a b" has characters other than letters, digits, '.', '_' and '-'`},
		{"long name", count(here(), state.KeyValue(strings.Repeat("x", 250), serde.String, serde.Int64)), "is longer than 249 characters"},
		{"no TTL", count(here(), state.KeyValue("c", serde.String, serde.Int64, state.TTL(0))), "store c: a key has to live for a whole number of milliseconds, at least 1, not 0s"},
		{"negative TTL", count(here(), state.KeyValue("c", serde.String, serde.Int64, state.TTL(-time.Second))), "store c: a key has to live for a whole number of milliseconds, at least 1, not -1s"},
		{"TTL of a global table", func(f draft) string {
			return here(f.b.GlobalTable(topicOf("g"), textStore("g", state.TTL(time.Second))))
		},
			`GlobalTable: the keys of store "g" expire: those of a global table can't`},
		{"TTL of windows", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(state.Windows("w", serde.String, serde.Int64, state.TTL(time.Second))))
		}, "store w: keys expire in key-value stores only"},
		{"no room", count(here(), state.KeyValue("c", serde.String, serde.Int64, state.LRU(0))), "an LRU store needs room for at least 1 entry, not 0"},
		{"negative history", count(here(), state.Versioned("v", serde.String, serde.Int64, -time.Second)), "store v: the history of a versioned store can't be negative: -1s"},
		{"versioned global table", func(f draft) string {
			return here(f.b.GlobalTable(topicOf("g"), state.Versioned("g", serde.String, serde.String, time.Hour)))
		}, `GlobalTable: store "g" is versioned: that of a global table can't be`},
		{"no serde for keys", count(here(), state.KeyValue[string, int64]("c", nil, serde.Int64)), "store c: no serde for its keys: give its handle one"},
		{"no serde for values", count(here(), state.Versioned[string, int64]("c", serde.String, nil, time.Hour)), "store c: no serde for its values: give its handle one"},
		{"no serde for windows", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(state.Windows[string, int64]("w", serde.String, nil)))
		}, "store w: no serde for its values: give its handle one"},
		{"no serde for sessions", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBySession(window.Session(time.Minute)).Count(state.Sessions[string, int64]("w", nil, serde.Int64)))
		}, "store w: no serde for its keys: give its handle one"},
	})
}

func TestMistakesOfTopicsAndNames(t *testing.T) {
	empty := iter.Seq[secret](func(func(secret) bool) {})
	toSecret := func(string) secret { return secret{} }
	byLength := func(_, v string) secret { return secret{len(v)} }
	checkMistakes(t, []mistake{
		{"no serde to read", func(f draft) string {
			return here(f.b.Stream(topology.NewTopic[string, string]("x", serde.String, nil)))
		},
			"Stream: topic x: no serde for its values"},
		{"no serde to write", func(f draft) string { return here(f.in.To(topology.NewTopic[string, string]("x", nil, serde.String))) },
			"To: topic x: no serde for its keys"},
		{"no serde for a repartition", func(f draft) string { return here(f.in.MapValues(toSecret).Repartition().Named("r")) },
			"Repartition: no serde for values of type stream_test.secret: set one with Serdes, or register one with the builder"},
		{"no serde for groups", func(f draft) string {
			return here(f.in.MapValues(toSecret).GroupBy(func(k string, _ secret) string { return k }).Count(countStore("c")))
		},
			"Count: no serde for values of type stream_test.secret: set one with Serdes"},
		{"no serde for a table's groups", func(f draft) string {
			return here(f.rows.GroupBy(func(k, _ string) (string, secret) { return k, secret{} }).Count(countStore("c")))
		}, "Count: no serde for values of type stream_test.secret: set one with Serdes"},
		{"no serde for a join", func(f draft) string {
			return here(f.in.SelectKey(byLength).Join(f.in.SelectKey(byLength), "j", join.Within(time.Second), plus))
		}, "Join: no serde for keys of type stream_test.secret: set one with Serdes"},
		{"no serde for a table", func(f draft) string {
			return here(f.in.FlatMapValues(func(string) iter.Seq[secret] { return empty }).ToTable())
		}, "ToTable: no serde for values of type stream_test.secret: set one with Serdes"},
		{"empty topic", func(f draft) string { return here(f.b.Stream(topicOf(""))) }, "Stream: topic has an empty name"},
		{"bad topic", func(f draft) string { return here(f.b.Stream(topicOf("a/b"))) }, `Stream: topic name "a/b" has characters other than letters, digits, '.', '_' and '-'`},
		{"empty sink", func(f draft) string { return here(f.in.To(topicOf(""))) }, "To: topic has an empty name"},
		{"bad sink", func(f draft) string { return here(f.in.To(topicOf("a b"))) }, `To: topic name "a b" has characters other than`},
		{"sink of Kafka's own", func(f draft) string { return here(f.in.To(topicOf("__consumer_offsets"))) }, `To: topic "__consumer_offsets" is one of Kafka's own`},
		{"bad pattern", func(f draft) string { return here(f.b.Stream(topology.Pattern("(", serde.String, serde.String))) },
			"Stream: topic pattern: error parsing regexp: missing closing ): `(`"},
		{"pattern written", func(f draft) string { return here(f.in.To(topology.Pattern("x.*", serde.String, serde.String))) },
			"To: a topic pattern can't be written"},
		{"no choice of topic", func(f draft) string {
			return here(f.in.To(topology.TopicBy[string, string]("by", nil, serde.String, serde.String)))
		},
			"To: the function that chooses topic by is nil"},
		{"two reset policies", func(f draft) string { return here(f.b.Stream(topicOf("in").WithReset(topology.Latest))) },
			`Stream: topic "in" is read with another offset reset policy at mistakes_test.go:`},
		{"stream of a table's topic", func(f draft) string { return here(f.b.Stream(topicOf("rows"))) },
			`Stream: topic "rows" is read by Table at mistakes_test.go:`},
		{"late to a bad topic", func(f draft) string {
			return here(f.in.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Late(topicOf("")).Count(countWindows()))
		}, "Late: topic has an empty name"},
		{"bad node", func(f draft) string { return here(f.in.Filter(everyText).Named("a b")) }, `Filter: node name "a b" has characters other than`},
		{"no node name", func(f draft) string { return here(f.in.Filter(everyText).Named("")) }, "Named: the name is empty"},
		{"node taken", func(f draft) string {
			f.in.Filter(everyText).Named("f")
			return here(f.in.Peek(func(string, string) {}).Named("f"))
		}, `Peek: node name "f" is taken by Filter at mistakes_test.go:`},
		{"unknown parent", func(f draft) string { return here(f.b.Nodes().Node[string, string]("nope")) },
			`Node: node "nope" is not there, or added later`},
		{"no partitions", func(f draft) string { return here(f.in.RepartitionInto(0).Named("r")) }, "RepartitionInto: the number of partitions is 0: it must be at least 1"},
		{"negative partitions", func(f draft) string { return here(f.in.RepartitionInto(-3).Named("r")) }, "RepartitionInto: the number of partitions is -3: it must be at least 1"},
		{"too many partitions", func(f draft) string { return here(f.in.RepartitionInto(1 << 40).Named("r")) }, "the number of partitions is 1099511627776: it must be at most 2147483647"},
	})
}

func everyText(string, string) bool { return true }
