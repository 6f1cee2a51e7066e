package table_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

type (
	texts     = map[string]string
	textTable = *table.KTable[string, string]
)

var (
	leftRows  = stringRows("left")
	rightRows = stringRows("right")
	joinedOut = stringRows("joined")
	sizeOut   = topology.NewTopic("size", serde.String, serde.Int64)
)

// tableCase is a join of two tables, and the same over maps.
type tableCase struct {
	join  func(b *stream.Builder, l, r textTable) textTable
	model func(l, r texts, k string) (string, bool)
}

func matched(l, r string, ok bool) string {
	if !ok {
		r = "-"
	}
	return l + "+" + r
}

func plus(l, r string) string { return l + "+" + r }

func paired(p join.Pair[string, string]) string {
	if !p.HasLeft {
		return "-+" + p.Right
	}
	return matched(p.Left, p.Right, p.HasRight)
}

var tableCases = map[string]tableCase{
	"inner": {
		func(_ *stream.Builder, l, r textTable) textTable { return l.Join(r, plus) },
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return a + "+" + b, hasA && hasB
		},
	},
	"left": {
		func(_ *stream.Builder, l, r textTable) textTable { return l.LeftJoin(r, matched) },
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return matched(a, b, hasB), hasA
		},
	},
	"outer": {
		func(_ *stream.Builder, l, r textTable) textTable { return l.OuterJoin(r, paired) },
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return paired(join.Pair[string, string]{Left: a, Right: b, HasLeft: hasA, HasRight: hasB}), hasA || hasB
		},
	},
	"inner with key": {
		func(_ *stream.Builder, l, r textTable) textTable {
			return l.JoinWithKey(r, func(k, a, b string) string { return k + a + b })
		},
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return k + a + b, hasA && hasB
		},
	},
	"of a filtered table": {
		func(_ *stream.Builder, l, r textTable) textTable {
			return l.LeftJoin(r.Filter(func(_, v string) bool { return !strings.Contains(v, "1") }), matched)
		},
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return matched(a, b, hasB && !strings.Contains(b, "1")), hasA
		},
	},
	"of three": {
		func(b *stream.Builder, l, r textTable) textTable {
			return b.Table(stringRows("none")).OuterJoin(l.OuterJoin(r, paired), paired)
		},
		func(l, r texts, k string) (string, bool) {
			a, hasA := l[k]
			b, hasB := r[k]
			return "-+" + paired(join.Pair[string, string]{Left: a, Right: b, HasLeft: hasA, HasRight: hasB}), hasA || hasB
		},
	},
}

func stringRows(topic string) topology.Topic[string, string] {
	return topology.NewTopic(topic, serde.String, serde.String)
}

// The result of a join is at each moment what joining the rows of that moment
// gives, and an aggregate of it has exactly its rows, kept in a store or not,
// cached or not.
func TestJoinModel(t *testing.T) {
	for name, c := range tableCases {
		for _, kept := range []string{"computed", "stored", "cached"} {
			t.Run(name+", "+kept, func(t *testing.T) {
				opts := []stream.BuilderOption{stream.GeneratedNames()}
				if kept == "cached" {
					opts = append(opts, stream.CachedTables())
				}
				b := stream.NewBuilder(opts...)
				result := c.join(b, b.Table(leftRows), b.Table(rightRows))
				if kept != "computed" {
					result = result.Materialize(state.KeyValue("joined", serde.String, serde.String))
				}
				size := func(_, v string, sum int64) int64 { return sum + int64(len(v)) }
				less := func(_, v string, sum int64) int64 { return sum - int64(len(v)) }
				result.GroupBy(func(_, v string) (string, string) { return "all", v }).
					Aggregate(func() int64 { return 0 }, size, less, state.KeyValue("size", serde.String, serde.Int64)).To(sizeOut)
				result.To(joinedOut)
				top, err := b.Build()
				if err != nil {
					t.Fatal(err)
				}
				runTables(t, streamtest.New(t, top, streamtest.CacheBytes(1<<20)), 300, []string{"a", "b", "c"}, func(l, r texts) texts {
					want := texts{}
					for _, k := range []string{"a", "b", "c"} {
						if v, ok := c.model(l, r, k); ok {
							want[k] = v
						}
					}
					return want
				})
			})
		}
	}
}

// runTables sends random updates to both tables and compares the result with
// what join makes of their rows.
func runTables(t *testing.T, d *streamtest.Driver, n int, keys []string, join func(l, r texts) texts) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	l, r, got := texts{}, texts{}, texts{}
	var size, sizes int64
	for i := range n {
		topic, rows := leftRows, l
		if rnd.IntN(2) == 0 {
			topic, rows = rightRows, r
		}
		rec := topology.Record[string, string]{Key: keys[rnd.IntN(len(keys))], Value: keys[rnd.IntN(len(keys))] + fmt.Sprint(rnd.IntN(3)), Time: time.UnixMilli(int64(100 + i - rnd.IntN(20)))}
		rec.NoValue = rnd.IntN(4) == 0
		if rec.NoValue {
			delete(rows, rec.Key)
		} else {
			rows[rec.Key] = rec.Value
		}
		d.SendRecord(topic, rec)
		for _, u := range d.Read(joinedOut) {
			if u.NoValue {
				delete(got, u.Key)
			} else {
				got[u.Key] = u.Value
			}
		}
		want := join(l, r)
		if !maps.Equal(got, want) {
			t.Fatalf("after record %d, %+v of %s: result is %v, want %v of %v and %v", i, rec, topic.Name(), got, want, l, r)
		}
		sizes = 0
		for _, v := range want {
			sizes += int64(len(v))
		}
		for _, u := range d.Read(sizeOut) {
			size = u.Value
		}
		if size != sizes {
			t.Fatalf("after record %d, %+v of %s: the aggregate is %d, want %d of %v", i, rec, topic.Name(), size, sizes, want)
		}
	}
}

// A result has the higher time of both rows; updates from no row to no row are
// left out.
func TestJoinTimes(t *testing.T) {
	b := stream.NewBuilder(stream.GeneratedNames())
	b.Table(leftRows).OuterJoin(b.Table(rightRows), paired).To(joinedOut)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	d.SendRecord(leftRows, topology.Record[string, string]{Key: "k", NoValue: true, Time: at(1)})
	d.SendAt(leftRows, "k", "a", at(5))
	d.SendAt(rightRows, "k", "x", at(3))
	d.SendRecord(leftRows, topology.Record[string, string]{Key: "k", NoValue: true, Time: at(2)})
	d.SendRecord(rightRows, topology.Record[string, string]{Key: "k", NoValue: true, Time: at(9)})
	d.SendRecord(rightRows, topology.Record[string, string]{Key: "k", NoValue: true, Time: at(9)})
	var got []string
	for _, r := range d.Read(joinedOut) {
		got = append(got, fmt.Sprintf("%s %v @%d", r.Value, r.NoValue, r.Time.UnixMilli()))
	}
	want := "a+- false @5,a+x false @5,-+x false @3, true @9"
	if strings.Join(got, ",") != want {
		t.Errorf("joined has %s, want %s", strings.Join(got, ","), want)
	}
}
