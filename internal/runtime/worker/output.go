package worker

import (
	"errors"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// made is the outputs to a topic that an input record made.
type made struct {
	from   offsets.Partition
	offset int64
	topic  string
}

// leftOut is what the policy said of outputs that were refused in a transaction.
// The transaction is lost with them, so they are left out of the next one.
type leftOut map[made]*task.Failure

// emit is where the outputs of tasks go.
func (w *Worker) emit(o *graph.Output) error {
	if len(w.left) > 0 && o.Cause != nil && !o.Changelog {
		if f, ok := w.left[made{offsets.Partition{Topic: o.Cause.Topic, Num: o.Cause.Partition}, o.Cause.Offset, o.Topic}]; ok {
			return w.leaveOut(f)
		}
	}
	return w.out.Emit(o)
}

// judgeOutput decides on a record that Kafka did not take.
func (w *Worker) judgeOutput(f *collect.Failure) error {
	if f.Cause == nil || w.c.OnError == nil || isContext(f.Err) || isDenied(f.Err) || w.txn != nil && w.passes(f.Err) {
		return f
	}
	failure := &task.Failure{Stage: task.Produce, Origin: f.Cause, Time: f.Cause.Time, Headers: f.Cause.Headers, Err: f}
	failure.Task, _ = w.layout.task(f.Cause.Topic, f.Cause.Partition)
	verdict := w.c.OnError(failure)
	switch verdict {
	case task.Skip:
	case task.DeadLetter:
		if w.c.DeadLetter == "" || w.c.DeadLetter == f.Topic {
			return f
		}
		failure.DeadLetter = true
	case task.Retry, task.Park:
		return &task.Postponed{Failure: failure, Park: verdict == task.Park}
	default:
		return failure
	}
	if w.txn == nil {
		return w.leaveOut(failure)
	}
	if w.left == nil {
		w.left = make(leftOut)
	}
	w.left[made{offsets.Partition{Topic: f.Cause.Topic, Num: f.Cause.Partition}, f.Cause.Offset, f.Topic}] = failure
	return errors.Join(errNotNow, f)
}

// leaveOut passes over an output.
func (w *Worker) leaveOut(f *task.Failure) error {
	if f.DeadLetter {
		if err := w.out.Emit(task.DeadLetterRecord(w.c.DeadLetter, f)); err != nil {
			return err
		}
	}
	verdict := task.Skip
	if f.DeadLetter {
		verdict = task.DeadLetter
	}
	w.countsOf(f.Task).Fail(task.Produce.String(), verdict.String())
	w.log.Warn("record left out", "stage", task.Produce.String(), "error", f.Error(), "dead_letter", f.DeadLetter)
	return nil
}

// forgetLeft forgets what was left out before a commit.
func (w *Worker) forgetLeft(moves []move) {
	for m := range w.left {
		for _, moved := range moves {
			if moved.in.Partition == m.from && m.offset < moved.to.offset {
				delete(w.left, m)
			}
		}
	}
}
