package op

import (
	"slices"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/window"
)

// Sliding windows are made by the records: one at t makes the window that ends
// at t and, as soon as there is a later record in it, the one that begins right
// behind t. So each set of records that can share a window has just one. Of the
// windows that there are already, those around t take the record too.
//
// No window starts before the epoch: records before the difference share the
// window that starts at 0, which takes the place of all those that end before it.

// slidingWindows aggregates by sliding windows.
type slidingWindows[K, V, A any] struct {
	*windows[K, V, A]
	window window.SlidingWindow
	size   int64
	now    int64 // time of the record in work
	closed int64 // the time by which windows have closed
	missed bool  // the record was late for a window
	found  []around[A]
	keep   func(start int64, a A, at int64) bool
}

// around is a window near a record: its start, aggregate and highest time.
type around[A any] struct {
	start int64
	a     A
	at    int64
}

func newSliding[K, V, A any](w *windows[K, V, A], sliding window.SlidingWindow) *slidingWindows[K, V, A] {
	s := &slidingWindows[K, V, A]{windows: w, window: sliding, size: sliding.SizeMillis()}
	s.keep = func(start int64, a A, at int64) bool {
		s.found = append(s.found, around[A]{start, a, at})
		// One window that ends before the record is enough.
		return s.early() || s.window.End(start) >= s.now
	}
	return s
}

func (s *slidingWindows[K, V, A]) start() error {
	emitted := s.closing.start(s.store.Observed())
	if !s.emits {
		return nil
	}
	return s.store.StartEmitting(lastClosed(emitted, s.size+1))
}

func (s *slidingWindows[K, V, A]) process(k K, v V, m *flow.Meta) error {
	if !s.takes(m, false) {
		return nil
	}
	s.now, s.closed, s.missed = m.Time, s.observe(m.Time), false
	if s.window.End(m.Time) >= s.closed {
		if err := s.add(k, v, m); err != nil {
			return err
		}
	} else {
		s.miss()
	}
	if s.missed && s.toLate != nil {
		if err := s.toLate(k, v, m); err != nil {
			return err
		}
	}
	return s.emitClosed(s.closed, lastClosed(s.closed, s.size+1), m)
}

func (s *slidingWindows[K, V, A]) miss() {
	s.late()
	s.missed = true
}

// early says that the record shares the window that starts at 0.
func (s *slidingWindows[K, V, A]) early() bool { return s.now < s.size }

// add adds the record to the windows around it and makes those that it needs.
func (s *slidingWindows[K, V, A]) add(k K, v V, m *flow.Meta) error {
	s.found = s.found[:0]
	if err := s.store.Each(k, s.now-2*s.size, s.now+1, true, s.keep); err != nil {
		return err
	}
	if s.early() {
		slices.Reverse(s.found)
	}
	p := s.plan()
	if p.right != nil {
		// It is put before user code can change the aggregate that it is made of.
		if err := s.put(s.key(k, s.now+1), p.right.a, true, p.right.at, false, m); err != nil {
			return err
		}
	}
	for i := range s.found {
		if w := &s.found[i]; w.start <= s.now && w != p.own && s.window.End(w.start) >= s.now {
			if err := s.step(k, v, w.start, w, m); err != nil {
				return err
			}
		}
	}
	// Of an early record the window behind it comes first, of others last.
	if s.early() {
		if err := s.forwardRight(k, p, m); err != nil {
			return err
		}
	}
	if p.previous >= 0 {
		if err := s.step(k, v, p.previous+1, nil, m); err != nil {
			return err
		}
	}
	if p.makeOwn {
		if err := s.step(k, v, max(0, s.now-s.size), p.own, m); err != nil {
			return err
		}
	}
	if s.early() {
		return nil
	}
	return s.forwardRight(k, p, m)
}

// step adds the record to a window, of which w is what it holds so far: nil for
// nothing, or another window that holds the same.
func (s *slidingWindows[K, V, A]) step(k K, v V, start int64, w *around[A], m *flow.Meta) error {
	key := s.key(k, start)
	if key.End < s.closed {
		s.miss()
		return nil
	}
	if w == nil {
		var none A
		return s.update(key, v, held[A]{none, s.now, false, false}, m)
	}
	at := w.at
	if w.start != start {
		at = s.now
	}
	return s.update(key, v, held[A]{w.a, at, true, w.start == start}, m)
}

// forwardRight sends on the window behind the record, if it was made.
func (s *slidingWindows[K, V, A]) forwardRight(k K, p plan[A], m *flow.Meta) error {
	if p.right == nil || s.emits {
		return nil
	}
	key := s.key(k, s.now+1)
	a, at, ok, err := s.store.FindHeld(key)
	if err != nil || !ok {
		return err
	}
	var none A
	return s.out.Send(key, flow.Change[A]{New: a, HasNew: true}, none, false, at, m)
}

func (s *slidingWindows[K, V, A]) key(k K, start int64) window.Key[K] {
	return window.Key[K]{Key: k, Start: start, End: s.window.End(start)}
}

// plan is what a record does beside adding to the windows that hold its time.
type plan[A any] struct {
	// previous is the time of the record before this one if the window behind
	// that has to be made, else -1.
	previous int64
	// makeOwn says that the window that ends at the record, or an early record's
	// window at 0, comes last; own is what it holds so far.
	makeOwn bool
	own     *around[A]
	// right is what the window behind the record is made of, if it has to be.
	right *around[A]
}

// plan looks through the windows found. An early record's come with the first
// start first, others with the last.
func (s *slidingWindows[K, V, A]) plan() plan[A] {
	if s.early() {
		return s.planEarly()
	}
	p := plan[A]{previous: -1, makeOwn: true}
	hasRight := false
	for i := range s.found {
		w := &s.found[i]
		switch end := s.window.End(w.start); {
		case w.start == s.now+1:
			hasRight = true
		case end > s.now:
			if p.right == nil {
				p.right = w
			}
		case end == s.now:
			if p.makeOwn = false; w.at >= s.now {
				return plan[A]{previous: -1}
			}
			p.previous = w.at
		default:
			p.previous = w.at
			if p.makeOwn && w.at >= s.now-s.size {
				p.own = w
			}
		}
	}
	return s.settle(p, hasRight)
}

func (s *slidingWindows[K, V, A]) planEarly() plan[A] {
	p := plan[A]{previous: -1, makeOwn: true}
	hasRight := false
	for i := range s.found {
		w := &s.found[i]
		switch {
		case w.start == 0:
			p.own = w
			if w.at < s.now {
				p.previous = w.at
			}
		case w.start <= s.now:
			p.right = w
		default:
			hasRight = true
		}
	}
	if p.right == nil {
		p.right = p.own
	}
	return s.settle(p, hasRight)
}

// settle leaves out what is there already or would be empty.
func (s *slidingWindows[K, V, A]) settle(p plan[A], hasRight bool) plan[A] {
	if hasRight || p.right != nil && p.right.at <= s.now {
		p.right = nil
	}
	behind := p.previous + 1
	there := slices.ContainsFunc(s.found, func(w around[A]) bool { return w.start == behind })
	if p.previous >= 0 && !s.early() && s.window.End(behind) < s.now || there {
		p.previous = -1
	}
	return p
}
