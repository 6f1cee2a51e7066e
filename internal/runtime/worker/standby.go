package worker

import (
	"errors"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state/engine"
)

const (
	standbyLayers = 4 << 20 // bytes in memory before they go to the engine
	standbyRetry  = time.Second
	standbyPause  = 30 * time.Second // after an error that does not pass by itself
)

// standby is a task whose stores follow their changelogs, without processing
// anything: a copy, or a warm-up for a move.
type standby struct {
	id      graph.TaskID
	role    Role
	task    *task.Task // nil while it waits
	logs    []*followed
	retry   time.Time // no open before, or of a full one no reading
	full    bool      // the disk is: nothing is read
	damaged bool
	settled time.Time     // when it was last written out, if there was anything
	ask     time.Time     // no request to move before
	asks    time.Duration // between the last two
}

// want takes over which copies the group wants here. Those that go are closed at
// once, since others may wait for their folders; those that became active stay
// until their task opens.
func (w *Worker) want(a group.Assignment) {
	if a.Error != group.ErrorNone {
		return
	}
	w.wanted = make(map[graph.TaskID]Role, len(a.Standby)+len(a.Warmup))
	note := func(ids []assign.TaskID, role Role) {
		for _, id := range ids {
			if sub := w.layout.byID[id.Subtopology]; sub != nil && id.Partition < w.layout.tasks(id.Subtopology) {
				w.wanted[graph.TaskID(id)] = role
			}
		}
	}
	note(a.Standby, Standby)
	note(a.Warmup, Warmup)
	for id, s := range w.standbys {
		if _, ok := w.wanted[id]; !ok && !slices.Contains(a.Active, assignID(id)) {
			w.closeStandby(s)
		}
	}
	for id := range w.wanted {
		w.addStandby(id)
	}
	w.publish()
}

// addStandby keeps a copy of a task if the group wants one. An active task has
// to be given up before.
func (w *Worker) addStandby(id graph.TaskID) {
	role, ok := w.wanted[id]
	if !ok || w.tasks[id] != nil {
		return
	}
	s := w.standbys[id]
	if s == nil {
		s = &standby{id: id}
		w.standbys[id] = s
	}
	if s.role != role {
		s.role, s.ask, s.asks = role, time.Time{}, 0
	}
}

// tendStandbys opens the copies that wait, and goes on with those that had to. It
// opens one at a time, and stops to write out when that took long: active tasks
// come in between.
func (w *Worker) tendStandbys() {
	now := w.now()
	for _, s := range w.standbys {
		if now.Before(s.retry) {
			continue
		}
		switch {
		case s.task == nil:
			if err := w.openStandby(s); err != nil {
				w.standbyFailed(s, err)
			}
			if s.task != nil {
				w.bell.ring()
				return
			}
		case s.full:
			if err := s.task.Settle(); err != nil {
				w.standbyFailed(s, err)
				continue
			}
			s.full = false
			w.log.Info("standby goes on", "task", s.id.String())
			w.followLogs(s)
		}
	}
	for _, s := range w.standbys {
		if s.task == nil || s.full || now.Sub(s.settled) < time.Second {
			continue
		}
		s.settled = now
		if err := s.task.Settle(); err != nil {
			w.standbyFailed(s, err)
		}
		if w.now().Sub(now) > followTime {
			w.bell.ring()
			break
		}
	}
	w.askCommitted(now)
}

// openStandby opens the stores of a copy and follows their changelogs.
func (w *Worker) openStandby(s *standby) error {
	if !w.c.Dir.Acquire(s.id, w) {
		s.retry = w.now().Add(100 * time.Millisecond) // another worker of this process is about to give it up
		return nil
	}
	if err := w.openFollower(); err != nil {
		return err
	}
	t, err := task.New(w.standbyConfig(s.id))
	if err != nil {
		return err
	}
	w.tail(s, t)
	return nil
}

func (w *Worker) standbyConfig(id graph.TaskID) task.Config {
	c := w.taskConfig(id)
	c.Nodes, c.CacheBytes, c.LayerBytes = nil, 0, min(c.LayerBytes, standbyLayers)
	return c
}

// tail lets the stores of a copy follow their changelogs from where they are.
func (w *Worker) tail(s *standby, t *task.Task) {
	s.task, s.damaged, s.full = t, false, false
	for _, c := range t.Changelogs() {
		if c.Source && w.layout.counts[c.Topic] <= s.id.Partition {
			continue
		}
		s.logs = append(s.logs, &followed{s: s, log: c, end: c.From})
	}
	w.followLogs(s)
	w.log.Info("task is kept as "+s.role.String(), "task", s.id.String(), "changelogs", len(s.logs))
}

// becomesStandby makes a copy of a task that was committed and goes to another
// member, if the group wants one here: its stores stay open. If it returns false
// the task is still to be closed.
func (w *Worker) becomesStandby(e *entry) bool {
	role, wanted := w.wanted[e.id]
	if !wanted || e.task == nil || e.damaged || w.unsure || w.openFollower() != nil {
		return false
	}
	w.order = slices.DeleteFunc(w.order, func(o *entry) bool { return o == e })
	w.forgetJobs(e)
	if e.phase != Processing {
		e.task.Abort()
	}
	sum := w.standsFor(e, nil)
	t, err := e.task.Deactivate(w.standbyConfig(e.id))
	if err != nil {
		w.log.Warn("task can't stay open as a copy", "task", e.id.String(), "error", err)
		return false
	}
	w.c.Dir.SetStored(e.id, sum)
	s := &standby{id: e.id, role: role}
	w.standbys[e.id] = s
	w.tail(s, t)
	e.task = nil
	w.closeTask(e, true)
	return true
}

// standbyFailed decides what an error of a copy means. It never ends the
// worker: the copy is one, and the active task has what it lacks.
func (w *Worker) standbyFailed(s *standby, err error) {
	id, wait := s.id.String(), standbyRetry
	switch {
	case errors.Is(err, engine.ErrNoSpace) && s.task != nil:
		if !s.full {
			w.log.Error("no space for state: standby waits", "task", id, "error", err)
		}
		w.unfollow(s)
		s.full = true
		s.retry = w.now().Add(wait)
		return
	case errors.Is(err, engine.ErrDamaged):
		s.damaged = true
		w.releaseStandby(s)
		w.quarantine(s.id, err)
	case errors.Is(err, engine.ErrLocked), errors.Is(err, engine.ErrNoSpace):
		w.log.Warn("standby can't be opened yet", "task", id, "error", err)
	default:
		wait = standbyPause
		w.log.Error("standby is not kept current", "task", id, "next_try", wait, "error", err)
	}
	w.releaseStandby(s)
	s.retry = w.now().Add(wait)
}

// releaseStandby closes the stores of a copy, which keeps its place.
func (w *Worker) releaseStandby(s *standby) {
	if s.task == nil {
		return
	}
	w.unfollow(s)
	positions := s.task.Positions()
	err := s.task.Close(!s.damaged)
	sum := int64(-1)
	if err == nil && !s.damaged {
		sum = Sum(w.layout.byID[s.id.Subtopology], w.c.App, positions)
	}
	w.c.Dir.SetStored(s.id, sum)
	if err != nil {
		w.log.Warn("standby did not close cleanly: its state goes back to what was written before", "task", s.id.String(), "error", err)
	}
	s.task, s.logs, s.full = nil, nil, false
}

func (w *Worker) closeStandby(s *standby) {
	w.releaseStandby(s)
	w.c.Dir.Release(s.id, w)
	delete(w.standbys, s.id)
	w.log.Info("task is no longer kept as "+s.role.String(), "task", s.id.String())
}

func (w *Worker) closeStandbys() {
	for _, s := range w.standbys {
		w.closeStandby(s)
	}
}

// takeStandby ends the copy of a task that is active from now on. It returns
// its task with open stores, nil if there is none.
func (w *Worker) takeStandby(id graph.TaskID) *task.Task {
	s := w.standbys[id]
	if s == nil {
		return nil
	}
	delete(w.standbys, id)
	if s.task == nil {
		return nil
	}
	w.unfollow(s)
	return s.task
}
