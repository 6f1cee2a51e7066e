package worker

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// failing is what a task met that the policy wants it to meet again.
type failing struct {
	since time.Time
	tries int
	at    task.Place // the record that it had taken, none for a punctuation and the like
}

// How long a task waits before it tries again: the first time, and at most.
const (
	firstRetry, lastRetry = 100 * time.Millisecond, 10 * time.Second
	firstPark, lastPark   = time.Second, time.Minute
)

// postpone takes a task back to its last commit and lets it wait. The others go
// on.
func (w *Worker) postpone(e *entry, p *task.Postponed) error {
	at := w.place(e, p.Failure)
	if e.failing == nil || e.failing.at != at {
		e.failing = &failing{since: w.now(), at: at}
	}
	f := e.failing
	if lasts := w.now().Sub(f.since); !p.Park && lasts > w.c.RetryTimeout {
		return fmt.Errorf("tried again for %s: %w", lasts.Round(time.Second), p.Failure)
	}
	wait := min(firstRetry<<min(f.tries, 10), lastRetry)
	if p.Park {
		wait = min(firstPark<<min(f.tries, 10), lastPark)
	}
	f.tries++
	w.log.Error("task waits and tries again", "task", e.id.String(), "tries", f.tries, "after", wait, "parked", p.Park, "error", p.Failure.Error())
	return w.goBack(e, wait)
}

// place is the record that a task has to take again to meet a failure: one that
// does not decode is met when the one before it is taken, or when it is fetched.
func (w *Worker) place(e *entry, f *task.Failure) task.Place {
	switch {
	case f.Stage == task.Decode && e.task != nil && e.task.Taken() != (task.Place{}):
		return e.task.Taken()
	case f.Origin != nil:
		return task.Place{Topic: f.Origin.Topic, Offset: f.Origin.Offset}
	}
	return task.Place{}
}

// goBack revives a task later, and with it all whose outputs can't be told from
// its own: within a transaction, or among refused ones.
func (w *Worker) goBack(e *entry, wait time.Duration) error {
	w.revive(e, wait)
	if w.txn != nil {
		return w.afterAbort()
	}
	w.forgetRefused()
	return nil
}

// forgetRefused takes all tasks back whose outputs may be among refused ones.
func (w *Worker) forgetRefused() {
	if w.txn == nil && w.out.Failed() {
		w.out.Reset()
		w.reviveDirty()
	}
}

// takeCarefully takes one record of a task that failed. Before the one that it
// failed at, all else is committed, so that no more than that is done again and
// no other task is held up by it; behind it a commit shows whether its outputs
// were taken.
func (w *Worker) takeCarefully(e *entry) (int, error) {
	e.batch = 1
	f := e.failing
	if e.task.Head() == f.at && w.anyDirty() {
		if w.now().Before(w.retry) {
			return 0, nil
		}
		if err := w.commitNow(); err != nil || e.task == nil || w.anyDirty() {
			return 0, err
		}
	}
	n, err := e.task.Process(1)
	if err == nil && n > 0 && e.task.Taken() == f.at {
		err = w.commitNow()
	}
	return n, err
}

func (w *Worker) anyDirty() bool {
	return slices.ContainsFunc(w.order, func(e *entry) bool { return e.task.Dirty() })
}

// passed notes that a task got past what it failed at.
func (w *Worker) passed(e *entry) {
	w.log.Info("task goes on", "task", e.id.String(), "tries", e.failing.tries, "took", w.now().Sub(e.failing.since))
	e.failing = nil
}

// passedIfCommitted notes it of a task whose commit is past that.
func (w *Worker) passedIfCommitted(e *entry) {
	if e.failing == nil || e.failing.at == (task.Place{}) {
		w.passedIfNowhere(e)
		return
	}
	if in := e.inputs[e.failing.at.Topic]; in != nil && in.at.offset > e.failing.at.Offset {
		w.passed(e)
	}
}

// passedIfNowhere notes it of a task that failed at no record of its own.
func (w *Worker) passedIfNowhere(e *entry) {
	if e.failing != nil && e.failing.at == (task.Place{}) {
		w.passed(e)
	}
}

// parked counts the tasks that wait to try again what failed.
func (w *Worker) parked() int {
	n := 0
	for _, e := range w.tasks {
		if e.failing != nil && e.phase != Processing {
			n++
		}
	}
	return n
}

func isPostponed(err error) bool {
	_, ok := errors.AsType[*task.Postponed](err)
	return ok
}

// failedInCommit takes an error of a commit that is one of a task. One that is no
// longer here did not commit: its next owner meets the same.
func (w *Worker) failedInCommit(err error) (ours bool, _ error) {
	p, ok := errors.AsType[*task.Postponed](err)
	if !ok {
		return false, nil
	}
	if e := w.tasks[p.Failure.Task]; e != nil {
		return true, w.postpone(e, p)
	}
	w.forgetRefused()
	return w.txn == nil, nil
}
