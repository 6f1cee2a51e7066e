package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
)

// transaction is what exactly once adds to a worker. Outputs, changelogs and
// offsets of all its tasks are in one transaction of its producer.
type transaction struct {
	id string
	// implicit says that the brokers add the offsets to the transaction by
	// themselves (KIP-890, transaction.version 2).
	implicit bool
}

func (w *Worker) transactionalID() string {
	return fmt.Sprintf("%s-%s-%d", w.c.App, w.c.Dir.ProcessName(), w.c.Index)
}

func (w *Worker) newTransaction() (*transaction, []kgo.Opt, error) {
	t := &transaction{id: w.transactionalID(), implicit: w.endsImplicitly()}
	version := int16(4)
	if t.implicit {
		version = 5
	}
	return t, []kgo.Opt{
		kgo.TransactionalID(t.id), kgo.TransactionTimeout(w.c.TransactionTimeout),
		client.Pin(map[kmsg.Key]int16{kmsg.TxnOffsetCommit: version}),
	}, nil
}

// endsImplicitly asks the brokers for their version of transactions. Without an
// answer the older way is taken, which all of them know.
func (w *Worker) endsImplicitly() bool {
	ctx, cancel := context.WithTimeout(w.life, 5*time.Second)
	defer cancel()
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, w.restorer.Client())
	if err != nil {
		return false
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= 2 {
			for _, k := range resp.ApiKeys {
				if k.ApiKey == int16(kmsg.TxnOffsetCommit) {
					return k.MaxVersion >= 5
				}
			}
		}
	}
	return false
}

// begin lets the tasks emit. The brokers learn of it with the first record.
func (w *Worker) begin() error {
	if w.txn == nil {
		return nil
	}
	if err := w.producer.BeginTransaction(); err != nil {
		return fmt.Errorf("transactional id %s: %w", w.txn.id, err)
	}
	return nil
}

// commitTransaction commits outputs, changelogs and offsets at once. A commit
// that fails is undone: the tasks go back to the one before.
func (w *Worker) commitTransaction(ctx context.Context, dirty []*entry) error {
	err := w.writeOut(ctx, dirty)
	if err == nil {
		err = w.out.Flush(ctx)
	}
	if err != nil {
		return w.undo(err, false)
	}
	moves := w.moved(dirty)
	if w.out.Sent() == 0 {
		if err := w.commitOffsets(ctx, moves); err != nil {
			return err
		}
		return w.afterCommit(dirty, moves, 0)
	}
	if err := w.addOffsets(ctx, moves); err != nil {
		return w.undo(err, false)
	}
	if err := w.producer.EndTransaction(w.life, kgo.TryCommit); err != nil {
		return w.undo(fmt.Errorf("transaction %s: commit: %w", w.txn.id, passing(err)), true)
	}
	w.out.Reset()
	if err := w.begin(); err != nil {
		w.log.Warn("producer is replaced", "error", err)
		if err := w.replaceProducer(); err != nil {
			return err
		}
	}
	return w.afterCommit(dirty, moves, 1)
}

// offsetsTime is how long a commit tries to add offsets to its transaction. The
// group can't have the loop's attention meanwhile.
const offsetsTime = 3 * time.Second

// passing marks an error of a request that no broker answered as one that may
// pass: what it is about is the way there.
func passing(err error) error {
	var code *kerr.Error
	if errors.As(err, &code) {
		return err
	}
	return fmt.Errorf("%w: %w", errNotNow, err)
}

// addOffsets makes the positions of the inputs part of the transaction.
func (w *Worker) addOffsets(ctx context.Context, moves []move) error {
	if len(moves) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, offsetsTime)
	defer cancel()
	id, epoch, err := w.producer.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("transaction %s: %w", w.txn.id, passing(err))
	}
	if !w.txn.implicit {
		if err := w.addGroup(ctx, id, epoch); err != nil {
			return fmt.Errorf("transaction %s: add the group: %w", w.txn.id, err)
		}
	}
	for {
		err := w.txnOffsetCommit(ctx, id, epoch, moves)
		if !errors.Is(err, errNotNow) || ctx.Err() != nil {
			return err
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func (w *Worker) addGroup(ctx context.Context, id int64, epoch int16) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = w.txn.id, id, epoch, w.c.App
	for {
		resp, err := req.RequestWith(ctx, w.producer)
		if err != nil {
			return passing(err)
		}
		err = kerr.ErrorForCode(resp.ErrorCode)
		if !errors.Is(err, kerr.ConcurrentTransactions) || ctx.Err() != nil {
			return err
		}
		pause(ctx, 10*time.Millisecond)
	}
}

func (w *Worker) txnOffsetCommit(ctx context.Context, id int64, epoch int16, moves []move) error {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = w.txn.id, w.c.App, id, epoch
	req.InstanceID = kmsg.StringPtr(w.instanceID())
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
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic = m.in.Topic
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = m.in.Num, m.to.offset, m.to.epoch
		p.Metadata = kmsg.StringPtr(m.to.metadata)
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	resp, err := req.RequestWith(ctx, w.producer)
	if err != nil {
		return fmt.Errorf("transaction %s: offset commit: %w", w.txn.id, passing(err))
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := w.judgeCommit(kerr.ErrorForCode(p.ErrorCode), req.Generation); err != nil {
				return fmt.Errorf("transaction %s: topic %s partition %d: offset commit: %w", w.txn.id, t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}
