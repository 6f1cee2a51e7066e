package task

import (
	"fmt"

	"github.com/ottla-streams/ottla/state/engine"
)

// An open engine costs memory, and background work of its own. That of a task
// with nothing to do is closed, and opened again by the first read or write.

// How long an engine is not used before it is closed, in milliseconds: when
// there are as many as the opener has room for, and else.
const (
	crowdedMillis = 2_000
	restMillis    = 60_000
)

// crowd is what an opener may tell of its room.
type crowd interface{ Crowded() bool }

// use is when the engine was used.
type use struct {
	count uint64 // reads and writes
	seen  uint64 // count, when it was looked at last
	since int64  // when it was found to have changed last
	rests bool   // the engine is closed because of that
}

// below is the engine as the layers read it.
type below struct{ s *State }

func (b below) Get(dst, key []byte) ([]byte, bool, error) {
	e, err := b.s.used()
	if err != nil {
		return dst, false, err
	}
	return e.Get(dst, key)
}

func (b below) Scan(lo, hi []byte, reverse bool) (engine.Iterator, error) {
	e, err := b.s.used()
	if err != nil {
		return nil, err
	}
	return e.Scan(lo, hi, reverse)
}

// used returns the engine, open.
func (s *State) used() (engine.Engine, error) {
	s.use.count++
	if s.engine == nil {
		if err := s.open(); err != nil {
			return nil, err
		}
		s.use.rests = false
	}
	return s.engine, nil
}

// Rest is called now and then, for tasks that may have nothing to do: it writes
// out committed state that is old or too much, and closes an engine that was
// not used for a while.
func (t *Task) Rest() error {
	now := t.c.Clock()
	t.hideIdle()
	if err := t.state.settle(now); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	if err := t.state.rest(now); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	return nil
}

func (s *State) rest(now int64) error {
	if s.engine == nil {
		return nil
	}
	if s.use.count != s.use.seen || s.use.since == 0 {
		s.use.seen, s.use.since = s.use.count, now
		return nil
	}
	wait := int64(restMillis)
	if c, ok := s.c.Persistent.(crowd); ok && c.Crowded() {
		wait = crowdedMillis
	}
	if now-s.use.since < wait || s.engine.OpenReaders() > 0 {
		return nil
	}
	e := s.engine
	if err := e.Flush(); err != nil {
		return fmt.Errorf("state folder %s: %w", s.c.Dir, err)
	}
	s.engine, s.use.since, s.use.rests = nil, 0, true
	return e.Close()
}

// SetLayerBytes sets how much the layers of the task's stores may hold from now on.
func (t *Task) SetLayerBytes(n int) { t.c.LayerBytes = n }
