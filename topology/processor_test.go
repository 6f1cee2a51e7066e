package topology_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

var (
	in  = topology.NewTopic("in", serde.String, serde.String)
	out = topology.NewTopic("out", serde.String, serde.String)
	o1  = topology.NewTopic("o1", serde.String, serde.String)
	o2  = topology.NewTopic("o2", serde.String, serde.String)
)

type (
	record  = topology.Record[string, string]
	context = topology.Context[string, string]
	header  = topology.Header
)

func at(ms int64) time.Time { return time.UnixMilli(ms) }

func build(t *testing.T, b *topology.Builder) *topology.Topology {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// chain builds in -> p -> snk (out), with the sinks o1 and o2 behind p too.
func chain(t *testing.T, f func(ctx *context, r record) error, stores ...state.Spec) *topology.Topology {
	t.Helper()
	b := topology.NewBuilder()
	p := b.Source("src", in).Process("p", topology.Func(f), stores...)
	p.To("snk", out)
	p.To("x", o1)
	p.To("y", o2)
	return build(t, b)
}

// show is a record as text: key=value@time[headers].
func show(r record) string {
	k, v := r.Key, r.Value
	if r.NoKey {
		k = "null"
	}
	if r.NoValue {
		v = "null"
	}
	s := fmt.Sprintf("%s=%s@%d", k, v, r.Time.UnixMilli())
	for _, h := range r.Headers {
		s += fmt.Sprintf("[%s:%s]", h.Key, h.Value)
	}
	return s
}

func shown(records []record) []string {
	var s []string
	for _, r := range records {
		s = append(s, show(r))
	}
	return s
}

func TestForward(t *testing.T) {
	tests := []struct {
		name string
		do   func(ctx *context, r record) error
		want []string
	}{
		{"as it is", func(ctx *context, r record) error { return ctx.Forward(r) },
			[]string{"k=a@7[h:1]", "null=b@8", "k=null@9"}},
		{"twice", func(ctx *context, r record) error { return errors.Join(ctx.Forward(r), ctx.Forward(r)) },
			[]string{"k=a@7[h:1]", "k=a@7[h:1]", "null=b@8", "null=b@8", "k=null@9", "k=null@9"}},
		{"never", func(*context, record) error { return nil }, nil},
		{"new value", func(ctx *context, r record) error { return ctx.Forward(r.WithValue("v")) },
			[]string{"k=v@7[h:1]", "null=v@8", "k=v@9"}},
		{"new key", func(ctx *context, r record) error { return ctx.Forward(r.WithKey("K")) },
			[]string{"K=a@7[h:1]", "K=b@8", "K=null@9"}},
		{"new time", func(ctx *context, r record) error { r.Time = r.Time.Add(time.Second); return ctx.Forward(r) },
			[]string{"k=a@1007[h:1]", "null=b@1008", "k=null@1009"}},
		{"made anew", func(ctx *context, r record) error { return ctx.Forward(record{Key: "n", Value: "v"}) },
			[]string{"n=v@7", "n=v@8", "n=v@9"}},
		{"nulls", func(ctx *context, r record) error {
			return ctx.Forward(record{Key: "n", Value: "v", NoKey: true, NoValue: true})
		}, []string{"null=null@7", "null=null@8", "null=null@9"}},
		{"headers", func(ctx *context, r record) error {
			r.Headers.Add("n", []byte("2"))
			r.Headers.Remove("h")
			return ctx.Forward(r)
		}, []string{"k=a@7[n:2]", "null=b@8[n:2]", "k=null@9[n:2]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := streamtest.New(t, chain(t, tt.do))
			d.SendRecord(in, record{Key: "k", Value: "a", Time: at(7), Headers: topology.Headers{{Key: "h", Value: []byte("1")}}})
			d.SendRecord(in, record{NoKey: true, Value: "b", Time: at(8)})
			d.SendRecord(in, record{Key: "k", NoValue: true, Time: at(9)})
			if got := shown(d.Read(out)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := shown(d.Read(o2)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the last child got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestForwardTo(t *testing.T) {
	d := streamtest.New(t, chain(t, func(ctx *context, r record) error {
		if strings.HasPrefix(r.Value, "a") {
			return ctx.ForwardTo("x", r)
		}
		return ctx.ForwardTo("y", r)
	}))
	d.SendAt(in, "k", "apple", at(1))
	d.SendAt(in, "k", "bean", at(2))
	for _, tt := range []struct {
		topic topology.Topic[string, string]
		want  []string
	}{{out, nil}, {o1, []string{"k=apple@1"}}, {o2, []string{"k=bean@2"}}} {
		if got := shown(d.Read(tt.topic)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("topic %s: got %q, want %q", tt.topic.Name(), got, tt.want)
		}
	}
}

// A child sees what it was sent, not what the sibling before it was sent or did.
func TestForwardKeepsSiblingsApart(t *testing.T) {
	b := topology.NewBuilder()
	src := b.Source("src", in)
	for _, name := range []string{"first", "second"} {
		src.Process(name, topology.Func(func(ctx *context, r record) error {
			r.Headers.Add(name, nil)
			r.Key, r.Value, r.Time = name, name+r.Value, r.Time.Add(time.Second)
			return ctx.Forward(r)
		})).To(name+"-sink", out)
	}
	src.To("plain", out)
	d := streamtest.New(t, build(t, b))
	headers := append(make(topology.Headers, 0, 8), header{Key: "h"})
	d.SendRecord(in, record{Key: "k", Value: "a", Time: at(1), Headers: headers})
	want := []string{"first=firsta@1001[h:][first:]", "second=seconda@1001[h:][second:]", "k=a@1[h:]"}
	if got := shown(d.Read(out)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNilIsNull(t *testing.T) {
	words := topology.NewTopic("in", serde.Bytes, serde.Bytes)
	b := topology.NewBuilder()
	b.Source("src", words).Process("p", topology.Func(
		func(ctx *topology.Context[[]byte, []byte], r topology.Record[[]byte, []byte]) error {
			if r.NoValue != (r.Value == nil) {
				t.Errorf("NoValue is %v for %q", r.NoValue, r.Value)
			}
			r.Key, r.Value = r.Value, r.Key // the flags stay behind and don't count
			return ctx.Forward(r)
		})).To("snk", topology.NewTopic("out", serde.Bytes, serde.Bytes))
	d := streamtest.New(t, build(t, b))
	d.SendRecord(in, record{Key: "k", NoValue: true, Time: at(1)})
	d.SendRecord(in, record{NoKey: true, Value: "v", Time: at(2)})
	want := []string{"null=k@1", "v=null@2"}
	if got := shown(d.Read(out)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProcessErrors(t *testing.T) {
	n := state.KeyValue("n", serde.String, serde.Int64)
	other := state.KeyValue("other", serde.String, serde.String)
	tests := []struct {
		name string
		do   func(ctx *context, r record) error
		want []string
	}{
		{"unknown child", func(ctx *context, r record) error { return ctx.ForwardTo("z", r) },
			[]string{`child "z": not a child of node p, which has snk, x, y`, "process p (Process at processor_test.go:"}},
		{"an error that is kept", func(ctx *context, r record) error { _ = ctx.ForwardTo("z", r); return nil },
			[]string{`child "z": not a child`}},
		{"an error of its own besides", func(ctx *context, r record) error {
			_ = ctx.ForwardTo("z", r)
			return errors.New("more")
		}, []string{`child "z": not a child`, "more"}},
		{"negative time", func(ctx *context, r record) error { r.Time = at(-1); return ctx.Forward(r) },
			[]string{"record time 1969-12-31T23:59:59.999Z is before 1970"}},
		{"store not connected", func(ctx *context, r record) error { return n.In(ctx).Put(r.Key, 1) },
			[]string{"store n: not connected to node p (Process at processor_test.go:", "which has only other", "Connect"}},
		{"panic", func(*context, record) error { panic("boom") },
			[]string{"process p (Process at processor_test.go:", "panic: boom"}},
		{"interval", func(ctx *context, r record) error {
			ctx.Every(time.Microsecond, topology.WallTime, func(time.Time) error { return nil }).Cancel()
			return nil
		}, []string{"interval 1µs is shorter than 1ms"}},
		{"clock", func(ctx *context, r record) error {
			ctx.Every(time.Second, 0, func(time.Time) error { return nil })
			return nil
		}, []string{"clock 0 is neither"}},
		{"no function", func(ctx *context, r record) error { ctx.Every(time.Second, topology.StreamTime, nil); return nil },
			[]string{"punctuation function is nil"}},
		{"start", func(ctx *context, r record) error {
			ctx.EveryFrom(at(-5), time.Second, topology.StreamTime, func(time.Time) error { return nil })
			return nil
		}, []string{"is before 1970"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := streamtest.New(t, chain(t, tt.do, other))
			err := d.SendBytes("in", []byte("k"), []byte("v"), at(1))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(tt.want, "topic in partition 0 offset 0") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

// A panic of a child is told with the child, not with the node that forwarded.
func TestPanicBehindForward(t *testing.T) {
	b := topology.NewBuilder()
	b.Source("src", in).
		Process("p", topology.Func(func(ctx *context, r record) error { return ctx.Forward(r) })).
		Process("q", topology.Func(func(ctx *context, r record) error { panic("boom") }))
	d := streamtest.New(t, build(t, b))
	err := d.SendBytes("in", nil, []byte("v"), at(1))
	if err == nil || !strings.Contains(err.Error(), "process q (") {
		t.Errorf("got %v", err)
	}
}

// After a child is done, a panic is the forwarding node's own again.
func TestPanicAfterForward(t *testing.T) {
	b := topology.NewBuilder()
	p := b.Source("src", in).Process("p", topology.Func(func(ctx *context, r record) error {
		if err := ctx.Forward(r); err != nil {
			return err
		}
		panic("boom")
	}))
	p.Process("q", topology.Func(func(ctx *context, r record) error { return nil }))
	d := streamtest.New(t, build(t, b))
	err := d.SendBytes("in", nil, []byte("v"), at(1))
	if err == nil || !strings.Contains(err.Error(), "process p (") {
		t.Errorf("got %v", err)
	}
}

// What the context says of time and place.
func TestContextTells(t *testing.T) {
	d := streamtest.New(t, chain(t, func(ctx *context, r record) error {
		o, ok := ctx.Origin()
		if !ok || o != r.Origin {
			t.Errorf("Origin is %v, %v; the record has %v", o, ok, r.Origin)
		}
		if ctx.Err() != nil || ctx.Logger() == nil {
			t.Error("no live context or no logger")
		}
		return ctx.Forward(r.WithValue(fmt.Sprintf("stream=%d,wall=%d,%s-%d@%d", ctx.StreamTime().UnixMilli(), ctx.WallTime().UnixMilli(),
			o.Topic, o.Partition, o.Offset)))
	}))
	d.SendAt(in, "k", "a", at(10))
	d.SendAt(in, "k", "b", at(5))
	d.AdvanceWall(100 * time.Millisecond)
	d.SendAt(in, "k", "c", at(20))
	want := []string{"k=stream=10,wall=0,in-0@0@10", "k=stream=10,wall=0,in-0@1@5", "k=stream=20,wall=100,in-0@2@20"}
	if got := shown(d.Read(out)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Where the policy leaves a child's failures out, the node before goes on as if
// the child had returned.
func TestForwardBehindSkippedFailure(t *testing.T) {
	b := topology.NewBuilder()
	p := b.Source("src", in).Process("p", topology.Func(func(ctx *context, r record) error {
		return errors.Join(ctx.Forward(r.WithKey("first")), ctx.Forward(r))
	}))
	p.Process("q", topology.Func(func(ctx *context, r record) error {
		r.Time = at(99)
		if err := ctx.Forward(r.WithValue("q" + r.Value)); err != nil || r.Key == "k" {
			return err
		}
		panic("boom")
	})).To("q-sink", o1)
	p.To("snk", out)
	skip := func(*task.Failure) task.Verdict { return task.Skip }
	d, err := drive.New(drive.Config{Topology: build(t, b).Graph(), App: "app", OnError: skip, GoesOn: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Send(drive.Record{Topic: "in", Key: []byte("k"), Value: []byte("a"), Time: 1}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range d.Produced() {
		got = append(got, fmt.Sprintf("%s:%s=%s@%d", r.Topic, r.Key, r.Value, r.Time))
	}
	want := []string{"o1:first=qa@99", "out:first=a@1", "o1:k=qa@99", "out:k=a@1"}
	if !reflect.DeepEqual(got, want) || d.Dropped() != 1 {
		t.Errorf("got %q with %d left out, want %q", got, d.Dropped(), want)
	}
	if err := d.Close(true); err != nil {
		t.Error(err)
	}
}
