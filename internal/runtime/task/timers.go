package task

import (
	"errors"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// timers are the schedules of a task, by clock.
type timers [3]heap[*timer]

type timer struct {
	graph.Schedule
	due       int64
	cancelled bool
}

func (t *Task) schedule(s graph.Schedule) func() {
	tm := &timer{Schedule: s}
	switch {
	case s.Clock == graph.StreamClock && s.Start == graph.Unanchored:
		tm.due = 0
	case s.Clock == graph.StreamClock:
		tm.due = next(s.Start-s.Interval, s.Interval, t.stream)
	case s.Start == graph.Unanchored:
		tm.due = t.c.Clock() + s.Interval
	default:
		tm.due = next(s.Start-s.Interval, s.Interval, t.c.Clock()-1)
	}
	h := &t.timers[s.Clock]
	h.key = func(tm *timer) int64 { return tm.due }
	h.push(tm)
	return func() { tm.cancelled = true }
}

// next returns the first multiple of the interval, counted from due, after now.
// A schedule that is several intervals late so runs once (KIP-138).
func next(due, interval, now int64) int64 {
	n := due + interval
	if now >= n {
		n = due + ((now-due)/interval+1)*interval
	}
	return n
}

// runTimers runs what is due, the earliest first.
func (t *Task) runTimers(clock graph.Clock, now int64) error {
	h := &t.timers[clock]
	for h.len() > 0 && h.peek().due <= now {
		tm := h.pop()
		if tm.cancelled {
			continue
		}
		t.count.Punctuations++
		if err := t.fire(tm, now); err != nil {
			return err
		}
		if !tm.cancelled {
			tm.due = next(tm.due, tm.Interval, now)
			h.push(tm)
		}
	}
	return nil
}

func (t *Task) fire(tm *timer, now int64) (err error) {
	t.origin, t.now = nil, now
	t.meta = flow.Meta{Time: now, Node: int32(tm.Node.ID)}
	if t.c.GoesOn {
		defer func() {
			if r := recover(); r != nil {
				err = graph.Recovered(r)
			}
			if err != nil {
				err = t.judgeOnce(tm.Node, err)
			}
		}()
	}
	if err := tm.Run(now); err != nil {
		if t.c.GoesOn {
			return err
		}
		return t.judgeOnce(tm.Node, err)
	}
	return nil
}

// judgeOnce asks the policy about an error of a node unless that was done.
func (t *Task) judgeOnce(n *graph.Node, err error) error {
	if _, ok := errors.AsType[*graph.Judged](err); ok {
		return err
	}
	return t.judge(t.failure(n, err))
}

// Punctuate runs the wall-clock schedules that are due, and what is due because
// the task is idle. ran says whether any ran.
func (t *Task) Punctuate() (ran bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	h := &t.timers[graph.WallClock]
	now := t.c.Clock()
	ran = h.len() > 0 && h.peek().due <= now
	if err := t.runTimers(graph.WallClock, now); err != nil {
		return ran, err
	}
	idle, err := t.flushIdle(now)
	return ran || idle, err
}

// AdvanceStream moves stream time without a record and runs what is due.
func (t *Task) AdvanceStream(to int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	t.stream = max(t.stream, to)
	if err := t.passTime(); err != nil {
		return err
	}
	return t.runTimers(graph.StreamClock, t.stream)
}

// NextTimer returns when the next wall-clock schedule is due.
func (t *Task) NextTimer() (int64, bool) {
	due, ok := t.idleDue()
	if h := &t.timers[graph.WallClock]; h.len() > 0 && (!ok || h.peek().due < due) {
		return h.peek().due, true
	}
	return due, ok
}
