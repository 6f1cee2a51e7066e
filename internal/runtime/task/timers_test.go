package task_test

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// ticks counts its punctuations.
type ticks struct{ n *int }

func (p ticks) Init(ctx *topology.Context[string, string]) error {
	ctx.Every(time.Second, topology.WallTime, func(time.Time) error { *p.n++; return nil })
	return nil
}

func (p ticks) Process(*topology.Context[string, string], topology.Record[string, string]) error {
	return nil
}

// A clock that jumps, or a task that was stopped for a day, does not make
// punctuations storm: the missed ones run once, and one that is set back waits
// for the time that was due (KIP-138).
func TestClockJumps(t *testing.T) {
	n, now := 0, int64(1_000_000)
	b := topology.NewBuilder()
	b.Source("events", topology.NewTopic("events", serde.String, serde.String)).
		Process("ticks", func() topology.Processor[string, string, string, string] { return ticks{&n} })
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	j, err := task.New(task.Config{App: "app", Nodes: sub.Nodes, Stores: sub.Stores, Clock: func() int64 { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ by, want int64 }{
		{999, 0}, {1, 1}, {0, 1},
		{24 * 3600_000, 2}, {0, 2}, {1000, 3}, // a day ahead
		{-3600_000, 3}, {3600_000, 3}, {1000, 4}, // an hour back
	} {
		now += step.by
		for range 3 { // as the worker's loop does
			if _, err := j.Punctuate(); err != nil {
				t.Fatal(err)
			}
		}
		if int64(n) != step.want {
			t.Fatalf("%d ms later: %d punctuations, want %d", step.by, n, step.want)
		}
	}
	if err := j.Close(true); err != nil {
		t.Fatal(err)
	}
}

// What happens when stream time moves is no punctuation, and costs no allocation
// though every record may move it.
func TestTimePasses(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(events).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64, state.TTL(time.Minute))).To(totals)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	count := measure.NewTask("0_0")
	j, err := task.New(task.Config{
		App: "app", Nodes: sub.Nodes, Stores: sub.Stores, Clock: func() int64 { return 0 }, GoesOn: true, Measure: count,
		Emit: func(*graph.Output) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close(false)
	now := int64(0)
	allocs := testing.AllocsPerRun(100, func() {
		now++
		if err := j.AdvanceStream(now); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 || count.Punctuations != 0 || j.StreamTime() != now {
		t.Errorf("at %d of %d: %v allocations, %d punctuations", j.StreamTime(), now, allocs, count.Punctuations)
	}
}
