package stream_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var (
	idleIn    = topology.NewTopic("idle-in", serde.String, serde.String)
	idleRight = topology.NewTopic("idle-right", serde.String, serde.String)
	idleLate  = topology.NewTopic("idle-late", serde.String, serde.String)
	idleOut   = topology.NewTopic("idle-out", serde.String, serde.Int64)
	idlePairs = topology.NewTopic("idle-pairs", serde.String, serde.String)
)

func perKey(k window.Key[string], n int64) (string, int64) {
	return fmt.Sprintf("%s@%d", k.Key, k.Start/1000), n
}

// idleCases count by key and window; the windows that hold a record at 7 s close
// at 12 s at the latest, 5 s after it.
var idleCases = map[string]func(b *stream.Builder){
	"emit on close": func(b *stream.Builder) {
		stream.Of(b.Stream(idleIn).GroupByKey().WindowedBy(window.Tumbling(10 * time.Second).Grace(2 * time.Second)).
			EmitOnClose().Late(idleLate).Count(state.Windows("counts", serde.String, serde.Int64))).
			Map(perKey).To(idleOut)
	},
	"suppress": func(b *stream.Builder) {
		stream.Of(b.Stream(idleIn).GroupByKey().WindowedBy(window.Tumbling(10 * time.Second).Grace(2 * time.Second)).
			Late(idleLate).Count(state.Windows("counts", serde.String, serde.Int64)).
			Suppress(table.UntilWindowCloses()).Named("closed")).
			Map(perKey).To(idleOut)
	},
	"session": func(b *stream.Builder) {
		stream.Of(b.Stream(idleIn).GroupByKey().WindowedBySession(window.Session(3 * time.Second).Grace(1 * time.Second)).
			EmitOnClose().Late(idleLate).Count(state.Sessions("counts", serde.String, serde.Int64))).
			Map(func(k window.Key[string], n int64) (string, int64) { return k.Key + "@0", n }).To(idleOut)
	},
	"sliding": func(b *stream.Builder) {
		stream.Of(b.Stream(idleIn).GroupByKey().WindowedBy(window.Sliding(4 * time.Second)).
			EmitOnClose().Late(idleLate).Count(state.Windows("counts", serde.String, serde.Int64))).
			Filter(func(k window.Key[string], _ int64) bool { return k.Start == 3000 }).
			Map(func(k window.Key[string], n int64) (string, int64) { return k.Key + "@0", n }).To(idleOut)
	},
}

func idleResults(d *streamtest.Driver) []string {
	var got []string
	for _, r := range d.Read(idleOut) {
		got = append(got, fmt.Sprintf("%s=%d", r.Key, r.Value))
	}
	return got
}

func TestIdleFlush(t *testing.T) {
	for name, c := range idleCases {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBuilder()
			c(b)
			d := streamtest.New(t, build(t, b), streamtest.IdleFlush(3*time.Second))
			d.SendAt(idleIn, "a", "x", time.UnixMilli(6500))
			d.SendAt(idleIn, "a", "y", time.UnixMilli(7000))
			d.AdvanceWall(2 * time.Second)
			if got := idleResults(d); got != nil {
				t.Errorf("before its time: %v", got)
			}
			d.AdvanceWall(4 * time.Second)
			if got, want := idleResults(d), []string{"a@0=2"}; !slices.Equal(got, want) {
				t.Errorf("when it was idle: %v, want %v", got, want)
			}
			// What was closed stays closed; what comes next is in time.
			d.SendAt(idleIn, "a", "late", time.UnixMilli(7000))
			if late := d.Read(idleLate); len(late) != 1 || late[0].Value != "late" {
				t.Errorf("late records: %v", late)
			}
			d.SendAt(idleIn, "b", "z", time.UnixMilli(30_000))
			d.SendAt(idleIn, "b", "z", time.UnixMilli(90_000))
			if got := idleResults(d); slices.Contains(got, "a@0=1") || slices.Contains(got, "a@0=2") {
				t.Errorf("a closed window again: %v", got)
			}
		})
	}
}

func TestNotIdleByDefault(t *testing.T) {
	for name, c := range idleCases {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBuilder()
			c(b)
			d := streamtest.New(t, build(t, b))
			d.SendAt(idleIn, "a", "x", time.UnixMilli(7000))
			d.AdvanceWall(24 * time.Hour)
			if got := idleResults(d); got != nil {
				t.Errorf("results without a record: %v", got)
			}
		})
	}
}

// A window ends no earlier than in real time, however short the silence.
func TestIdleFlushKeepsPace(t *testing.T) {
	b := stream.NewBuilder()
	idleCases["emit on close"](b)
	d := streamtest.New(t, build(t, b), streamtest.IdleFlush(10*time.Millisecond))
	d.SendAt(idleIn, "a", "x", time.UnixMilli(1000))
	d.AdvanceWall(9 * time.Second) // 10 s: within the grace period
	d.SendAt(idleIn, "a", "y", time.UnixMilli(9000))
	if late := d.Read(idleLate); len(late) != 0 {
		t.Fatalf("late: %v", late)
	}
	d.AdvanceWall(2 * time.Second)
	if got := idleResults(d); got != nil {
		t.Fatalf("before its time: %v", got)
	}
	d.AdvanceWall(time.Second)
	if got, want := idleResults(d), []string{"a@0=2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestIdleFlushOfJoins(t *testing.T) {
	describe := func(l, r string, ok bool) string {
		if !ok {
			return l + " alone"
		}
		return l + r
	}
	b := stream.NewBuilder()
	b.Stream(idleIn).LeftJoin(b.Stream(idleRight), "join", join.Within(5*time.Second).Grace(time.Second), describe).To(idlePairs)
	d := streamtest.New(t, build(t, b), streamtest.IdleFlush(time.Second))
	d.SendAt(idleIn, "a", "x", time.UnixMilli(1000))
	d.AdvanceWall(6 * time.Second)
	if got := d.Read(idlePairs); len(got) != 0 {
		t.Fatalf("before its time: %v", got)
	}
	d.AdvanceWall(time.Second)
	got := d.Read(idlePairs)
	if len(got) != 1 || got[0].Value != "x alone" || got[0].Time.UnixMilli() != 1000 {
		t.Errorf("got %v", got)
	}
	// A match that comes too late is a result beside the first one.
	d.SendAt(idleRight, "a", "y", time.UnixMilli(2000))
	if got := d.Read(idlePairs); len(got) != 1 || got[0].Value != "xy" {
		t.Errorf("late match: %v", got)
	}
}
