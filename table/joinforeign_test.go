package table_test

import (
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// foreignKey is the first letter of a row; rows with a 0 have none.
func foreignKey(_, v string) (string, bool) { return v[:1], !strings.Contains(v, "0") }

// The result of a foreign-key join is, once all topics are read, what joining
// the rows gives, however the tables are partitioned.
func TestJoinForeignModel(t *testing.T) {
	keys := []string{"a", "b", "c", "d"}
	for name, left := range map[string]bool{"inner": false, "left": true} {
		for _, partitions := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				b := stream.NewBuilder(stream.GeneratedNames())
				l, r := b.Table(leftRows), b.Table(rightRows)
				var result textTable
				if left {
					result = l.LeftJoinForeign(r, foreignKey, matched)
				} else {
					result = l.JoinForeign(r, foreignKey, plus)
				}
				result.Named("fk").To(joinedOut)
				result.GroupBy(func(_, v string) (string, string) { return "all", v }).
					Aggregate(func() int64 { return 0 }, func(_, v string, n int64) int64 { return n + int64(len(v)) },
						func(_, v string, n int64) int64 { return n - int64(len(v)) }, state.KeyValue("size", serde.String, serde.Int64)).To(sizeOut)
				top, err := b.Build()
				if err != nil {
					t.Fatal(err)
				}
				runTables(t, streamtest.New(t, top, streamtest.Partitions(partitions)), 400, keys, func(l, r texts) texts {
					want := texts{}
					for k, v := range l {
						fk, has := foreignKey(k, v)
						match, ok := r[fk]
						if ok = ok && has; ok || left {
							want[k] = matched(v, match, ok)
						}
					}
					return want
				})
			})
		}
	}
}

// Partitioners send rows and answers to where they belong, in tables that are
// not partitioned by the hash of their keys.
func TestJoinForeignPartitioners(t *testing.T) {
	byKey := func(k string, n int) int { return int(k[0]) % n }
	b := stream.NewBuilder()
	l := b.Table(leftRows).Materialize(state.KeyValue("l", serde.String, serde.String))
	r := b.Table(rightRows).Materialize(state.KeyValue("r", serde.String, serde.String))
	l.JoinForeign(r, foreignKey, plus, join.Partitioners[string, string]{Left: byKey, Foreign: byKey}).Named("fk").To(joinedOut)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	const partitions = 3
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "test", Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	joined := 0
	for _, r := range []drive.Record{
		{Topic: "left", Key: []byte("a"), Value: []byte("b1")}, {Topic: "left", Key: []byte("c"), Value: []byte("a1")},
		{Topic: "right", Key: []byte("b"), Value: []byte("x")}, {Topic: "right", Key: []byte("a"), Value: []byte("y")},
		{Topic: "left", Key: []byte("b"), Value: []byte("a2")},
	} {
		r.Partition = int32(byKey(string(r.Key), partitions))
		if err := d.Send(r); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Produced() {
			if p.Internal && p.Partition != int32(byKey(string(p.Key), partitions)) {
				t.Errorf("%s: key %q goes to partition %d", p.Topic, p.Key, p.Partition)
			}
			if p.Topic == "joined" {
				joined++
			}
		}
	}
	if joined != 3 {
		t.Errorf("%d results, want 3", joined)
	}
	if err := d.Close(true); err != nil {
		t.Fatal(err)
	}
}

func TestJoinForeignMistakes(t *testing.T) {
	for text, call := range map[string]func(b *stream.Builder, l, r textTable){
		"the state of the foreign-key join has no name": func(_ *stream.Builder, l, r textTable) { l.JoinForeign(r, foreignKey, plus) },
		"give one at most": func(_ *stream.Builder, l, r textTable) {
			l.JoinForeign(r, foreignKey, plus, join.Partitioners[string, string]{}, join.Partitioners[string, string]{}).Named("fk")
		},
		"belongs to another builder": func(_ *stream.Builder, l, _ textTable) {
			o := stream.NewBuilder().Table(topology.NewTopic("x", serde.String, serde.String))
			l.JoinForeign(o, foreignKey, plus).Named("fk")
		},
	} {
		b := stream.NewBuilder()
		l := b.Table(leftRows).Materialize(state.KeyValue("l", serde.String, serde.String))
		r := b.Table(rightRows).Materialize(state.KeyValue("r", serde.String, serde.String))
		call(b, l, r)
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "_test.go:") {
			t.Errorf("error is %v, want one with %q and a place", err, text)
		}
	}
}
