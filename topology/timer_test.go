package topology_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// ticker schedules a punctuation and forwards what it sees.
type ticker struct {
	clock    topology.Clock
	interval time.Duration
	from     time.Time // zero: unanchored
	cancelAt int
	runs     int
	timer    *topology.Timer
}

func (p *ticker) Init(ctx *context) error {
	run := func(now time.Time) error {
		p.runs++
		if p.runs == p.cancelAt {
			p.timer.Cancel()
			p.timer.Cancel()
		}
		stream := int64(-1)
		if !ctx.StreamTime().IsZero() {
			stream = ctx.StreamTime().UnixMilli()
		}
		_, ok := ctx.Origin()
		return ctx.Forward(record{Key: "tick", Value: fmt.Sprintf("%d@%d,stream=%d,wall=%d,%v",
			p.runs, now.UnixMilli(), stream, ctx.WallTime().UnixMilli(), ok)})
	}
	if p.from.IsZero() {
		p.timer = ctx.Every(p.interval, p.clock, run)
	} else {
		p.timer = ctx.EveryFrom(p.from, p.interval, p.clock, run)
	}
	return nil
}

func (p *ticker) Process(ctx *context, r record) error { return ctx.Forward(r) }

// The times are those of Kafka Streams in the same situations.
func TestPunctuations(t *testing.T) {
	send := func(ms int64) func(*streamtest.Driver) {
		return func(d *streamtest.Driver) {
			d.SendRecord(in, record{Key: "k", Value: "v", Time: at(ms), Headers: topology.Headers{{Key: "h"}}})
		}
	}
	wall := func(ms int) func(*streamtest.Driver) {
		return func(d *streamtest.Driver) { d.AdvanceWall(time.Duration(ms) * time.Millisecond) }
	}
	tests := []struct {
		name string
		p    ticker
		do   []func(*streamtest.Driver)
		want []string
	}{
		{"stream time", ticker{clock: topology.StreamTime, interval: 10 * time.Millisecond},
			[]func(*streamtest.Driver){send(3), send(12), wall(7), send(25), send(26), send(33)},
			[]string{"k=v@3[h:]", "tick=1@3,stream=3,wall=0,false@3", "k=v@12[h:]", "tick=2@12,stream=12,wall=0,false@12",
				"k=v@25[h:]", "tick=3@25,stream=25,wall=7,false@25", "k=v@26[h:]", "k=v@33[h:]", "tick=4@33,stream=33,wall=7,false@33"}},
		{"wall time", ticker{clock: topology.WallTime, interval: 10 * time.Millisecond},
			[]func(*streamtest.Driver){wall(9), wall(1), send(5), wall(35), wall(4), wall(1)},
			[]string{"tick=1@10,stream=-1,wall=10,false@10", "k=v@5[h:]", "tick=2@45,stream=5,wall=45,false@45",
				"tick=3@50,stream=5,wall=50,false@50"}},
		{"anchored", ticker{clock: topology.WallTime, interval: 10 * time.Millisecond, from: at(25)},
			[]func(*streamtest.Driver){wall(10), wall(15), wall(5), wall(5), wall(100)},
			[]string{"tick=1@25,stream=-1,wall=25,false@25", "tick=2@35,stream=-1,wall=35,false@35",
				"tick=3@135,stream=-1,wall=135,false@135"}},
		{"cancelled by itself", ticker{clock: topology.WallTime, interval: 10 * time.Millisecond, cancelAt: 2},
			[]func(*streamtest.Driver){wall(10), wall(10), wall(10), wall(10)},
			[]string{"tick=1@10,stream=-1,wall=10,false@10", "tick=2@20,stream=-1,wall=20,false@20"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := topology.NewBuilder()
			b.Source("src", in).Process("p", func() *ticker { p := tt.p; return &p }).To("snk", out)
			d := streamtest.New(t, build(t, b))
			for _, do := range tt.do {
				do(d)
			}
			if got := shown(d.Read(out)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// stubborn schedules in a ValueProcessor, which has no key to forward then.
type stubborn struct{}

func (stubborn) Init(ctx *topology.ValueContext[string, string]) error {
	ctx.Every(time.Millisecond, topology.WallTime, func(time.Time) error { return ctx.Forward("x") })
	return nil
}

func (stubborn) Process(ctx *topology.ValueContext[string, string], r record) error {
	return ctx.Forward(r.Value)
}

func TestValueProcessorInPunctuation(t *testing.T) {
	b := topology.NewBuilder()
	b.Source("src", in).ProcessValues("p", func() stubborn { return stubborn{} }).To("snk", out)
	err := advance(t, build(t, b))
	if err == nil || !strings.Contains(err.Error(), "has no key there") || !strings.Contains(err.Error(), "p (ProcessValues at timer_test.go:") {
		t.Errorf("got %v", err)
	}
}

func TestValueProcessor(t *testing.T) {
	tests := []struct {
		name string
		do   func(ctx *topology.ValueContext[string, string], r record) error
		want []string
	}{
		{"value", func(ctx *topology.ValueContext[string, string], r record) error { return ctx.Forward(r.Value + "!") },
			[]string{"k=a!@1[h:]", "null=b!@2"}},
		{"record", func(ctx *topology.ValueContext[string, string], r record) error {
			return ctx.ForwardRecord(record{Key: "other", Value: r.Value, NoKey: true, NoValue: r.Value == "b", Time: at(5)})
		}, []string{"k=a@5", "null=null@5"}},
		{"child", func(ctx *topology.ValueContext[string, string], r record) error { return ctx.ForwardTo("snk", r) },
			[]string{"k=a@1[h:]", "null=b@2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := topology.NewBuilder()
			b.Source("src", in).ProcessValues("p", topology.ValueFunc(tt.do)).To("snk", out)
			d := streamtest.New(t, build(t, b))
			d.SendRecord(in, record{Key: "k", Value: "a", Time: at(1), Headers: topology.Headers{{Key: "h"}}})
			d.SendRecord(in, record{NoKey: true, Value: "b", Time: at(2)})
			if got := shown(d.Read(out)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A punctuation may forward and remove what it iterates over.
func TestPunctuationEmptiesStore(t *testing.T) {
	b := topology.NewBuilder()
	b.Source("clicks", clicks).Process("counter", newClickCounter, open).To("counts", perMinute)
	d := streamtest.New(t, build(t, b))
	for _, user := range []string{"b", "a", "c", "a"} {
		d.Send(clicks, user, "x")
	}
	d.AdvanceWall(time.Minute)
	d.Send(clicks, "a", "x")
	d.AdvanceWall(time.Minute)
	var got []string
	for _, r := range d.Read(perMinute) {
		got = append(got, fmt.Sprintf("%s=%d@%d", r.Key, r.Value, r.Time.UnixMilli()))
	}
	if want := []string{"a=2@60000", "b=1@60000", "c=1@60000", "a=1@120000"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// holder keeps a record until a punctuation.
type holder struct{ held record }

func (h *holder) Init(ctx *context) error {
	ctx.Every(time.Millisecond, topology.WallTime, func(time.Time) error { return ctx.Forward(h.held) })
	return nil
}

func (h *holder) Process(_ *context, r record) error {
	r.Headers.Add("held", nil)
	h.held = r
	return nil
}

// Headers that a node added stay as they are whatever its siblings add.
func TestHeldHeaders(t *testing.T) {
	b := topology.NewBuilder()
	p := b.Source("src", in).Process("p", topology.Func(func(ctx *context, r record) error {
		r.Headers = append(make(topology.Headers, 0, 8), header{Key: "h"})
		return ctx.Forward(r)
	}))
	p.Process("holder", func() *holder { return &holder{} }).To("snk", out)
	p.Process("sibling", topology.Func(func(ctx *context, r record) error {
		r.Headers.Add("sibling", nil)
		return ctx.Forward(r)
	}))
	d := streamtest.New(t, build(t, b))
	d.SendAt(in, "k", "v", at(3))
	d.AdvanceWall(time.Millisecond)
	if got, want := shown(d.Read(out)), []string{"k=v@3[h:][held:]"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
