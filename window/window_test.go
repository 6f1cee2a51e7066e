package window_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/window"
)

const ms = time.Millisecond

var (
	_ window.Aligned = window.TimeWindow{}
	_ window.Aligned = window.UnlimitedWindow{}
	_ window.Window  = window.SlidingWindow{}
)

func spans(seq func(func(int64, int64) bool)) [][2]int64 {
	var all [][2]int64
	for start, end := range seq {
		all = append(all, [2]int64{start, end})
	}
	return all
}

func TestWindowsFor(t *testing.T) {
	const last = math.MaxInt64
	tests := []struct {
		name string
		w    interface {
			WindowsFor(t int64) func(func(int64, int64) bool)
		}
		at   int64
		want [][2]int64
	}{
		{"tumbling at the start", tumbling(10), 20, [][2]int64{{20, 30}}},
		{"tumbling before the end", tumbling(10), 29, [][2]int64{{20, 30}}},
		{"tumbling at the epoch", tumbling(10), 0, [][2]int64{{0, 10}}},
		{"tumbling before the epoch", tumbling(10), -1, nil},
		{"hopping", hopping(10, 5), 12, [][2]int64{{5, 15}, {10, 20}}},
		{"hopping at a start", hopping(10, 5), 10, [][2]int64{{5, 15}, {10, 20}}},
		{"hopping near the epoch", hopping(10, 5), 3, [][2]int64{{0, 10}}},
		{"hopping by what does not divide", hopping(10, 4), 13, [][2]int64{{4, 14}, {8, 18}, {12, 22}}},
		{"hopping by what does not divide, later", hopping(10, 4), 11, [][2]int64{{4, 14}, {8, 18}}},
		{"tumbling at the end of time", tumbling(10), last, [][2]int64{{last - 7, last}}},
		{"hopping at the end of time", hopping(10, 5), last, [][2]int64{{last - 7, last}, {last - 2, last}}},
		{"unlimited", unlimited(100), 100, [][2]int64{{100, last}}},
		{"unlimited at the end of time", unlimited(100), last, [][2]int64{{100, last}}},
		{"before unlimited", unlimited(100), 99, nil},
	}
	for _, tt := range tests {
		if got := spans(tt.w.WindowsFor(tt.at)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// seq hides that the windows are of different types.
type seq func(t int64) func(func(int64, int64) bool)

func (s seq) WindowsFor(t int64) func(func(int64, int64) bool) { return s(t) }

func tumbling(size int) seq {
	w := window.Tumbling(time.Duration(size) * ms)
	return func(t int64) func(func(int64, int64) bool) { return w.WindowsFor(t) }
}

func hopping(size, advance int) seq {
	w := window.Hopping(time.Duration(size)*ms, time.Duration(advance)*ms)
	return func(t int64) func(func(int64, int64) bool) { return w.WindowsFor(t) }
}

func unlimited(from int64) seq {
	w := window.Unlimited().StartingAt(time.UnixMilli(from))
	return func(t int64) func(func(int64, int64) bool) { return w.WindowsFor(t) }
}

// The windows of a time are all those of the grid that hold it, computed here
// by numbers that don't overflow.
func TestWindowsForAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		size := 1 + rng.Int64N(40)
		advance := 1 + rng.Int64N(size)
		w := window.Hopping(time.Duration(size)*ms, time.Duration(advance)*ms)
		at := rng.Int64N(200)
		if rng.IntN(2) == 0 {
			at = math.MaxInt64 - at
		}
		var want [][2]int64
		k := new(big.Int).Div(big.NewInt(max(0, at-size-1)), big.NewInt(advance)).Int64()
		for ; k >= 0 && k*advance <= at && k <= math.MaxInt64/advance; k++ {
			start := k * advance
			if new(big.Int).Add(big.NewInt(start), big.NewInt(size)).Cmp(big.NewInt(at)) <= 0 {
				continue
			}
			end := int64(math.MaxInt64)
			if start <= math.MaxInt64-size {
				end = start + size
			}
			want = append(want, [2]int64{start, end})
		}
		if got := spans(w.WindowsFor(at)); !slices.Equal(got, want) {
			t.Fatalf("size %d, advance %d, at %d: %v, want %v", size, advance, at, got, want)
		}
	}
}

func TestWindowsForDoesNotAllocate(t *testing.T) {
	var w window.Aligned = window.Hopping(10*ms, 2*ms)
	n := 0
	allocs := testing.AllocsPerRun(100, func() {
		for start, ok := w.First(1000); ok; start, ok = w.Next(start, 1000) {
			n += int(w.End(start))
		}
	})
	if allocs != 0 || n == 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestProblem(t *testing.T) {
	tests := []struct {
		w    interface{ Problem() string }
		want string // "" for none
	}{
		{window.Tumbling(time.Minute), ""},
		{window.Tumbling(time.Minute).Grace(0), ""},
		{window.Tumbling(math.MaxInt64).Grace(math.MaxInt64), ""},
		{window.Tumbling(0), "window size has to be more than zero"},
		{window.Tumbling(-ms), "window size has to be more than zero"},
		{window.Tumbling(time.Microsecond), "window size has to be a whole number of milliseconds"},
		{window.Tumbling(ms).Grace(-ms), "grace period must not be negative"},
		{window.Tumbling(ms).Grace(1), "grace period has to be a whole number"},
		{window.Hopping(time.Second, time.Second), ""},
		{window.Hopping(time.Second, 2*time.Second), "advance has to be more than zero and at most the window size of 1s, not 2s"},
		{window.Hopping(time.Second, 0), "advance has to be more than zero"},
		{window.Hopping(time.Second, -1), "advance has to be more than zero"},
		{window.Hopping(time.Second, time.Microsecond), "advance has to be a whole number"},
		{window.Sliding(ms), ""},
		{window.Sliding(0), "time difference has to be more than zero"},
		{window.Sliding(-ms), "time difference has to be more than zero"},
		{window.Sliding(ms).Grace(-ms), "grace period must not be negative"},
		{window.Session(0), ""},
		{window.Session(-ms), "gap must not be negative"},
		{window.Session(ms).Grace(-ms), "grace period must not be negative"},
		{window.Session(1), "gap has to be a whole number"},
		{window.Unlimited(), ""},
		{window.Unlimited().StartingAt(time.UnixMilli(-1)), "must not start before 1970, it starts at 1969-12-31T23:59:59.999Z"},
	}
	for _, tt := range tests {
		got := tt.w.Problem()
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.w, got, tt.want)
		}
	}
}

// A window with a mistake must not bring the program down before it is told.
func TestMistakesDoNotPanic(t *testing.T) {
	for _, w := range []window.TimeWindow{window.Tumbling(0), window.Tumbling(-5), window.Hopping(10*ms, time.Microsecond), {}} {
		if got := spans(w.WindowsFor(100)); got != nil {
			t.Errorf("%+v: %v", w, got)
		}
	}
}

func TestMillis(t *testing.T) {
	const last = math.MaxInt64
	tests := []struct {
		w                      window.Window
		size, grace, retention int64
	}{
		{window.Tumbling(10 * ms), 10, 0, 10},
		{window.Tumbling(10 * ms).Grace(5 * ms), 10, 5, 15},
		{window.Hopping(10*ms, 2*ms).Grace(5 * ms), 10, 5, 15},
		{window.Sliding(10 * ms).Grace(5 * ms), 10, 5, 25},
		{window.Unlimited(), last, 0, last},
	}
	for _, tt := range tests {
		got := [3]int64{tt.w.SizeMillis(), tt.w.GraceMillis(), tt.w.RetentionMillis()}
		if want := [3]int64{tt.size, tt.grace, tt.retention}; got != want {
			t.Errorf("%+v: size, grace, retention %v, want %v", tt.w, got, want)
		}
	}
	s := window.Session(10 * ms).Grace(5 * ms)
	if s.GapMillis() != 10 || s.GraceMillis() != 5 || s.RetentionMillis() != 15 {
		t.Errorf("%+v", s)
	}
	if end := window.Sliding(10 * ms).End(last - 5); end != last {
		t.Errorf("sliding window at the end of time ends at %d", end)
	}
}

func ExampleTimeWindow_WindowsFor() {
	w := window.Hopping(time.Minute, 30*time.Second).Grace(10 * time.Second)
	at := time.Date(2026, 1, 1, 12, 0, 45, 0, time.UTC)
	for start, end := range w.WindowsFor(at.UnixMilli()) {
		fmt.Println(time.UnixMilli(start).UTC().Format(time.TimeOnly), time.UnixMilli(end).UTC().Format(time.TimeOnly))
	}
	// Output:
	// 12:00:00 12:01:00
	// 12:00:30 12:01:30
}
