package conformance

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// simulation is a processor of the case language.
type simulation struct {
	x *interpreter
	p Processor
}

// scope is what both kinds of contexts have.
type scope interface {
	state.Context
	StreamTime() time.Time
	WallTime() time.Time
	Origin() (topology.Origin, bool)
	Every(interval time.Duration, clock topology.Clock, f func(time.Time) error) *topology.Timer
	EveryFrom(start time.Time, interval time.Duration, clock topology.Clock, f func(time.Time) error) *topology.Timer
}

// simulated is the processor of one task.
type simulated struct {
	simulation
	in      Shape
	ctx     scope
	forward func(record) error
	to      func(child string, r record) error
	store   entryStore // opened with the first record, as is the next
	commanded
	runs  int64 // of the punctuation
	timer *topology.Timer
}

// keyChanger is a simulated processor of the kind that may change keys,
// keyKeeper one of the kind that may not.
type (
	keyChanger struct{ *simulated }
	keyKeeper  struct{ *simulated }
)

func (s simulation) records(in Shape) func() keyChanger {
	return func() keyChanger { return keyChanger{&simulated{simulation: s, in: in}} }
}

func (s simulation) values(in Shape) func() keyKeeper {
	return func() keyKeeper { return keyKeeper{&simulated{simulation: s, in: in}} }
}

func (p keyChanger) Init(ctx *topology.Context[any, any]) error {
	p.forward, p.to = ctx.Forward, ctx.ForwardTo
	return p.init(ctx)
}

func (p keyChanger) Process(_ *topology.Context[any, any], r record) error { return p.process(r) }

func (p keyKeeper) Init(ctx *topology.ValueContext[any, any]) error {
	p.forward, p.to = ctx.ForwardRecord, ctx.ForwardTo
	return p.init(ctx)
}

func (p keyKeeper) Process(_ *topology.ValueContext[any, any], r record) error { return p.process(r) }

func (p *simulated) init(ctx scope) error {
	p.ctx = ctx
	s := p.p.Schedule
	if s == nil {
		return nil
	}
	clock, run := topology.StreamTime, p.tick
	if s.WallClock {
		clock = topology.WallTime
	}
	if p.p.Kind == "count_punctuate" {
		run = p.forwardCounts
	}
	interval := time.Duration(s.IntervalMS) * time.Millisecond
	if s.Start != nil {
		p.timer = ctx.EveryFrom(time.UnixMilli(*s.Start), interval, clock, run)
	} else {
		p.timer = ctx.Every(interval, clock, run)
	}
	return nil
}

func (p *simulated) process(r record) error {
	switch p.p.Kind {
	case "forward":
		return p.forward(r)
	case "drop":
		return nil
	case "duplicate":
		for range p.p.N {
			if err := p.forward(r); err != nil {
				return err
			}
		}
		return nil
	case "map_value":
		return p.value(r, p.p.Map(r.Key, r.Value))
	case "route":
		if strings.HasPrefix(Format(r.Value), "a") {
			return p.to(p.p.Children[0], r)
		}
		return p.to(p.p.Children[1], r)
	case "shift_ts":
		r.Time = r.Time.Add(time.Duration(p.p.N) * time.Millisecond)
		return p.forward(r)
	case "add_header":
		r.Headers = r.Headers.Clone()
		r.Headers.Add(p.p.Header, []byte(p.p.HeaderValue))
		return p.forward(r)
	case "remove_header":
		r.Headers = r.Headers.Clone()
		r.Headers.Remove(p.p.Header)
		return p.forward(r)
	}
	return p.inform(r)
}

// inform carries out the processors that tell of the record and its context.
func (p *simulated) inform(r record) error {
	switch p.p.Kind {
	case "header_to_value":
		v, ok := r.Headers.Last(p.p.Header)
		if !ok || v == nil {
			return p.value(r, nil)
		}
		return p.value(r, string(v))
	case "metadata":
		return p.value(r, p.metadata()+"/"+strconv.FormatInt(r.Time.UnixMilli(), 10))
	case "times":
		return p.value(r, p.times())
	case "ticker":
		r.Key = Format(r.Key)
		return p.value(r, Format(r.Value))
	}
	if p.store == nil && p.commanded == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	return p.withStore(r)
}

// value forwards a record with another value.
func (p *simulated) value(r record, v any) error {
	r.Value, r.NoKey, r.NoValue = v, r.Key == nil, v == nil
	return p.forward(r)
}

func (p *simulated) metadata() string {
	o, ok := p.ctx.Origin()
	if !ok {
		return "null--1@-1" // what Java's dummy metadata looks like
	}
	return fmt.Sprintf("%s-%d@%d", o.Topic, o.Partition, o.Offset)
}

func (p *simulated) times() string {
	at := int64(-1)
	if t := p.ctx.StreamTime(); !t.IsZero() {
		at = t.UnixMilli()
	}
	return fmt.Sprintf("stream=%d,wall=%d", at, p.ctx.WallTime().UnixMilli())
}

// tick is the punctuation of a ticker.
func (p *simulated) tick(at time.Time) error {
	p.runs++
	if p.runs == p.p.Schedule.CancelAt {
		p.timer.Cancel()
	}
	text := fmt.Sprintf("%d@%d,%s,metadata=%s", p.runs, at.UnixMilli(), p.times(), p.metadata())
	return p.forward(record{Key: "tick", Value: text, Time: at})
}

var errNoStore = errors.New("no store of the case language")
