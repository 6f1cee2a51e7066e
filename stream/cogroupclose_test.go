package stream_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var (
	views     = topology.NewTopic("views", serde.String, serde.String)
	buys      = topology.NewTopic("buys", serde.String, serde.Int64)
	lateViews = topology.NewTopic("late-views", serde.String, serde.String)
	lateBuys  = topology.NewTopic("late-buys", serde.String, serde.Int64)
	baskets   = topology.NewTopic("baskets", serde.String, serde.Int64)
)

func noBasket() int64 { return 0 }

func cogroupOfTwo(b *stream.Builder) *stream.CogroupedKStream[string, int64] {
	return b.Stream(views).GroupByKey().
		Cogroup(func(_, v string, sum int64) int64 { return sum + int64(len(v)) }).Late(lateViews).
		Cogroup(b.Stream(buys).GroupByKey(), func(_ string, n, sum int64) int64 { return sum + n }).Late(lateBuys)
}

func windowsOfTwo(b *stream.Builder) {
	stream.Of(cogroupOfTwo(b).
		WindowedBy(window.Tumbling(10*time.Second).Grace(2*time.Second)).EmitOnClose().
		Aggregate(noBasket, state.Windows("sums", serde.String, serde.Int64, state.Cached(true)))).
		Map(func(k window.Key[string], n int64) (string, int64) {
			return fmt.Sprintf("%s@%d", k.Key, k.Start/1000), n
		}).
		To(baskets)
}

func cogroupLines(d *streamtest.Driver) []string {
	var got []string
	for _, r := range d.Read(baskets) {
		got = append(got, fmt.Sprintf("%s=%d", r.Key, r.Value))
	}
	return got
}

func TestCogroupEmitOnClose(t *testing.T) {
	b := stream.NewBuilder()
	windowsOfTwo(b)
	d := streamtest.New(t, build(t, b), streamtest.CacheBytes(1<<20), streamtest.IdleFlush(time.Minute))
	d.SendAt(views, "a", "xx", at(1000))
	d.SendAt(buys, "a", 5, at(2000))
	d.SendAt(views, "b", "x", at(11_000))
	d.SendAt(buys, "a", 1, at(9000)) // within the grace period
	if got := cogroupLines(d); got != nil {
		t.Errorf("before the window closed: %v", got)
	}
	// The time of either stream closes the windows of both.
	d.SendAt(buys, "c", 7, at(12_000))
	if got, want := cogroupLines(d), []string{"a@0=8"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	d.SendAt(views, "a", "late", at(9999))
	d.SendAt(buys, "a", 100, at(9999))
	if got := d.Read(lateViews); len(got) != 1 || got[0].Value != "late" {
		t.Errorf("late views: %v", got)
	}
	if got := d.Read(lateBuys); len(got) != 1 || got[0].Value != 100 {
		t.Errorf("late buys: %v", got)
	}
	d.AdvanceWall(time.Minute)
	if got, want := cogroupLines(d), []string{"b@10=1", "c@10=7"}; !slices.Equal(got, want) {
		t.Errorf("when it was idle: %v, want %v", got, want)
	}
}

// Each window comes once, with the sum of all that was in time for it.
func TestCogroupEmitOnCloseModel(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := stream.NewBuilder()
		windowsOfTwo(b)
		d := streamtest.New(t, build(t, b))
		want, now, late := make(map[string]int64), int64(0), 0
		for range 300 {
			key, ts, n := string(rune('a'+rng.IntN(3))), max(0, now-4000+rng.Int64N(8000)), rng.Int64N(5)
			now = max(now, ts)
			if start := ts / 10_000 * 10_000; start+10_000+2000 > now {
				want[fmt.Sprintf("%s@%d", key, start/1000)] += n
			} else {
				late++
			}
			if rng.IntN(2) == 0 {
				d.SendAt(views, key, "xxxxx"[:n], at(ts))
			} else {
				d.SendAt(buys, key, n, at(ts))
			}
		}
		d.SendAt(buys, "end", 0, at(now+100_000))
		if got := len(d.Read(lateViews)) + len(d.Read(lateBuys)); got != late {
			t.Errorf("seed %d: %d late records, want %d", seed, got, late)
		}
		for _, r := range d.Read(baskets) {
			if n, ok := want[r.Key]; !ok || n != r.Value {
				t.Errorf("seed %d: %s is %d, want %d %v", seed, r.Key, r.Value, n, ok)
			}
			delete(want, r.Key)
		}
		if len(want) > 0 {
			t.Errorf("seed %d: no results for %v", seed, want)
		}
	}
}

func TestCogroupSessionsEmitOnClose(t *testing.T) {
	b := stream.NewBuilder()
	stream.Of(cogroupOfTwo(b).WindowedBySession(window.Session(3*time.Second)).EmitOnClose().
		Aggregate(noBasket, func(_ string, x, y int64) int64 { return x + y }, state.Sessions("sums", serde.String, serde.Int64))).
		Map(func(k window.Key[string], n int64) (string, int64) {
			return fmt.Sprintf("%s@%d-%d", k.Key, k.Start, k.End), n
		}).To(baskets)
	d := streamtest.New(t, build(t, b))
	d.SendAt(views, "a", "xx", at(1000))
	d.SendAt(buys, "a", 5, at(3000))
	d.SendAt(views, "b", "x", at(7000))
	d.SendAt(buys, "a", 9, at(500))
	if got, want := cogroupLines(d), []string{"a@1000-3000=7"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := d.Read(lateBuys); len(got) != 1 || got[0].Value != 9 {
		t.Errorf("late buys: %v", got)
	}
}

func TestCogroupLateMistakes(t *testing.T) {
	b := stream.NewBuilder()
	cogroupOfTwo(b).Late(lateViews).WindowedBy(window.Tumbling(time.Second)).
		Aggregate(noBasket, state.Windows("sums", serde.String, serde.Int64))
	buildFails(t, b, "Late: topic late-views is not of the types of the stream that was added last")
	b = stream.NewBuilder()
	cogroupOfTwo(b).Aggregate(noBasket, state.KeyValue("sums", serde.String, serde.Int64))
	buildFails(t, b, "Late: without windows no record comes too late")
	b = stream.NewBuilder()
	cogroupOfTwo(b).WindowedBy(window.Unlimited()).EmitOnClose().
		Aggregate(noBasket, state.Windows("sums", serde.String, serde.Int64))
	buildFails(t, b, "the window is unlimited: it never closes")
}
