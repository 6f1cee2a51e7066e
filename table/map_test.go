package table_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

var (
	in      = topology.NewTopic("in", serde.String, serde.String)
	out     = topology.NewTopic("out", serde.String, serde.String)
	lengths = topology.NewTopic("lengths", serde.String, serde.Int64)
)

func contains(s string) func(string, string) bool {
	return func(_, v string) bool { return strings.Contains(v, s) }
}

func start(t *testing.T, b *stream.Builder, opts ...streamtest.Option) *streamtest.Driver {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return streamtest.New(t, top, opts...)
}

func buildFails(t *testing.T, b *stream.Builder, want string) {
	t.Helper()
	_, err := b.Build()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error is %v, want one with %q", err, want)
	}
}

// send writes records to in, given as "key=value@time" or "key@time" for a
// delete, and the time may be left out.
func send(d *streamtest.Driver, records ...string) {
	for _, s := range records {
		r := topology.Record[string, string]{Time: time.UnixMilli(1)}
		kv, at, timed := strings.Cut(s, "@")
		if timed {
			var ms int64
			fmt.Sscan(at, &ms)
			r.Time = time.UnixMilli(ms)
		}
		var has bool
		r.Key, r.Value, has = strings.Cut(kv, "=")
		r.NoValue = !has
		d.SendRecord(in, r)
	}
}

// read returns the records of a topic as send takes them, with times.
func read[K, V any](d *streamtest.Driver, topic topology.Topic[K, V]) []string {
	got := []string{}
	for _, r := range d.Read(topic) {
		s := fmt.Sprint(r.Key)
		if !r.NoValue {
			s += fmt.Sprint("=", r.Value)
		}
		got = append(got, fmt.Sprint(s, "@", r.Time.UnixMilli()))
	}
	return got
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFilter(t *testing.T) {
	updates := []string{"k=b@1", "k=a@2", "k=b@3", "k=b@4", "l=b@5", "k@6"}
	plain := []string{"k@1", "k=a@2", "k@3", "k@4", "l@5", "k@6"}
	known := []string{"k=a@2", "k@3"}
	store := func() *state.KeyValueSpec[string, string] { return state.KeyValue("rows", serde.String, serde.String) }
	for name, c := range map[string]struct {
		of, own bool
		want    []string
	}{
		"without a store":           {false, false, plain},
		"with a store of its own":   {false, true, plain},
		"over a store":              {true, false, known},
		"over a store with its own": {true, true, known},
	} {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBuilder()
			table := b.Table(in)
			if c.of {
				table = table.Materialize(state.KeyValue("source", serde.String, serde.String))
			}
			rows := store()
			table = table.Filter(contains("a"))
			if c.own {
				table = table.Materialize(rows)
			}
			table.To(out)
			d := start(t, b)
			send(d, updates[:2]...)
			if c.own {
				if v, ok, err := rows.In(d).Get("k"); v != "a" || !ok || err != nil {
					t.Errorf("the row is %q %v %v", v, ok, err)
				}
			}
			send(d, updates[2:]...)
			expect(t, read(d, out), c.want...)
		})
	}
}

func TestFilterNot(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).FilterNot(contains("a")).To(out)
	d := start(t, b)
	send(d, "k=a@1", "k=b@2")
	expect(t, read(d, out), "k@1", "k=b@2")
}

func TestMapValues(t *testing.T) {
	for _, stored := range []bool{false, true} {
		b := stream.NewBuilder()
		calls := 0
		table := b.Table(in).MapValues(func(v string) int64 { calls++; return int64(len(v)) })
		store := state.KeyValue("lengths", serde.String, serde.Int64)
		if stored {
			table = table.Materialize(store)
		}
		table.To(lengths)
		d := start(t, b)
		send(d, "k=abc@1", "k@2", "l=cc@3", "l=d@1")
		expect(t, read(d, lengths), "k=3@1", "k@2", "l=2@3", "l=1@1")
		if calls != 3 {
			t.Errorf("the mapper was called %d times", calls)
		}
		if stored {
			if e, ok, err := store.In(d).GetEntry("l"); e.Value != 1 || e.Time.UnixMilli() != 1 || !ok || err != nil {
				t.Errorf("the row is %v %v %v", e, ok, err)
			}
		}
	}
}

func TestMapValuesToNull(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).MapValuesWithKey(func(k, v string) []byte {
		if v == "x" {
			return nil
		}
		return []byte(k + v)
	}).To(topology.NewTopic("out", serde.String, serde.Bytes))
	d := start(t, b)
	send(d, "k=a@1", "k=x@2")
	expect(t, read(d, out), "k=ka@1", "k@2")
}

func TestCachedFilterOverCachedTable(t *testing.T) {
	b := stream.NewBuilder(stream.CachedTables())
	source := state.KeyValue("source", serde.String, serde.String)
	b.Table(in).Materialize(source).Filter(contains("a")).Materialize(state.KeyValue("rows", serde.String, serde.String)).To(out)
	d := start(t, b, streamtest.CacheBytes(1<<20))
	send(d, "k=b@1", "k=a@2", "k=b@3", "k=b@4")
	expect(t, read(d, out), "k=a@2", "k@3")
}

func TestMaterializeTwice(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).Materialize(state.KeyValue("a", serde.String, serde.String)).Materialize(state.KeyValue("b", serde.String, serde.String))
	buildFails(t, b, `the table has the store "a" already`)
	b = stream.NewBuilder()
	b.Table(in).Materialize(state.KeyValue("", serde.String, serde.String))
	buildFails(t, b, "the store has no name")
}
