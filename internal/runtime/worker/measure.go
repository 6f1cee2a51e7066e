package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
)

// showEvery is how old the counts are at most that others see, while the loop
// has something to do. A loop that waits shows them once per second.
const showEvery = 250 * time.Millisecond

// lap adds the time since the last lap to what the loop was at.
func (w *Worker) lap(to *time.Duration) {
	now := time.Now()
	*to += now.Sub(w.lapped)
	w.lapped = now
}

// countsOf returns the counts of a task. They outlive it when it is made anew,
// and when a standby becomes the active task.
func (w *Worker) countsOf(id graph.TaskID) *measure.Task {
	t := w.measured[id]
	if t == nil {
		t = measure.NewTask(id.String())
		t.Debug = w.m.Debug
		w.measured[id] = t
	}
	return t
}

// show lays the counts out for others, now and then.
func (w *Worker) show() {
	now := w.lapped
	if w.c.Measure == nil || now.Sub(w.m.At) < showEvery {
		return
	}
	w.m.At, w.m.State, w.m.Index, w.m.Began = now, w.state.String(), w.c.Index, w.began
	if w.state == Rebalancing {
		w.m.Rebalancing += now.Sub(w.changed)
		w.changed = now
	}
	infos := *w.infos.Load()
	tasks := make([]*measure.Task, 0, len(infos))
	for i := range infos {
		info := &infos[i]
		t := w.countsOf(info.ID)
		t.Phase, t.Role = info.Phase.String(), info.Role.String()
		for _, s := range info.Stores {
			t.Store(s.Name).Remaining = max(s.End-s.Position, 0)
		}
		if e := w.tasks[info.ID]; e != nil && e.task != nil {
			e.task.Measure()
		}
		tasks = append(tasks, t)
	}
	if len(tasks) < len(w.measured) {
		gone := func(id graph.TaskID, _ *measure.Task) bool {
			return w.tasks[id] == nil && !slices.ContainsFunc(infos, func(i TaskInfo) bool { return i.ID == id })
		}
		maps.DeleteFunc(w.measured, gone)
	}
	w.c.Measure.Show(now, tasks)
}

// measuredCommit is commit, with its time and outcome. One that has nothing to
// do is none.
func (w *Worker) measuredCommit(ctx context.Context) error {
	began, done := time.Now(), w.m.Outcomes[measure.Committed]
	err := w.commit(ctx)
	switch {
	case err == nil:
		if w.m.Outcomes[measure.Committed] == done {
			return nil
		}
	case errors.Is(err, errNotNow):
		w.m.Outcomes[measure.Retried]++
	case errors.Is(err, errFenced):
		w.m.Outcomes[measure.Fenced]++
	default:
		w.m.Outcomes[measure.Failed]++
	}
	w.m.Commits.Observe(time.Since(began).Milliseconds())
	return err
}
