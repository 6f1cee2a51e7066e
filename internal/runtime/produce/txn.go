package produce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Transactional makes what a Producer sends part of transactions. One begins
// with what is sent first, and ends with Commit or Abort. The first failure is
// the end of the Producer: another one with the same id has to go on, whose id
// for the brokers fences this one's and aborts what it left open.
type Transactional struct {
	ID      string
	Timeout time.Duration
	// Implicit says that the brokers add partitions and groups to a transaction by
	// themselves, and give another epoch with the end of each (KIP-890,
	// transaction.version 2). The client's Produce is then of version 12, its EndTxn
	// of version 5, otherwise of 11 and 4 at most.
	Implicit bool
}

// errUnsettled says that a batch may or may not be part of the transaction.
var errUnsettled = errors.New("it is not known what became of a batch")

// errDropped is the fate of what was not sent when a transaction was aborted.
var errDropped = errors.New("the transaction was aborted")

// Ready waits until the brokers gave an id, which ends the transaction of an
// earlier Producer with the same transactional id.
func (p *Producer) Ready(ctx context.Context) error {
	_, err := p.producerID(ctx)
	return err
}

// Join makes what the caller is about to add to it part of the transaction. It
// returns the id and the epoch to do that under.
func (p *Producer) Join(ctx context.Context) (id int64, epoch int16, err error) {
	got, err := p.producerID(ctx)
	if err != nil {
		return 0, 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return 0, 0, p.broken
	}
	p.begun = true
	return got.id, got.epoch, nil
}

// Commit ends the transaction. Everything has to be flushed. After an error it
// is not known how it ended.
func (p *Producer) Commit(ctx context.Context) error { return p.end(ctx, true) }

// Abort drops what was not sent, waits for what is on its way, and aborts the
// transaction.
func (p *Producer) Abort(ctx context.Context) error {
	if err := p.drop(); err != nil {
		return err
	}
	if err := p.Flush(ctx); err != nil {
		return err
	}
	return p.end(ctx, false)
}

// drop forgets the batches that are not on their way. One that was sent before
// may be in the transaction.
func (p *Producer) drop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, topic := range p.byName {
		for _, t := range topic.used {
			if len(t.ready) > 0 && !t.flying && t.ready[0].signed && p.broken == nil {
				p.broken = errUnsettled
			}
		}
	}
	p.forget(errDropped)
	p.change.Broadcast()
	return p.broken
}

func (p *Producer) end(ctx context.Context, commit bool) error {
	p.mu.Lock()
	id, begun, waiting, err := p.id, p.begun, p.waiting, p.broken
	p.mu.Unlock()
	switch {
	case err != nil:
		return err
	case waiting > 0:
		return fmt.Errorf("%d batches wait for acknowledgement", waiting)
	case !begun:
		return nil
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.c.Txn.ID, id.id, id.epoch, commit
	var resp *kmsg.EndTxnResponse
	err = p.untilNoneIsEnding(ctx, func() (err error) {
		if resp, err = req.RequestWith(ctx, p.c.Client); err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = false
	clear(p.added)
	if err != nil {
		p.broken = err
		return err
	}
	if resp.Version >= 5 && resp.ProducerID >= 0 {
		p.id = producerID{resp.ProducerID, resp.ProducerEpoch}
	}
	return nil
}

// untilNoneIsEnding asks the coordinator again while the transaction before is
// still being ended.
func (p *Producer) untilNoneIsEnding(ctx context.Context, ask func() error) error {
	for tries := 0; ; tries++ {
		err := ask()
		if !errors.Is(err, kerr.ConcurrentTransactions) || !pause(ctx, endingBackoff(tries)) {
			return err
		}
	}
}

// endingBackoff is for the end of a transaction, which takes a few milliseconds.
func endingBackoff(tries int) time.Duration {
	return min(2*time.Millisecond<<min(tries, 5), 50*time.Millisecond)
}

// pause returns whether ctx goes on after d.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// initTxn asks for an id until there is one, or a broker refuses for good.
func (p *Producer) initTxn(ctx context.Context) (producerID, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr(p.c.Txn.ID), int32(p.c.Txn.Timeout.Milliseconds())
	req.ProducerID, req.ProducerEpoch = -1, -1
	for tries := 0; ; tries++ {
		var resp *kmsg.InitProducerIDResponse
		err := p.untilNoneIsEnding(ctx, func() (err error) {
			if resp, err = req.RequestWith(ctx, p.c.Client); err != nil {
				return err
			}
			return kerr.ErrorForCode(resp.ErrorCode)
		})
		if err == nil {
			return producerID{resp.ProducerID, resp.ProducerEpoch}, nil
		}
		if isFinal(err) || !pause(ctx, backoff(tries)) {
			return producerID{}, fmt.Errorf("producer id: %w", err)
		}
	}
}

// partitionKey names a partition of a transaction.
type partitionKey struct {
	topic string
	num   int32
}

// addPartitions tells the coordinator of partitions that are new to the
// transaction, where the brokers don't do that by themselves.
func (p *Producer) addPartitions(load []*batch) error {
	if p.c.Txn == nil || p.c.Txn.Implicit {
		return nil
	}
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.c.Txn.ID, load[0].id.id, load[0].id.epoch
	byTopic := make(map[string]int)
	p.mu.Lock()
	for _, b := range load {
		k := partitionKey{b.part.topic.name, b.part.num}
		if p.added[k] {
			continue
		}
		i, ok := byTopic[k.topic]
		if !ok {
			i = len(req.Topics)
			byTopic[k.topic] = i
			req.Topics = append(req.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: k.topic})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, k.num)
	}
	p.mu.Unlock()
	if len(req.Topics) == 0 {
		return nil
	}
	err := p.untilNoneIsEnding(p.ctx, func() error { return p.askToAdd(req) })
	if err != nil {
		return fmt.Errorf("add partitions to the transaction: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range req.Topics {
		for _, num := range t.Partitions {
			p.added[partitionKey{t.Topic, num}] = true
		}
	}
	return nil
}

func (p *Producer) askToAdd(req *kmsg.AddPartitionsToTxnRequest) error {
	resp, err := req.RequestWith(p.ctx, p.c.Client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, rp := range t.Partitions {
			// Others are not attempted because of one: its error is told, not theirs.
			if rp.ErrorCode != 0 && rp.ErrorCode != kerr.OperationNotAttempted.Code {
				return kerr.ErrorForCode(rp.ErrorCode)
			}
		}
	}
	return nil
}

// breaks says that a batch with this error is the end of its transaction.
func breaks(err error) bool {
	var code *kerr.Error
	return errors.As(err, &code) && !code.Retriable && !errors.Is(code, kerr.ConcurrentTransactions)
}

// breakOff refuses all that waits, with the lock held: the transaction can't be
// committed any more.
func (p *Producer) breakOff(err error) {
	if p.c.Txn == nil || p.broken != nil {
		return
	}
	p.broken = err
	p.refuseAll(err)
}
