package window

import (
	"fmt"
	"iter"
	"math"
	"time"
)

// TimeWindow is windows of a fixed size, aligned to the epoch: tumbling ones
// follow each other, hopping ones overlap. A window holds the times from its
// start up to, but without, its end.
type TimeWindow struct{ size, advance, grace millis }

// Tumbling returns windows of a size, one behind the other.
func Tumbling(size time.Duration) TimeWindow { return Hopping(size, size) }

// Hopping returns windows of a size, one beginning every advance, which is at
// most the size. A time is in size/advance windows, rounded up.
func Hopping(size, advance time.Duration) TimeWindow {
	return TimeWindow{size: millis{size}, advance: millis{advance}}
}

// Grace lets windows take records until stream time is d past their end. The
// default is no grace: a window closes when stream time reaches its end.
func (w TimeWindow) Grace(d time.Duration) TimeWindow {
	w.grace = millis{d}
	return w
}

// WindowsFor yields the start and the end of each window that holds t, in
// milliseconds, the earliest first. No window starts before 0, so that there
// are none for a negative time.
func (w TimeWindow) WindowsFor(t int64) iter.Seq2[int64, int64] { return windowsFor(w, t) }

func windowsFor(w Aligned, t int64) iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		for start, ok := w.First(t); ok && yield(start, w.End(start)); start, ok = w.Next(start, t) {
		}
	}
}

// First returns the start of the first window that holds t.
func (w TimeWindow) First(t int64) (start int64, ok bool) {
	advance := w.advance.value()
	if advance <= 0 || t < 0 {
		return 0, false
	}
	return max(0, t-(w.size.value()-advance)) / advance * advance, true
}

// Next returns the start of the next window that holds t.
func (w TimeWindow) Next(start, t int64) (next int64, ok bool) {
	advance := w.advance.value()
	return start + advance, advance <= t-start
}

// End returns the end of a window, at most the largest int64.
func (w TimeWindow) End(start int64) int64 { return add(start, w.size.value()) }

// Problem says what is wrong with the window, or "".
func (w TimeWindow) Problem() string {
	if p := w.size.problem("window size", 1); p != "" {
		return p
	}
	if w.advance.d <= 0 || w.advance.d > w.size.d {
		return fmt.Sprintf("the advance has to be more than zero and at most the window size of %v, not %v", w.size.d, w.advance.d)
	}
	return first(w.advance.problem("advance", 1), w.grace.problem("grace period", 0))
}

// SizeMillis is the size of a window.
func (w TimeWindow) SizeMillis() int64 { return w.size.value() }

// GraceMillis is how long a window takes records after its end.
func (w TimeWindow) GraceMillis() int64 { return w.grace.value() }

// RetentionMillis is how long a store has to keep windows: size and grace.
func (w TimeWindow) RetentionMillis() int64 { return add(w.size.value(), w.grace.value()) }

func (TimeWindow) sealed() {}

// UnlimitedWindow is one window without an end. It never closes.
type UnlimitedWindow struct{ start int64 }

// Unlimited returns the window that begins at the epoch.
func Unlimited() UnlimitedWindow { return UnlimitedWindow{} }

// StartingAt lets the window begin at t; records before it are ignored.
func (w UnlimitedWindow) StartingAt(t time.Time) UnlimitedWindow {
	w.start = t.UnixMilli()
	return w
}

// WindowsFor yields the window, if it holds t.
func (w UnlimitedWindow) WindowsFor(t int64) iter.Seq2[int64, int64] { return windowsFor(w, t) }

// First returns the start of the window, if it holds t.
func (w UnlimitedWindow) First(t int64) (start int64, ok bool) { return w.start, t >= w.start }

// Next returns false: there is no other window.
func (UnlimitedWindow) Next(start, _ int64) (next int64, ok bool) { return start, false }

// End returns the largest int64.
func (UnlimitedWindow) End(int64) int64 { return math.MaxInt64 }

// Problem says what is wrong with the window, or "".
func (w UnlimitedWindow) Problem() string {
	if w.start < 0 {
		return fmt.Sprintf("the window must not start before 1970, it starts at %s", time.UnixMilli(w.start).UTC().Format(time.RFC3339Nano))
	}
	return ""
}

// SizeMillis is the largest int64.
func (UnlimitedWindow) SizeMillis() int64 { return math.MaxInt64 }

// GraceMillis is 0: the window never ends.
func (UnlimitedWindow) GraceMillis() int64 { return 0 }

// RetentionMillis is the largest int64: the window is kept for good.
func (UnlimitedWindow) RetentionMillis() int64 { return math.MaxInt64 }

func (UnlimitedWindow) sealed() {}
