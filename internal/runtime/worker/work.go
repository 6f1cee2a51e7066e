package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state/engine"
)

const (
	turnRecords = 256                   // that a task takes before the next has its turn
	workTime    = 10 * time.Millisecond // before the loop looks elsewhere
	restoreTime = 20 * time.Millisecond
)

// work lets the tasks that are ready take turns for a while, and punctuates.
func (w *Worker) work() error {
	until := w.now().Add(workTime)
	for n, idle := len(w.order), 0; idle < n; {
		w.turn++
		e := w.order[w.turn%n]
		if !w.ready(e) {
			idle++
			continue
		}
		idle = 0
		if err := w.turnOf(e); err != nil {
			return w.taskFailed(e, err)
		}
		if len(w.order) < n || e.task.CommitRequested() || w.now().After(until) {
			break
		}
	}
	w.lap(&w.m.Process)
	for _, e := range w.order {
		now := w.now()
		if now.Before(e.retry) || w.paused() {
			continue
		}
		ran, err := e.task.Punctuate()
		if ran {
			w.countsOf(e.id).Punctuate += time.Since(now)
			if err == nil {
				w.passedIfNowhere(e)
			}
		}
		if err != nil {
			return w.taskFailed(e, err)
		}
	}
	w.lap(&w.m.Punctuate)
	w.retryResets()
	w.probeSilent()
	return nil
}

// turnOf lets a task take its turn.
func (w *Worker) turnOf(e *entry) error {
	began := time.Now()
	var err error
	if e.failing != nil {
		_, err = w.takeCarefully(e)
	} else {
		_, err = e.take()
	}
	w.countsOf(e.id).Process += time.Since(began)
	return err
}

// take lets a task take some records, as many as it manages in about workTime:
// slow user code must not keep the loop from commits and rebalances.
func (e *entry) take() (int, error) {
	if e.batch == 0 {
		e.batch = 1
	}
	began := time.Now()
	n, err := e.task.Process(e.batch)
	if took := time.Since(began); took > workTime {
		e.batch = max(1, int(int64(n)*int64(workTime)/int64(took)))
	} else if n == e.batch {
		e.batch = min(2*e.batch, turnRecords)
	}
	return n, err
}

// taskFailed decides what an error of a task means. A result ends the worker.
func (w *Worker) taskFailed(e *entry, err error) error {
	switch {
	case isPostponed(err):
		p, _ := errors.AsType[*task.Postponed](err)
		if other := w.tasks[p.Failure.Task]; other != nil && other != e {
			w.revive(e, 0) // it was told of what the other's output met
			e = other
		}
		return w.postpone(e, p)
	case errors.Is(err, engine.ErrDamaged):
		e.damaged = true
		w.revive(e, 0)
		if !w.quarantine(e.id, err) {
			e.retry = w.now().Add(time.Second)
		}
		return w.afterAbort()
	case errors.Is(err, engine.ErrNoSpace):
		w.log.Error("no space for state: the task goes back to its last commit and waits", "task", e.id.String(), "error", err)
		w.revive(e, time.Second)
		return w.afterAbort()
	case w.life.Err() != nil && errors.Is(err, context.Canceled):
		return &Error{Err: err, Replace: true}
	}
	var refused *collect.Failure
	if w.txn != nil && errors.As(err, &refused) {
		if err = w.undo(err, false); errors.Is(err, errNotNow) {
			if e.task != nil { // it took a record that it did not finish
				w.revive(e, 0)
			}
			w.retry = w.now().Add(100 * time.Millisecond)
			return nil
		}
	}
	return err
}

// settled judges an error of writing committed state out. A full disk stops
// the task for a while: what it holds in memory is whole.
func (w *Worker) settled(e *entry, err error) error {
	if errors.Is(err, engine.ErrNoSpace) {
		w.log.Error("no space for state: the task waits", "task", e.id.String(), "error", err)
		e.retry = w.now().Add(500 * time.Millisecond)
		return nil
	}
	if err != nil {
		return w.taskFailed(e, err)
	}
	return nil
}

// restored is a changelog that is being read.
type restored struct {
	entry *entry
	probe *input // of a job that only looks what there is
	restore.Progress
}

// applyRestored takes what was read of changelogs into the stores.
func (w *Worker) applyRestored() error {
	for until := w.now().Add(restoreTime); w.now().Before(until); {
		batches := w.restorer.Batches()
		if batches == nil {
			return nil
		}
		for i := range batches {
			if err := w.applyBatch(&batches[i]); err != nil {
				return err
			}
		}
	}
	w.bell.ring() // there may be more
	return nil
}

func (w *Worker) applyBatch(b *restore.Batch) error {
	r := w.jobs[b.Job]
	if r == nil {
		return nil // the task went away meanwhile
	}
	e := r.entry
	if r.probe != nil {
		w.probed(r, b)
		return nil
	}
	if b.Err != nil {
		return fmt.Errorf("task %s: %w", e.id, b.Err)
	}
	// The offset of a job that has nothing to do is left as it is: it may point
	// past a marker that is yet to be written.
	if b.Next > b.Job.From || len(b.Records) > 0 {
		if err := w.settled(e, e.task.Restore(b.Job.Store, b.Records, b.Next)); err != nil {
			return err
		}
		if e.task == nil {
			return nil // it is made anew
		}
	}
	r.Restored, r.End = r.Restored+int64(len(b.Records)), b.End
	w.m.Restored += int64(len(b.Records))
	w.countsOf(e.id).Store(b.Job.Store).Restored += int64(len(b.Records))
	if w.c.OnRestore != nil {
		j := b.Job
		w.c.OnRestore(restore.Progress{
			Task: j.Task, Store: j.Store, Topic: j.Topic, Partition: j.Partition,
			From: j.From, End: b.End, Position: b.Next, Restored: r.Restored, Done: b.Done,
		})
	}
	if !b.Done {
		return nil
	}
	delete(w.jobs, b.Job)
	e.jobs--
	if e.jobs == 0 {
		w.log.Debug("task restored", "task", e.id.String())
	}
	return w.startTask(e)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// skipBatch judges a batch that would take too much memory.
func (w *Worker) judgeBatch(in *input, e *entry, offset int64, err error) task.Verdict {
	if w.c.OnError == nil {
		return task.Fail
	}
	o := &flow.Origin{Topic: in.Topic, Partition: in.Num, Offset: offset, Time: -1}
	return w.c.OnError(&task.Failure{Stage: task.Decode, Task: e.id, Node: in.node, Origin: o, Time: -1, Err: err})
}
