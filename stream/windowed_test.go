package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var (
	clicks     = topology.NewTopic("clicks", serde.String, serde.String)
	lateClicks = topology.NewTopic("late-clicks", serde.String, serde.String)
	perMinute  = topology.NewTopic("per-minute", serde.TimeWindowed(serde.String, time.Minute), serde.Int64)
	visits     = topology.NewTopic("visits", serde.SessionWindowed(serde.String), serde.Int64)
)

func second(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func built(t testing.TB, b *stream.Builder) *topology.Topology {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func windowRecords[V any](records []topology.Record[window.Key[string], V]) []string {
	var all []string
	for _, r := range records {
		v := fmt.Sprint(r.Value)
		if r.NoValue {
			v = "null"
		}
		all = append(all, fmt.Sprintf("%s %d-%d: %s", r.Key.Key, r.Key.Start/1000, r.Key.End/1000, v))
	}
	return all
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A record that comes too late goes to the topic for late ones, once and as it is.
func TestLate(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(clicks).GroupByKey().
		WindowedBy(window.Hopping(time.Minute, 20*time.Second).Grace(10 * time.Second)).Late(lateClicks).
		Count(state.Windows("counts", serde.String, serde.Int64)).To(perMinute)
	d := streamtest.New(t, built(t, b))
	d.SendAt(clicks, "a", "x", second(100))
	d.SendAt(clicks, "a", "y", second(95)) // of 40-100, which takes records until 110
	if late := d.Read(lateClicks); len(late) > 0 || d.Dropped() > 0 {
		t.Errorf("%d late, %d dropped", len(late), d.Dropped())
	}
	d.SendAt(clicks, "b", "z", second(135))
	d.Read(perMinute)
	d.SendRecord(clicks, topology.Record[string, string]{Key: "a", Value: "late", Time: second(90), Headers: serde.Headers{{Key: "h", Value: []byte("1")}}})
	late := d.Read(lateClicks)
	if len(late) != 1 || late[0].Key != "a" || late[0].Value != "late" || !late[0].Time.Equal(second(90)) || len(late[0].Headers) != 1 {
		t.Errorf("late: %+v", late)
	}
	// It was late for 40-100 and 60-120, and counts in 80-140.
	equal(t, windowRecords(d.Read(perMinute)), "a 80-140: 3")
	if d.Dropped() != 2 {
		t.Errorf("%d dropped, want 2", d.Dropped())
	}
	d.SendAt(clicks, "a", "older", second(5))
	if late := d.Read(lateClicks); len(late) != 1 || late[0].Value != "older" {
		t.Errorf("late: %+v", late)
	}
}

func TestLateSessions(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(clicks).GroupByKey().WindowedBySession(window.Session(time.Minute)).Late(lateClicks).
		Count(state.Sessions("visits-of", serde.String, serde.Int64)).To(visits)
	d := streamtest.New(t, built(t, b))
	d.SendAt(clicks, "a", "1", second(100))
	d.SendAt(clicks, "a", "2", second(161))
	d.SendAt(clicks, "b", "3", second(100))
	equal(t, windowRecords(d.Read(visits)), "a 100-100: 1", "a 161-161: 1")
	if late := d.Read(lateClicks); len(late) != 1 || late[0].Key != "b" || d.Dropped() != 1 {
		t.Errorf("late: %+v, %d dropped", late, d.Dropped())
	}
	d.SendAt(clicks, "a", "4", second(130))
	equal(t, windowRecords(d.Read(visits)), "a 161-161: null", "a 130-161: 2")
}

// Late records reach nothing else, and a table behind the windows works on.
func TestLateAndTable(t *testing.T) {
	b := stream.NewBuilder()
	counts := b.Stream(clicks).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Late(lateClicks).
		Count(state.Windows("counts", serde.String, serde.Int64)).Named("count")
	counts.Filter(func(_ window.Key[string], n int64) bool { return n > 1 }).To(perMinute)
	top := built(t, b)
	if text := top.Describe(); !strings.Contains(text, "Sink: count-late (topic: late-clicks)") {
		t.Error(text)
	}
	d := streamtest.New(t, top)
	for _, s := range []int{0, 30, 70, 10} {
		d.SendAt(clicks, "a", "x", second(s))
	}
	equal(t, windowRecords(d.Read(perMinute)), "a 0-60: 2")
	if late := d.Read(lateClicks); len(late) != 1 {
		t.Errorf("%d late, want 1", len(late))
	}
}

// Nothing is lost where event time runs far ahead of the wall clock, and of the
// looks for windows that closed: not in a backlog, not by a jump, not by a crash.
func TestEmitOnCloseLosesNothing(t *testing.T) {
	const keys, windows = 20, 300
	for name, opener := range variants(t) {
		for _, sessions := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, sessions %v", name, sessions), func(t *testing.T) {
				b := stream.NewBuilder()
				g := b.Stream(nullIn).GroupByKey()
				key := serde.TimeWindowed(serde.String, 10*time.Second)
				if sessions {
					key = serde.SessionWindowed(serde.String)
					g.WindowedBySession(window.Session(4 * time.Second).Grace(time.Second)).EmitOnClose().
						Count(state.Sessions("store", serde.String, serde.Int64)).
						MapValues(func(n int64) string { return fmt.Sprint(n) }).To(topology.NewTopic("out", key, serde.String))
				} else {
					g.WindowedBy(window.Tumbling(10 * time.Second).Grace(5 * time.Second)).EmitOnClose().
						Count(state.Windows("store", serde.String, serde.Int64)).
						MapValues(func(n int64) string { return fmt.Sprint(n) }).To(topology.NewTopic("out", key, serde.String))
				}
				j := &job{t: t, opener: opener, every: 1000}
				j.begin(built(t, b))
				for w := range int64(windows) {
					if w == 200 {
						j.crash(true, func() {})
					}
					for k := range keys {
						for i := range int64(2) {
							j.send(fmt.Appendf(nil, "k%02d", k), []byte("x"), w*10_000+i*3000)
						}
					}
					if w%10 == 0 {
						j.commit()
					}
					if w%150 == 0 {
						j.clock += 1000 // the only looks there are
					}
				}
				j.clock += 1000
				j.send([]byte("jump"), []byte("x"), 1<<40)
				j.commit()
				seen := map[string]bool{}
				for _, o := range j.out {
					row, update := windowedText(t, key, o)
					if seen[row] {
						t.Fatalf("%s came twice", row)
					}
					seen[row] = true
					if !strings.HasPrefix(update, row+"=2 at") {
						t.Fatal(update)
					}
				}
				// As in Kafka Streams the commit tells the close time behind the last results.
				if _, progress, err := task.DecodeMetadata(j.metadata); err != nil || progress["store"] != 1<<40-5000 {
					t.Errorf("progress %v %v", progress, err)
				}
				if len(seen) != keys*windows {
					t.Errorf("%d of %d windows came out", len(seen), keys*windows)
				}
			})
		}
	}
}

// The mistakes of windows and their stores are told with their places.
func TestWindowMistakes(t *testing.T) {
	counts := func(opts ...state.Option) *state.WindowsSpec[string, int64] {
		return state.Windows("counts", serde.String, serde.Int64, opts...)
	}
	by := func(w window.Window) func(g *stream.KGroupedStream[string, string]) {
		return func(g *stream.KGroupedStream[string, string]) { g.WindowedBy(w).Count(counts()) }
	}
	over := func(opts ...state.Option) func(g *stream.KGroupedStream[string, string]) {
		return func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(window.Tumbling(time.Minute).Grace(time.Minute)).Count(counts(opts...))
		}
	}
	tests := []struct {
		name  string
		build func(g *stream.KGroupedStream[string, string])
		want  string
	}{
		{"no size", by(window.Tumbling(0)), "windowed_test.go:LINE: WindowedBy: the window size has to be more than zero"},
		{"no window", by(nil), "WindowedBy: the window is nil"},
		{"negative grace", by(window.Sliding(time.Second).Grace(-1)), "WindowedBy: the grace period must not be negative"},
		{"session", func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBySession(window.Session(-1)).Count(state.Sessions("s", serde.String, serde.Int64))
		}, "WindowedBySession: the gap must not be negative"},
		{"emit of unlimited", func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(window.Unlimited()).EmitOnClose().Count(counts())
		}, "EmitOnClose: the window is unlimited"},
		{"retention", over(state.Retention(time.Minute)), `Count: store "counts" keeps windows for 60000 ms: the windows and their grace period need 120000 ms`},
		{"odd retention", over(state.Retention(time.Hour + 1)), "store counts: the retention has to be a whole number of milliseconds"},
		{"duplicates", over(state.Duplicates()), `store "counts" keeps duplicates`},
		{"other size", over(state.WindowSize(time.Second)), "has windows of 1000 ms"},
		{"LRU", over(state.LRU(5)), "store counts: LRU is for key-value stores"},
		{"late topic", func(g *stream.KGroupedStream[string, string]) {
			g.WindowedBy(window.Tumbling(time.Minute)).Late(topology.NewTopic("a b", serde.String, serde.String)).Count(counts())
		}, "Late: topic name"},
	}
	for _, tt := range tests {
		b := stream.NewBuilder()
		tt.build(b.Stream(clicks).GroupByKey())
		_, err := b.Build()
		var mistakes *topology.BuildError
		if err == nil || !errors.As(err, &mistakes) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := strings.TrimPrefix(tt.want, "windowed_test.go:LINE: ")
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "windowed_test.go:") {
			t.Errorf("%s: %v, want %q with its place", tt.name, err, want)
		}
	}
}

// A window store for processors needs a retention.
func TestWindowStoreWithoutRetention(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(clicks).Process(func() topology.Processor[string, string, string, string] { return nil },
		state.Windows("w", serde.String, serde.String), state.Sessions("s", serde.String, serde.String))
	_, err := b.Build()
	for _, name := range []string{"w", "s"} {
		if want := fmt.Sprintf("store %q has no retention", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Keys and rows of a windowed table fit tables behind it.
func TestWindowedTable(t *testing.T) {
	b := stream.NewBuilder()
	counts := b.Stream(clicks).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(state.Windows("counts", serde.String, serde.Int64))
	total := topology.NewTopic("totals", serde.String, serde.Int64)
	add := func(a, b int64) int64 { return a + b }
	counts.GroupBy(func(k window.Key[string], n int64) (string, int64) { return k.Key, n }).
		Serdes(serde.String, serde.Int64).
		Reduce(add, func(a, b int64) int64 { return a - b }, state.KeyValue("totals", serde.String, serde.Int64)).To(total)
	d := streamtest.New(t, built(t, b))
	for _, s := range []int{0, 10, 70} {
		d.SendAt(clicks, "a", "x", second(s))
	}
	var got []string
	for _, r := range d.Read(total) {
		got = append(got, fmt.Sprint(r.Value))
	}
	if last := got[len(got)-1]; last != "3" {
		t.Errorf("totals %q", got)
	}
}
