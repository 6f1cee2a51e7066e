package table_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// suppressed sends updates through a suppression.
func suppressed(t *testing.T, s table.Suppression) *streamtest.Driver {
	t.Helper()
	b := stream.NewBuilder()
	b.Table(in).Materialize(rows).Suppress(s).Named("wait").To(out)
	return start(t, b)
}

func TestSuppressUntilTimeLimit(t *testing.T) {
	d := suppressed(t, table.UntilTimeLimit(10*time.Millisecond))
	send(d, "a=1@0", "b=2@3", "a=3@5", "c=4@9")
	expect(t, read(d, out))
	send(d, "c=5@10")
	expect(t, read(d, out), "a=3@5")
	send(d, "b@12", "late=1@1", "x=1@50")
	expect(t, read(d, out), "late=1@1", "b@12", "c=5@10")
}

func TestSuppressWithoutWait(t *testing.T) {
	d := suppressed(t, table.UntilTimeLimit(0))
	send(d, "a=1@1", "a@2")
	expect(t, read(d, out), "a=1@1", "a@2")
}

func TestSuppressLimits(t *testing.T) {
	d := suppressed(t, table.UntilTimeLimit(time.Second).MaxRecords(2))
	send(d, "a=1@1", "b=2@2", "a=3@3", "c=4@4", "d=5@5")
	expect(t, read(d, out), "a=3@3", "b=2@2")
	// A key of one byte with a value of one takes 32 bytes.
	d = suppressed(t, table.UntilTimeLimit(time.Second).MaxBytes(80))
	send(d, "a=1@1", "b=2@2", "a=33333333@3", "c=4@4")
	expect(t, read(d, out), "a=33333333@3")
}

func TestSuppressStrictLimit(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).Materialize(rows).Suppress(table.UntilTimeLimit(time.Second).MaxRecords(1).ShutDownWhenFull()).Named("wait").To(out)
	d := start(t, b)
	send(d, "a=1@1")
	err := d.SendBytes("in", []byte("b"), []byte("2"), time.UnixMilli(2))
	if !errors.Is(err, table.ErrSuppressFull) || !strings.Contains(err.Error(), "wait-store") {
		t.Errorf("error is %v", err)
	}
}

// TestSuppressForwardsTheRecord checks that time, headers and origin are those
// of the update, not of the record that lets it out.
func TestSuppressForwardsTheRecord(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).Materialize(rows).Suppress(table.UntilTimeLimit(time.Millisecond)).Named("wait").
		TransformValues(func(ctx *table.Context) func(string, string, bool) (string, bool, error) {
			return func(_, v string, ok bool) (string, bool, error) {
				o, _ := ctx.Origin()
				return fmt.Sprint(v, " ", o.Topic, o.Offset), ok, nil
			}
		}).To(out)
	d := start(t, b)
	d.SendRecord(in, topology.Record[string, string]{Key: "a", Value: "1", Time: time.UnixMilli(1), Headers: topology.Headers{{Key: "h", Value: []byte("x")}}})
	send(d, "b=2@9")
	got := d.Read(out)
	if len(got) != 1 || got[0].Value != "1 in0" || got[0].Time.UnixMilli() != 1 || len(got[0].Headers) != 1 || string(got[0].Headers[0].Value) != "x" {
		t.Errorf("got %+v", got)
	}
}

type windowed = window.Key[string]

// TestSuppressUntilWindowCloses has a table of windows made by hand.
func TestSuppressUntilWindowCloses(t *testing.T) {
	key := serde.TimeWindowed(serde.String, 10*time.Millisecond)
	b := stream.NewBuilder()
	windows := b.Stream(in).SelectKey(func(k, v string) windowed {
		start := int64(v[0]-'0') * 10
		return windowed{Key: k, Start: start, End: start + 10}
	}).Serdes(key, nil).ToTable().Named("windows").Materialize(state.KeyValue("rows", key, serde.String))
	dsl.Of((*dsl.Table[windowed, string])(windows)).GraceMillis = 5
	windows.Suppress(table.UntilWindowCloses()).Named("final").To(topology.NewTopic("out", key, serde.String))
	d := start(t, b)
	send(d, "b=0x@1", "a=0x@2", "a=0y@14", "c=1x@14")
	final := topology.NewTopic("out", key, serde.String)
	if got := d.Read(final); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	send(d, "c=1y@15")
	expect(t, read(d, final), "{a 0 10}=0y@14", "{b 0 10}=0x@1")
	send(d, "d=4@40")
	expect(t, read(d, final), "{c 10 20}=1y@15")
}

func TestSuppressMistakes(t *testing.T) {
	for want, s := range map[string]table.Suppression{
		"the table is not windowed":                     table.UntilWindowCloses(),
		"the time limit can't be negative":              table.UntilTimeLimit(-1),
		"the buffer needs room for at least 1 record":   table.UntilTimeLimit(1).MaxRecords(0),
		"the buffer needs room for at least 1 byte":     table.UntilTimeLimit(1).MaxBytes(0),
		"the buffer of suppressed updates has no name:": table.UntilTimeLimit(1),
	} {
		b := stream.NewBuilder()
		b.Table(in).Materialize(rows).Suppress(s)
		buildFails(t, b, want)
	}
	b := stream.NewBuilder()
	b.Table(in).Materialize(state.Versioned("v", serde.String, serde.String, time.Hour)).Suppress(table.UntilTimeLimit(1)).Named("x")
	buildFails(t, b, "the table is versioned")
	b = stream.NewBuilder()
	b.Table(in).Materialize(rows).Suppress(table.UntilTimeLimit(1)).Named("x").Materialize(state.KeyValue("y", serde.String, serde.String))
	buildFails(t, b, "suppressed updates have no store of their own")
}

// TestSuppressModel compares random updates with a list kept by hand.
func TestSuppressModel(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { suppressModel(t, seed) })
	}
}

type waiting struct {
	key, update string
	at          int64
}

func suppressModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	wait, limit := rng.Int64N(30), 1+rng.IntN(6)
	d := suppressed(t, table.UntilTimeLimit(time.Duration(wait)*time.Millisecond).MaxRecords(limit))
	var held []waiting // in order
	var now, seen int64
	for i := range 300 {
		now += rng.Int64N(5)
		at := max(0, now-rng.Int64N(20))
		seen = max(seen, at)
		k := fmt.Sprint("k", rng.IntN(8))
		update := fmt.Sprintf("%s=%d@%d", k, i, at)
		send(d, update)
		if j := slices.IndexFunc(held, func(w waiting) bool { return w.key == k }); j >= 0 {
			held[j].update = update
		} else {
			held = append(held, waiting{k, update, at})
			slices.SortFunc(held, func(a, b waiting) int {
				if a.at != b.at {
					return int(a.at - b.at)
				}
				return strings.Compare(a.key, b.key)
			})
		}
		var want []string
		for len(held) > 0 && (held[0].at <= seen-wait || len(held) > limit) {
			want = append(want, held[0].update)
			held = held[1:]
		}
		if got := read(d, out); !slices.Equal(got, want) {
			t.Fatalf("step %d: got %v, want %v", i, got, want)
		}
	}
}
