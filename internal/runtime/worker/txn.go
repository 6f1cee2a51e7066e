package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
)

func (w *Worker) transactionalID() string {
	return fmt.Sprintf("%s-%s-%d", w.c.App, w.c.Dir.ProcessName(), w.c.Index)
}

// newTransaction is what exactly once adds to a worker: outputs, changelogs and
// offsets of all its tasks are in one transaction of its producer.
func (w *Worker) newTransaction() (*produce.Transactional, kgo.Opt) {
	t := &produce.Transactional{ID: w.transactionalID(), Timeout: w.c.TransactionTimeout, Implicit: w.endsImplicitly()}
	if t.Implicit {
		return t, client.Pin(map[kmsg.Key]int16{kmsg.Produce: 12, kmsg.EndTxn: 5, kmsg.TxnOffsetCommit: 5})
	}
	return t, client.Pin(map[kmsg.Key]int16{kmsg.Produce: 11, kmsg.EndTxn: 4, kmsg.TxnOffsetCommit: 4, kmsg.AddPartitionsToTxn: 3})
}

// endsImplicitly says whether the brokers have the transactions of KIP-890. It is
// asked once for the life of the worker, and until a broker answers: a producer
// that is made while brokers start must not fall back to transactions that a late
// request can be added to.
func (w *Worker) endsImplicitly() bool {
	for began := w.now(); w.era == unknownEra && w.life.Err() == nil; {
		ctx, cancel := context.WithTimeout(w.life, 5*time.Second)
		resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, w.restorer.Client())
		cancel()
		// A broker that starts doesn't know the features of its cluster at first.
		if err == nil && (resp.FinalizedFeaturesEpoch >= 0 || w.now().Sub(began) > 5*time.Second) {
			w.era = eraOf(resp)
			break
		}
		pause(w.life, 100*time.Millisecond)
	}
	return w.era == implicitEra
}

// era is a way of brokers with transactions.
type era int

const (
	unknownEra  era = iota
	explicitEra     // partitions and groups are added to a transaction by requests
	implicitEra     // the brokers add them (KIP-890, transaction.version 2)
)

func eraOf(resp *kmsg.ApiVersionsResponse) era {
	newest := slices.IndexFunc(resp.FinalizedFeatures, func(f kmsg.ApiVersionsResponseFinalizedFeature) bool {
		return f.Name == "transaction.version" && f.MaxVersionLevel >= 2
	})
	offsets := slices.IndexFunc(resp.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == int16(kmsg.TxnOffsetCommit) && k.MaxVersion >= 5
	})
	if newest >= 0 && offsets >= 0 {
		return implicitEra
	}
	return explicitEra
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
	if len(moves) == 0 {
		moves = w.standing(dirty)
	}
	if err := w.addOffsets(ctx, moves); err != nil {
		return w.undo(err, false)
	}
	if err := w.out.Producer().Commit(w.life); err != nil {
		return w.undo(fmt.Errorf("transaction %s: commit: %w", w.txn.ID, passing(err)), true)
	}
	w.out.Reset()
	return w.afterCommit(dirty, moves, 1)
}

// standing is where inputs stand that no record has moved: of the tasks that
// only punctuated, or of all if it is not known whose the outputs are. They are
// committed once more, since the group refuses the offsets of a worker that it
// does not know any more, and with them all that the transaction has.
func (w *Worker) standing(dirty []*entry) []move {
	if len(dirty) == 0 {
		dirty = w.order
	}
	var moves []move
	for _, e := range dirty {
		for _, in := range e.inputs {
			moves = append(moves, move{in, in.at})
		}
	}
	return moves
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
	id, epoch, err := w.out.Producer().Join(ctx)
	if err != nil {
		return fmt.Errorf("transaction %s: %w", w.txn.ID, passing(err))
	}
	if !w.txn.Implicit {
		if err := w.addGroup(ctx, id, epoch); err != nil {
			return fmt.Errorf("transaction %s: add the group: %w", w.txn.ID, err)
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
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = w.txn.ID, id, epoch, w.c.App
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
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = w.txn.ID, w.c.App, id, epoch
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
		return fmt.Errorf("transaction %s: offset commit: %w", w.txn.ID, passing(err))
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := w.judgeCommit(kerr.ErrorForCode(p.ErrorCode), req.Generation); err != nil {
				return fmt.Errorf("transaction %s: topic %s partition %d: offset commit: %w", w.txn.ID, t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}
