package worker

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
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
	if o.Topic == w.c.DeadLetter && !o.Changelog {
		o = datedLetter(o, time.Now())
	}
	if o.Changelog || w.alone.until.IsZero() {
		return w.out.Emit(o)
	}
	return w.emitAlone(o)
}

// alone says that each output goes to Kafka in a batch of its own, for a while:
// a batch was refused because of one of its records, and the others are not to
// be taken for it.
type alone struct {
	until time.Time // zero for together
	begun bool      // nothing else is on its way
}

const aloneFor = 10 * time.Second

func (w *Worker) emitAlone(o *graph.Output) error {
	if w.now().After(w.alone.until) {
		w.alone = alone{}
		return w.out.Emit(o)
	}
	if err := w.out.Flush(w.life); err != nil {
		return err
	}
	w.alone.begun = true
	if err := w.out.Emit(o); err != nil {
		return err
	}
	return w.out.Flush(w.life)
}

// blamesOne says that a batch was refused for what one of its records is like.
func blamesOne(err error) bool {
	return errors.Is(err, kerr.InvalidTimestamp) || errors.Is(err, kerr.InvalidRecord) || errors.Is(err, kerr.MessageTooLarge)
}

// letterTime is the header with the time of a record, in milliseconds, where its
// dead letter can't carry it.
const letterTime = "__streams.errors.timestamp"

// tooFarAhead is from when on brokers refuse records, unless a topic is set to
// take them.
const tooFarAhead = time.Hour

// datedLetter returns a dead letter with a time that brokers take. That of the
// record goes into a header.
func datedLetter(o *graph.Output, now time.Time) *graph.Output {
	if o.NoTime || o.Time < now.Add(tooFarAhead).UnixMilli() {
		return o
	}
	dated := *o
	dated.Time = now.UnixMilli()
	dated.Headers = append(slices.Clone(o.Headers), serde.Header{Key: letterTime, Value: strconv.AppendInt(nil, o.Time, 10)})
	return &dated
}

// judgeOutput decides on a record that Kafka did not take.
func (w *Worker) judgeOutput(f *collect.Failure) error {
	if f.Cause == nil || w.c.OnError == nil || isContext(f.Err) || isDenied(f.Err) || w.txn != nil && w.passes(f.Err) {
		return f
	}
	failure := &task.Failure{Stage: task.Produce, Origin: f.Cause, Time: f.Cause.Time, Headers: f.Cause.Headers, Err: f}
	failure.Task, _ = w.layout.task(f.Cause.Topic, f.Cause.Partition)
	if blamesOne(f.Err) && !w.alone.begun {
		w.alone = alone{until: w.now().Add(aloneFor)}
		return &task.Postponed{Failure: failure}
	}
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
		if err := w.emit(task.DeadLetterRecord(w.c.DeadLetter, f)); err != nil {
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
