package window

import (
	"fmt"
	"math"
	"time"
)

// Window divides a stream by time, the same way for all keys: a [TimeWindow],
// a [SlidingWindow] or an [UnlimitedWindow].
//
// A record is late for a window that has closed: one whose end stream time has
// passed by more than the grace period. Without one there is no grace.
type Window interface {
	// Problem says what is wrong with the window, or "". Builders ask it.
	Problem() string

	// SizeMillis is the distance from the start of a window to its end. The
	// largest int64 stands for windows without an end.
	SizeMillis() int64

	// GraceMillis is how long a window takes records after its end.
	GraceMillis() int64

	// RetentionMillis is how long a store has to keep windows, from their start.
	RetentionMillis() int64

	sealed()
}

// Aligned is a Window whose windows depend on time only, not on the records:
// a [TimeWindow] or an [UnlimitedWindow]. The windows of a time are
//
//	for start, ok := w.First(t); ok; start, ok = w.Next(start, t) {
type Aligned interface {
	Window

	// First returns the start of the first window that holds t.
	First(t int64) (start int64, ok bool)
	// Next returns the start of the next window that holds t.
	Next(start, t int64) (next int64, ok bool)
	// End returns the end of a window, at most the largest int64.
	End(start int64) int64
}

// millis is a duration in whole milliseconds. A part of one makes a problem.
type millis struct{ d time.Duration }

func (m millis) value() int64 { return m.d.Milliseconds() }

// problem says what is wrong with the duration, which is called what and has to
// be at least min.
func (m millis) problem(what string, min time.Duration) string {
	switch {
	case m.d < min && min > 0:
		return fmt.Sprintf("the %s has to be more than zero, not %v", what, m.d)
	case m.d < min:
		return fmt.Sprintf("the %s must not be negative, it is %v", what, m.d)
	case m.d%time.Millisecond != 0 && m.d != math.MaxInt64:
		return fmt.Sprintf("the %s has to be a whole number of milliseconds, not %v", what, m.d)
	}
	return ""
}

// first returns the first problem, or "".
func first(problems ...string) string {
	for _, p := range problems {
		if p != "" {
			return p
		}
	}
	return ""
}

// add returns a + b, at most the largest int64. Neither b is negative.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
