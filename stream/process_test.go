package stream_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

type (
	textContext = topology.Context[string, string]
	textValues  = topology.ValueContext[string, string]
	text        = topology.Record[string, string]
)

var (
	processIn  = topology.NewTopic("in", serde.String, serde.String)
	processOut = topology.NewTopic("out", serde.String, serde.String)
	right      = topology.NewTopic("right", serde.String, serde.String)
)

// tally counts the records of each key in a store.
type tally struct {
	store *state.KeyValueSpec[string, int64]
}

func (p *tally) Process(ctx *topology.Context[string, int64], r text) error {
	store := p.store.In(ctx)
	n, _, err := store.Get(r.Key)
	if err != nil {
		return err
	}
	if err := store.Put(r.Key, n+1); err != nil {
		return err
	}
	return ctx.Forward(r.WithValue(n + 1))
}

// tallying is a supplier that brings its store along: s.Process(tallying("n")).
func tallying(name string) (supply func() *tally, store state.Spec) {
	n := state.KeyValue(name, serde.String, serde.Int64)
	return func() *tally { return &tally{n} }, n
}

func passText() func() topology.ProcessorFunc[string, string, string, string] {
	return topology.Func(func(ctx *textContext, r text) error { return ctx.Forward(r) })
}

func must(t *testing.T, b *stream.Builder) *topology.Topology {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestProcessNames(t *testing.T) {
	b := stream.NewBuilder()
	s := b.Stream(processIn)
	s.Process(passText()).To(processOut)
	s.Process(passText()).Named("named").Filter(func(_, v string) bool { return true })
	s.ProcessValues(topology.ValueFunc(func(ctx *textValues, r text) error { return ctx.Forward(r.Value) })).
		ProcessValues(topology.ValueFunc(func(ctx *textValues, r text) error { return ctx.Forward(r.Value) })).Named("values")
	s.Peek(func(string, string) {})
	got := must(t, b).Describe()
	for _, want := range []string{
		"KSTREAM-SOURCE-0000000000 (", "KSTREAM-PROCESSOR-0000000001 (", "KSTREAM-SINK-0000000002 (", "Processor: named (",
		"KSTREAM-FILTER-0000000003 (", "KSTREAM-PROCESSVALUES-0000000004 (", "Processor: values (", "KSTREAM-PEEK-0000000005 (",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the description lacks %q:\n%s", want, got)
		}
	}
}

// Process may move keys, so what groups behind it repartitions; ProcessValues can't.
func TestProcessRepartitions(t *testing.T) {
	group := func(s *stream.KStream[string, string]) {
		s.GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64))
	}
	for _, tt := range []struct {
		name string
		do   func(s *stream.KStream[string, string])
		want bool
	}{
		{"Process", func(s *stream.KStream[string, string]) { group(s.Process(passText())) }, true},
		{"ProcessValues", func(s *stream.KStream[string, string]) {
			group(s.ProcessValues(topology.ValueFunc(func(ctx *textValues, r text) error { return ctx.Forward(r.Value) })))
		}, false},
	} {
		b := stream.NewBuilder()
		tt.do(b.Stream(processIn))
		if got := strings.Contains(must(t, b).Describe(), "counts-repartition"); got != tt.want {
			t.Errorf("%s: repartition topic is %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSupplierWithItsStore(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(processIn).Process(tallying("n")).To(totals)
	top := must(t, b)
	if !strings.Contains(top.Describe(), "KSTREAM-PROCESSOR-0000000001 (stores: [n])") {
		t.Error(top)
	}
	d := streamtest.New(t, top)
	d.Send(processIn, "k", "a")
	d.Send(processIn, "k", "b")
	if got := d.Read(totals); len(got) != 2 || got[1].Value != 2 {
		t.Errorf("got %v", got)
	}
}

// A processor reads the store of an aggregate by its handle.
func TestProcessorOnStoreOfAggregate(t *testing.T) {
	counts := state.KeyValue("counts", serde.String, serde.Int64)
	b := stream.NewBuilder()
	s := b.Stream(processIn)
	s.GroupByKey().Count(counts)
	s.ProcessValues(topology.ValueFunc(func(ctx *textValues, r text) error {
		n, _, err := counts.In(ctx).Get(r.Key)
		if err != nil {
			return err
		}
		return ctx.Forward(fmt.Sprint(r.Value, "/", n))
	}), counts).To(processOut)
	d := streamtest.New(t, must(t, b))
	d.Send(processIn, "k", "a")
	d.Send(processIn, "k", "b")
	if got := valuesOf(d.Read(processOut)); !reflect.DeepEqual(got, []string{"a/1", "b/2"}) {
		t.Errorf("got %q", got)
	}
}

func valuesOf(records []text) []string {
	var vs []string
	for _, r := range records {
		vs = append(vs, r.Value)
	}
	return vs
}

// A put takes the time of the record that the processor was sent, which may be
// another one than the input's.
func TestStoreTimeIsTheRecordsOwn(t *testing.T) {
	last := state.KeyValue("last", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Stream(processIn).
		Process(topology.Func(func(ctx *textContext, r text) error {
			r.Time = r.Time.Add(time.Second)
			return ctx.Forward(r)
		})).
		Process(topology.Func(func(ctx *textContext, r text) error { return last.In(ctx).Put(r.Key, r.Value) }), last)
	d := streamtest.New(t, must(t, b))
	d.SendAt(processIn, "k", "a", time.UnixMilli(5))
	if e, ok, err := last.In(d).GetEntry("k"); !ok || err != nil || e.Time.UnixMilli() != 1005 {
		t.Errorf("got %v, %v, %v", e, ok, err)
	}
}

func TestNodesBehindOperators(t *testing.T) {
	b := stream.NewBuilder()
	upper := b.Stream(processIn).MapValues(strings.ToUpper).Named("upper")
	extra := topology.NewTopic("extra", serde.String, serde.String)
	upper.Node().Process("twice", topology.Func(func(ctx *textContext, r text) error {
		return errors.Join(ctx.Forward(r), ctx.Forward(r))
	})).To("extra-sink", extra)
	b.Nodes().Node[string, string]("upper").To("by-name", topology.NewTopic("named", serde.String, serde.String))
	counting, counts := tallying("n")
	upper.Process(counting).Named("counter")
	b.Nodes().Connect("counter", counts)
	upper.To(processOut)
	d := streamtest.New(t, must(t, b))
	d.Send(processIn, "k", "a")
	for topic, want := range map[string][]string{"out": {"A"}, "extra": {"A", "A"}, "named": {"A"}} {
		if got := valuesOf(d.Read(topology.NewTopic(topic, serde.String, serde.String))); !reflect.DeepEqual(got, want) {
			t.Errorf("topic %s: got %q, want %q", topic, got, want)
		}
	}
}

func TestGlobalStoreOfProcessor(t *testing.T) {
	glob := state.KeyValue("glob", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Stream(processIn).ProcessValues(topology.ValueFunc(func(ctx *textValues, r text) error {
		v, ok, err := glob.In(ctx).Get(r.Key)
		if err != nil {
			return err
		}
		return ctx.Forward(fmt.Sprint(r.Value, "/", v, ok))
	}), glob).To(processOut)
	b.GlobalStore(glob, right, topology.Func(func(ctx *topology.Context[struct{}, struct{}], r text) error {
		return glob.In(ctx).Put(r.Key, r.Value)
	})).Named("keeper")
	top := must(t, b)
	for _, want := range []string{"Source: keeper-source (topics: [right])", "Processor: keeper (stores: [glob])", "KSTREAM-PROCESSVALUES-0000000001 (stores: [])"} {
		if !strings.Contains(top.Describe(), want) {
			t.Errorf("the description lacks %q:\n%s", want, top)
		}
	}
	d := streamtest.New(t, top)
	d.Send(right, "k", "x")
	d.Send(processIn, "k", "a")
	if got := valuesOf(d.Read(processOut)); !reflect.DeepEqual(got, []string{"a/xtrue"}) {
		t.Errorf("got %q", got)
	}
}

// A global store has no task: its processor can neither forward nor schedule.
func TestGlobalStoreLimits(t *testing.T) {
	glob := state.KeyValue("glob", serde.String, serde.String)
	for _, tt := range []struct {
		do   func(ctx *textContext, r text) error
		want string
	}{
		{func(ctx *textContext, r text) error { return ctx.Forward(r) }, "record forwarded by the processor of a global store"},
		{func(ctx *textContext, r text) error {
			ctx.Every(time.Second, topology.WallTime, func(time.Time) error { return nil })
			return nil
		}, "punctuation of the processor of a global store"},
	} {
		b := stream.NewBuilder()
		b.GlobalStore(glob, right, topology.Func(tt.do))
		d := streamtest.New(t, must(t, b))
		if err := d.SendBytes("right", []byte("k"), []byte("v"), time.UnixMilli(1)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestProcessMistakes(t *testing.T) {
	tests := []struct {
		name  string
		build func(b *stream.Builder, s *stream.KStream[string, string])
		want  string
	}{
		{"nil supplier", func(_ *stream.Builder, s *stream.KStream[string, string]) {
			s.Process((func() *tally)(nil))
		}, "Process: the supplier is nil"},
		{"one for all", func(_ *stream.Builder, s *stream.KStream[string, string]) {
			one := &tally{}
			s.Process(func() *tally { return one })
		}, "Process: the supplier returned the same *stream_test.tally twice"},
		{"nil store", func(_ *stream.Builder, s *stream.KStream[string, string]) { s.Process(passText(), nil) },
			"Process: a store handle is nil"},
		{"nil pointer as store", func(_ *stream.Builder, s *stream.KStream[string, string]) {
			s.Process(passText(), (*state.KeyValueSpec[string, string])(nil))
		}, "Process: a store handle is nil"},
		{"nil global store", func(b *stream.Builder, _ *stream.KStream[string, string]) { b.GlobalStore(nil, right, passText()) },
			"GlobalStore: the store handle is nil"},
		{"empty name", func(_ *stream.Builder, s *stream.KStream[string, string]) { s.Process(passText()).Named("") },
			"Named: the name is empty"},
		{"name taken", func(b *stream.Builder, s *stream.KStream[string, string]) {
			s.Process(passText()).Named("p")
			s.Node().Process("p", passText())
		}, `Process: node name "p" is taken by Process at process_test.go:`},
		{"global store of a pattern", func(b *stream.Builder, _ *stream.KStream[string, string]) {
			b.GlobalStore(state.KeyValue("g", serde.String, serde.String), topology.Pattern("x.*", serde.String, serde.String), passText())
		}, "GlobalStore: a topic pattern can't fill a store"},
		{"global store of a topic in use", func(b *stream.Builder, _ *stream.KStream[string, string]) {
			b.GlobalStore(state.KeyValue("g", serde.String, serde.String), processIn, passText())
		}, `GlobalStore: topic "in" is read by Stream at process_test.go:`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := stream.NewBuilder()
			tt.build(b, b.Stream(processIn))
			_, err := b.Build()
			var mistakes *topology.BuildError
			if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 1 || !strings.HasPrefix(mistakes.Mistakes[0], "process_test.go:") ||
				!strings.Contains(mistakes.Mistakes[0], ": "+tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPartsBuildNothing(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(processIn).Node().To("snk", processOut)
	if _, err := b.Nodes().Build(); err == nil || !strings.Contains(err.Error(), "part of a stream.Builder") {
		t.Errorf("got %v", err)
	}
}
