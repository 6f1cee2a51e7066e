package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/client"
)

// errNotNow is wrapped by errors of a commit that may work later: the group is
// in between, or the brokers are away.
var errNotNow = errors.New("commit is not possible now")

// errFenced is wrapped by errors of a commit that came too late: the group has
// given the tasks away.
var errFenced = errors.New("the group has given the tasks to others")

// resultTime is how long after a commit the next one may come because of final
// results that wait for it.
const resultTime = 100 * time.Millisecond

func (w *Worker) holdsResults() bool {
	return slices.ContainsFunc(w.order, func(e *entry) bool { return e.task.HoldsResults() })
}

func (w *Worker) commitDue() time.Time {
	due := w.committed.Add(w.c.CommitInterval)
	if w.c.CommitInterval > resultTime && w.holdsResults() {
		due = w.committed.Add(resultTime)
	}
	if w.retry.After(due) {
		return w.retry
	}
	return due
}

// commitIfDue commits when the interval is over or a task asks for it.
func (w *Worker) commitIfDue() error {
	now := w.now()
	due := !now.Before(w.commitDue())
	for _, e := range w.order {
		due = due || e.task.CommitRequested() && now.After(w.retry)
	}
	if !due {
		return nil
	}
	return w.commitNow()
}

// commitNow commits. What may pass is no error: it sets the time to try again.
func (w *Worker) commitNow() error {
	err := w.measuredCommit(w.life)
	if ours, err := w.failedInCommit(err); ours {
		return err
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNotNow):
		level := slog.LevelDebug
		if w.retry.IsZero() && errors.Is(err, kerr.UnknownServerError) { // once: it may not pass
			level = slog.LevelWarn
		}
		w.retry = w.now().Add(100 * time.Millisecond)
		w.log.Log(w.life, level, "commit is tried again", "error", err)
		return nil
	case errors.Is(err, errFenced):
		if !w.fenced { // once, however often it is tried until the group tells
			w.log.Warn("commit came too late", "error", err)
		}
		w.fenced, w.retry = true, w.now().Add(100*time.Millisecond)
		return nil
	}
	return err
}

// commitWithin tries to commit for some time.
func (w *Worker) commitWithin(d time.Duration) error {
	ctx, cancel := context.WithTimeout(w.life, d)
	defer cancel()
	return w.commitUntil(ctx, func(error) bool { return false })
}

// commitUntil tries to commit until it is known whether that worked, ctx ends or
// an error is enough.
func (w *Worker) commitUntil(ctx context.Context, enough func(error) bool) error {
	for {
		err := w.measuredCommit(ctx)
		if !errors.Is(err, errNotNow) || ctx.Err() != nil || enough(err) {
			if ours, failed := w.failedInCommit(err); ours {
				w.fail(failed)
			} else {
				w.fail(unlessPassing(err))
			}
			return err
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func unlessPassing(err error) error {
	if errors.Is(err, errNotNow) || errors.Is(err, errFenced) || isContext(err) || isPostponed(err) {
		return nil
	}
	return err
}

// commit makes the work of all running tasks last: caches and changelogs are
// written, the producer's acknowledgements awaited, the offsets committed, and
// only then the tasks' writes are committed ones.
func (w *Worker) commit(ctx context.Context) error {
	var dirty []*entry
	for _, e := range w.order {
		if e.task.Dirty() {
			dirty = append(dirty, e)
		}
	}
	// A punctuation may have emitted something without a change of its task.
	if len(dirty) == 0 && w.out.Sent() == 0 {
		w.committed = w.now()
		return nil
	}
	if w.txn != nil {
		return w.commitTransaction(ctx, dirty)
	}
	if err := w.writeOut(ctx, dirty); err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	moved := w.moved(dirty)
	if err := w.commitOffsets(ctx, moved); err != nil {
		return err
	}
	w.out.Reset()
	return w.afterCommit(dirty, moved, 0)
}

// flush waits until the brokers have what was sent.
func (w *Worker) flush(ctx context.Context) error {
	err := w.out.Flush(ctx)
	if err != nil && isContext(err) {
		return fmt.Errorf("%w: %w", errNotNow, err)
	}
	return err
}

// writeOut lets the tasks emit what a commit has to contain. Outside of a
// transaction the changelogs come when the brokers have all the results: state
// that says of a result that it was sent must not outlive it. Held results wait
// for the others to be acknowledged, so that little time lies between them and
// the changelogs: none where one broker takes both in one request.
func (w *Worker) writeOut(ctx context.Context, dirty []*entry) error {
	for _, e := range dirty {
		if err := e.task.Flush(); err != nil {
			return fmt.Errorf("task %s: %w", e.id, err)
		}
	}
	if w.txn == nil {
		if err := w.releaseResults(ctx, dirty); err != nil {
			return err
		}
	}
	for _, e := range dirty {
		if err := e.task.WriteChangelog(); err != nil {
			return fmt.Errorf("task %s: %w", e.id, err)
		}
	}
	return nil
}

// releaseResults sends the results that were held behind all others, and waits
// for them where the changelogs could overtake them.
func (w *Worker) releaseResults(ctx context.Context, dirty []*entry) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	if err := w.prove(ctx); err != nil {
		return err
	}
	for _, e := range dirty {
		if err := e.task.ReleaseResults(); err != nil {
			return fmt.Errorf("task %s: %w", e.id, err)
		}
	}
	if w.out.Together() {
		return nil
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.prove(ctx)
}

// move is an input that a commit moves on.
type move struct {
	in *input
	to position
}

func (w *Worker) moved(dirty []*entry) []move {
	var moves []move
	for _, e := range dirty {
		for _, o := range e.task.Offsets() {
			in := e.inputs[o.Topic]
			moves = append(moves, move{in, position{o.Next, in.epochs.at(o.Next), o.Metadata}})
		}
	}
	return moves
}

// afterCommit tells the tasks. markers is how many offsets the end of a
// transaction takes in a changelog.
func (w *Worker) afterCommit(dirty []*entry, moves []move, markers int64) error {
	w.committed, w.retry, w.fenced = w.now(), time.Time{}, false
	w.m.Outcomes[measure.Committed]++
	for _, m := range moves {
		m.in.at = m.to
	}
	for _, e := range dirty {
		if e.task == nil {
			continue // undone with one before it: it reads the changelog instead
		}
		w.passedIfCommitted(e)
		err := e.task.Committed(func(topic string) (int64, bool) {
			end, ok := w.out.End(topic, e.id.Partition)
			return end + markers, ok
		})
		if err := w.settled(e, err); err != nil {
			return err
		}
	}
	w.forgetLeft(moves)
	w.purge(moves)
	return nil
}

// commitOffsets commits outside of a transaction, as the member that we are.
func (w *Worker) commitOffsets(ctx context.Context, moves []move) error {
	if len(moves) == 0 {
		return nil
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.InstanceID = w.c.App, kmsg.StringPtr(w.instanceID())
	var err error
	if req.MemberID, req.Generation, err = w.membership(); err != nil {
		return err
	}
	byTopic := make(map[string]int)
	for _, m := range moves {
		i, ok := byTopic[m.in.Topic]
		if !ok {
			i = len(req.Topics)
			byTopic[m.in.Topic] = i
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic = m.in.Topic
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = m.in.Num, m.to.offset, m.to.epoch
		p.Metadata = kmsg.StringPtr(m.to.metadata)
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	began := w.now()
	resp, err := req.RequestWith(ctx, w.consumer)
	if err != nil {
		return fmt.Errorf("%w: offset commit: %w", errNotNow, err)
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := w.judgeCommit(kerr.ErrorForCode(p.ErrorCode), req.Generation); err != nil {
				return fmt.Errorf("topic %s partition %d: offset commit: %w", t.Topic, p.Partition, err)
			}
		}
	}
	w.proven = began
	return nil
}

// judgeCommit says what an answer to an offset commit means. Errors of
// membership need not be the end of it: the generation may be about to change.
// The group tells us if it is.
func (w *Worker) judgeCommit(err error, generation int32) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.IllegalGeneration):
		if _, now := w.consumer.GroupMetadata(); now != generation || w.joining.Load() {
			return fmt.Errorf("%w: %w", errNotNow, err)
		}
		return fmt.Errorf("%w: %w", errFenced, err)
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID), errors.Is(err, kerr.FencedMemberEpoch):
		return fmt.Errorf("%w: %w", errFenced, err)
	case errors.Is(err, kerr.OffsetMetadataTooLarge):
		return fmt.Errorf("%w: the broker's offset.metadata.max.bytes is too small for the times of the stores that emit on close", err)
	case client.Passes(err), errors.Is(err, kerr.RebalanceInProgress):
		return fmt.Errorf("%w: %w", errNotNow, err)
	}
	return err
}
