package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// undo ends a transaction that failed: it is aborted, or if its outcome is not
// known left for the brokers to end, and the tasks go back to the last commit.
// The result is the error if it does not pass by itself.
func (w *Worker) undo(cause error, unsure bool) error {
	if !w.passes(cause) {
		w.abortTransaction()
		if isDenied(cause) {
			return fmt.Errorf("transactional id %s: %w", w.txn.ID, cause)
		}
		return cause
	}
	w.log.Warn("transaction failed: tasks go back to their last commit", "error", cause, "outcome_unknown", unsure)
	w.unsure = w.unsure || unsure
	if unsure {
		if err := w.replaceProducer(); err != nil {
			return err
		}
	} else if err := w.abortTransaction(); err != nil {
		return err
	}
	w.reviveDirty()
	w.committed = w.now()
	return fmt.Errorf("%w: %w", errNotNow, cause)
}

// passes says that a failed transaction may work the next time.
func (w *Worker) passes(err error) bool {
	if errors.Is(err, errNotNow) || errors.Is(err, errFenced) || isPostponed(err) {
		return true
	}
	var code *kerr.Error
	if !errors.As(err, &code) {
		return isContext(err) || isNetwork(err)
	}
	if code.Retriable {
		return true
	}
	for _, passing := range []error{
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.UnknownProducerID,
		kerr.OutOfOrderSequenceNumber, kerr.InvalidTxnState, kerr.ConcurrentTransactions, kerr.TransactionAbortable,
		kerr.TransactionCoordinatorFenced, kerr.OperationNotAttempted, kerr.UnknownServerError, kerr.DuplicateSequenceNumber,
	} {
		if errors.Is(code, passing) {
			return true
		}
	}
	return false
}

// isNetwork says that an error comes from the way to a broker: it has no code
// of a broker and is not one of ours.
func isNetwork(err error) bool {
	var (
		timeout interface{ Timeout() bool }
		closed  *kgo.ErrFirstReadEOF // by a broker that is about to end, or by what is in between
	)
	return errors.As(err, &timeout) || errors.As(err, &closed) || kgo.IsRetryableBrokerErr(err) || errors.Is(err, kgo.ErrClientClosed) ||
		errors.Is(err, io.ErrClosedPipe) // a broken connection of a dialer that goes through a tunnel
}

// abortTransaction drops what the tasks emitted since the last commit. A
// producer that can't is replaced: the new one fences the old.
func (w *Worker) abortTransaction() error {
	if w.txn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.life, 10*time.Second)
	defer cancel()
	err := w.out.Producer().Abort(ctx)
	w.out.Reset()
	if err == nil {
		return nil
	}
	w.log.Info("transaction is aborted by another producer", "cause", err)
	return w.replaceProducer()
}

// replaceProducer makes a new producer under the same transactional id.
func (w *Worker) replaceProducer() error {
	w.out.Close()
	w.producer.Close()
	return w.openProducer()
}

// reviveDirty makes the tasks anew that emitted or wrote since the last commit.
func (w *Worker) reviveDirty() {
	for _, e := range w.tasks {
		if e.phase == Processing && e.task.Dirty() {
			w.revive(e, 0)
		}
	}
}

// afterAbort undoes what a task that is made anew has in the open transaction,
// and so has to undo that of all.
func (w *Worker) afterAbort() error {
	if w.txn == nil {
		return nil
	}
	if err := w.abortTransaction(); err != nil {
		return err
	}
	w.reviveDirty()
	return nil
}

// settleDoubt learns from the group's offsets where the tasks stand, after it
// ended a transaction whose outcome is not known.
func (w *Worker) settleDoubt() error {
	ctx, cancel := context.WithTimeout(w.life, 10*time.Second)
	defer cancel()
	if w.txn != nil {
		if err := w.out.Producer().Ready(ctx); err != nil {
			return fmt.Errorf("transaction %s: %w", w.txn.ID, err)
		}
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = w.c.App
	inputs := make(map[offsets.Partition]*input)
	for _, e := range w.tasks {
		if e.phase != Waiting {
			continue
		}
		for _, in := range e.inputs {
			inputs[in.Partition] = in
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic, t.Partitions = in.Topic, []int32{in.Num}
			g.Topics = append(g.Topics, t)
		}
	}
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, w.consumer)
	if err != nil {
		return fmt.Errorf("offset fetch: %w", err)
	}
	if err := learn(resp, inputs); err != nil {
		return err
	}
	for _, e := range w.tasks {
		if e.phase == Waiting {
			w.seek(e)
		}
	}
	w.unsure = false
	return nil
}

func learn(resp *kmsg.OffsetFetchResponse, inputs map[offsets.Partition]*input) error {
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return fmt.Errorf("offset fetch: %w", err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				in := inputs[offsets.Partition{Topic: t.Topic, Num: p.Partition}]
				if err := kerr.ErrorForCode(p.ErrorCode); errors.Is(err, kerr.UnstableOffsetCommit) {
					return fmt.Errorf("topic %s partition %d: offset fetch: %w (a transaction has not ended; if it does not soon, the brokers lost its end, which kafka-transactions.sh find-hanging tells)",
						t.Topic, p.Partition, err)
				}
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("topic %s partition %d: offset fetch: %w", t.Topic, p.Partition, err)
				}
				if in == nil || p.Offset < 0 {
					continue // nothing was committed ever: it goes on where it began
				}
				in.at = position{offset: p.Offset, epoch: p.LeaderEpoch}
				if p.Metadata != nil {
					in.at.metadata = *p.Metadata
				}
				in.next, in.epochs, in.resetAt = p.Offset, nil, time.Time{}
			}
		}
	}
	return nil
}
