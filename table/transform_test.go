package table_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

var calls = state.KeyValue("calls", serde.String, serde.Int64)

// counted counts the calls for each key.
func counted(ctx *table.Context) func(string, string, bool) (int64, bool, error) {
	calls := calls.In(ctx)
	return func(k, _ string, _ bool) (int64, bool, error) {
		n, _, err := calls.Get(k)
		if err != nil {
			return 0, false, err
		}
		return n + 1, true, calls.Put(k, n+1)
	}
}

func TestTransformValues(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).TransformValues(counted, calls).Materialize(state.KeyValue("counted", serde.String, serde.Int64)).To(lengths)
	d := start(t, b)
	send(d, "k=a@1", "k=b@2", "l=c@3", "k@4")
	expect(t, read(d, lengths), "k=1@1", "k=2@2", "l=1@3", "k=3@4")
}

func TestTransformValuesSeesTheRecord(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).TransformValues(func(ctx *table.Context) func(string, string, bool) (string, bool, error) {
		return func(_, v string, ok bool) (string, bool, error) {
			o, from := ctx.Origin()
			return fmt.Sprint(v, ctx.Time().UnixMilli(), o.Topic, o.Offset, from, len(ctx.Headers()), ctx.Task()), ok, nil
		}
	}).To(out)
	d := start(t, b)
	d.SendRecord(in, topology.Record[string, string]{Key: "k", Value: "a", Time: time.UnixMilli(7), Headers: topology.Headers{{Key: "h"}}})
	send(d, "k@8")
	expect(t, read(d, out), "k=a7in0 true 1 0_0@7", "k@8")
}

func TestTransformValuesFails(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(in).TransformValues(func(*table.Context) func(string, string, bool) (string, bool, error) {
		return func(string, string, bool) (string, bool, error) { return "", false, errors.New("no way") }
	}).To(out)
	d := start(t, b)
	err := d.SendBytes("in", []byte("k"), []byte("v"), time.UnixMilli(1))
	if err == nil || !strings.Contains(err.Error(), "TransformValues") || !strings.Contains(err.Error(), "no way") {
		t.Errorf("error is %v", err)
	}
}

func TestGlobalTable(t *testing.T) {
	global := state.KeyValue("global", serde.String, serde.String)
	countries := topology.NewTopic("countries", serde.String, serde.String)
	b := stream.NewBuilder()
	b.GlobalTable(countries, global).Named("countries")
	b.Table(in).TransformValues(func(ctx *table.Context) func(string, string, bool) (string, bool, error) {
		v, err := ctx.StateStore("global")
		if err != nil {
			panic(err)
		}
		g := v.(interface {
			Get(string) (string, bool, error)
		})
		return func(_, v string, ok bool) (string, bool, error) {
			name, found, err := g.Get(v)
			return name, ok && found, err
		}
	}).To(out)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if s := top.Describe(); !strings.Contains(s, "Sub-topology: 0 for global store") || !strings.Contains(s, "Source: countries-source (topics: [countries])") {
		t.Errorf("the topology is\n%s", s)
	}
	d := streamtest.New(t, top)
	d.Send(countries, "de", "Germany")
	d.SendRecord(countries, topology.Record[string, string]{NoKey: true, Value: "x", Time: time.UnixMilli(1)})
	send(d, "k=de@1", "k=fr@2")
	d.SendRecord(countries, topology.Record[string, string]{Key: "de", NoValue: true, Time: time.UnixMilli(0)})
	send(d, "k=de@3")
	expect(t, read(d, out), "k=Germany@1", "k@2", "k@3")
	if d.Dropped() != 1 {
		t.Errorf("%d records were dropped", d.Dropped())
	}
}

func TestGlobalTableMistakes(t *testing.T) {
	b := stream.NewBuilder()
	b.GlobalTable(in, state.KeyValue("", serde.String, serde.String))
	buildFails(t, b, "the store has no name")
	b = stream.NewBuilder()
	b.GlobalTable(topology.Pattern("x.*", serde.String, serde.String), state.KeyValue("a", serde.String, serde.String))
	buildFails(t, b, "a topic pattern can't fill a store")
}
