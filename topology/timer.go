package topology

import (
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
)

// Clock is what a punctuation follows.
type Clock uint8

// The clocks. Stream time moves only with records, wall time by itself: it is
// looked at between batches of records.
const (
	StreamTime = Clock(graph.StreamClock)
	WallTime   = Clock(graph.WallClock)
)

// Timer is a punctuation that was scheduled. It belongs to the task's goroutine.
type Timer struct{ cancel func() }

// Cancel ends it. It may be called in the punctuation itself, and more than once.
func (t *Timer) Cancel() {
	if t.cancel != nil {
		t.cancel()
	}
}

// Every calls f again and again: a punctuation. By stream time it runs first
// with the next record, then whenever records have moved time by the interval;
// by wall time first after one interval. Of intervals that were missed only one
// call remains. at is the time of the clock. What f forwards has that time and
// no headers unless f sets them, and Origin says nothing.
//
// An interval is whole milliseconds, at least one. A mistake in the call is an
// error that Init or Process then returns in the processor's place.
func (s *scope) Every(interval time.Duration, clock Clock, f func(at time.Time) error) *Timer {
	return s.schedule(graph.Unanchored, interval, clock, f)
}

// EveryFrom is Every with a first call at start, or, if that has passed, at the
// next time that is a whole number of intervals after it. start is not before
// 1970. (KIP-1146)
func (s *scope) EveryFrom(start time.Time, interval time.Duration, clock Clock, f func(at time.Time) error) *Timer {
	at := start.UnixMilli()
	if at < 0 {
		_ = s.failf("punctuation start %s is before 1970", start)
		return &Timer{}
	}
	return s.schedule(at, interval, clock, f)
}

func (s *scope) schedule(start int64, interval time.Duration, clock Clock, f func(at time.Time) error) *Timer {
	var err error
	switch {
	case interval < time.Millisecond:
		err = s.failf("punctuation interval %s is shorter than 1ms", interval)
	case clock != StreamTime && clock != WallTime:
		err = s.failf("punctuation clock %d is neither StreamTime nor WallTime", clock)
	case f == nil:
		err = s.failf("punctuation function is nil")
	case s.global:
		err = s.failf("punctuation of the processor of a global store, which has no task")
	}
	if err != nil {
		return &Timer{}
	}
	return &Timer{s.in.Schedule(graph.Schedule{
		Node: s.node, Clock: graph.Clock(clock), Interval: interval.Milliseconds(), Start: start,
		Run: func(at int64) error {
			s.enter(s.in.Meta(), false)
			return s.leave(f(time.UnixMilli(at)))
		},
	})}
}
