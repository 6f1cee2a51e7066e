package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// ErrMissingTopics is wrapped by the error of input topics that do not exist.
var ErrMissingTopics = errors.New("input topics do not exist: create them, or correct their names in the topology")

// ErrTopicsChanged ends a worker whose input topics are not those that it was
// made for: there are more partitions.
var ErrTopicsChanged = errors.New("input topics have changed")

// ErrShutdown ends the workers of all instances after one of them asked for it.
var ErrShutdown = errors.New("an instance asked the whole application to stop")

// missing is the time that input topics may be missing.
type missing struct {
	deadline time.Time // zero if none is
	err      error
	of       offsets.Partition // that brokers did not know, none if the leader of the group says so
}

func (m *missing) note(now time.Time, grace time.Duration, of offsets.Partition, err error) {
	if m.deadline.IsZero() {
		m.deadline, m.err, m.of = now.Add(grace), err, of
	}
}

// found notes that a partition is there, or is not asked for any more.
func (m *missing) found(p offsets.Partition) {
	if m.err != nil && m.of == p {
		m.clear()
	}
}

func (m *missing) clear() { *m = missing{} }

func (m *missing) check(now time.Time) error {
	if m.err != nil && now.After(m.deadline) {
		return m.err
	}
	return nil
}

// judgeAssignment judges what the leader says why there are no tasks.
func (w *Worker) judgeAssignment(a group.Assignment) {
	switch a.Error {
	case group.ErrorNone:
		w.missing.clear()
		for _, id := range a.Active {
			if id.Partition >= w.layout.tasks(id.Subtopology) {
				w.fail(&Error{Err: fmt.Errorf("task %s: %w", id, ErrTopicsChanged), Replace: true})
			}
		}
	case group.ErrorMissingTopics:
		w.missing.note(w.now(), w.c.MissingGrace, offsets.Partition{}, fmt.Errorf("%w: %s", ErrMissingTopics, a.Detail))
		w.log.Warn("no tasks yet", "reason", a.Detail)
	case group.ErrorCopartition, group.ErrorAssignment:
		w.fail(errors.New(a.Detail))
	case group.ErrorShutdown:
		w.fail(fmt.Errorf("group %s: %w", w.c.App, ErrShutdown))
	default:
		w.log.Warn("no tasks yet", "reason", a.Detail)
	}
}

// outOfRange notes that the place where an input goes on is gone.
func (w *Worker) outOfRange(in *input) {
	if in != nil {
		w.log.Error("an input does not have the offset to go on from: its reset policy decides",
			"topic", in.Topic, "partition", in.Num, "offset", in.next)
		in.resetAt = w.now()
	}
}

// retryResets finds a new place for the inputs that were out of range.
func (w *Worker) retryResets() {
	for _, e := range w.order {
		for _, in := range e.inputs {
			if in.resetAt.IsZero() || w.now().Before(in.resetAt) {
				continue
			}
			ctx, cancel := context.WithTimeout(w.life, 3*time.Second)
			begin, err := w.resetTo(ctx, []offsets.Partition{in.Partition})
			cancel()
			switch {
			case err == nil:
				w.fail(w.moveTo(e, in, begin[in.Partition]))
				return // the order may be another one
			case isFinal(err):
				w.fail(err)
				return
			default:
				in.resetAt = w.now().Add(500 * time.Millisecond)
				w.log.Warn("an input has no place to go on from yet", "topic", in.Topic, "partition", in.Num, "error", err)
			}
		}
	}
}

// goBefore goes back to the last commit of a task, or further: what an input has
// from an offset on is not what was read.
func (w *Worker) goBefore(e *entry, in *input, offset int64) error {
	if in == nil {
		return nil
	}
	if in.at.offset > offset {
		in.at.offset, in.at.epoch = offset, -1
	}
	in.end = offset
	w.revive(e, 0)
	return w.afterAbort()
}

// moveTo goes on at an offset. Back means that the topic is another one by now.
func (w *Worker) moveTo(e *entry, in *input, offset int64) error {
	in.resetAt = time.Time{}
	w.log.Warn("an input goes on elsewhere", "topic", in.Topic, "partition", in.Num, "from", in.next, "to", offset)
	back := offset < in.next
	in.next = offset
	if back {
		in.at.offset, in.at.epoch, in.end = offset, -1, offset
		w.revive(e, 0)
		return w.afterAbort()
	}
	in.epochs.skip(offset)
	if e.task != nil {
		e.task.SetPosition(in.Topic, offset, offset)
	}
	w.fetcher.Set(in.Partition, offset, -1)
	return nil
}

// skipBatch lets the policy decide on a batch that would take too much memory.
func (w *Worker) skipBatch(in *input, e *entry, large *kgo.ErrDecompressTooLarge) error {
	if in == nil || e.task == nil {
		return nil
	}
	if v := w.judgeBatch(in, e, large.Offset, large); v != task.Skip && v != task.DeadLetter {
		return fmt.Errorf("topic %s partition %d offset %d: %w", in.Topic, in.Num, large.Offset, large)
	}
	w.log.Warn("batch left out", "topic", in.Topic, "partition", in.Num, "offset", large.Offset, "error", large)
	in.next = max(in.next, large.NextOffset)
	in.epochs.skip(in.next)
	e.task.SetPosition(in.Topic, in.next, in.end)
	w.fetcher.Set(in.Partition, in.next, -1)
	return nil
}
