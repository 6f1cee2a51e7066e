package produce

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What is in this file runs with the lock held, but for send and what it calls
// before settle.

// route puts a partition with batches where these wait.
func (p *Producer) route(t *part) {
	if p.broken != nil {
		p.refuseWaiting(t, p.broken)
	}
	if t.queued || t.flying || len(t.ready) == 0 {
		return
	}
	t.queued = true
	if t.leader < 0 {
		p.homeless = append(p.homeless, t)
		p.look()
		return
	}
	b := p.brokers[t.leader]
	if b == nil {
		b = &broker{id: t.leader}
		p.brokers[t.leader] = b
	}
	b.queue = append(b.queue, t)
}

func (p *Producer) kickAll() {
	for _, b := range p.brokers {
		p.kick(b)
	}
}

// kick sends what waits for a broker that has nothing to do: at most one batch
// of each partition.
func (p *Producer) kick(b *broker) {
	if b.busy || len(b.queue) == 0 || p.closed {
		return
	}
	if wait := time.Until(b.rest); wait > 0 {
		if !b.alarm {
			b.alarm = true
			time.AfterFunc(wait, func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				b.alarm = false
				p.kick(b)
			})
		}
		return
	}
	var load []*batch
	size, later := 0, b.queue[:0]
	for _, t := range b.queue {
		switch {
		case len(t.ready) == 0: // taken back
			t.queued = false
		case size > requestBytes:
			later = append(later, t)
		default:
			t.queued, t.flying = false, true
			load = append(load, t.ready[0])
			size += len(t.ready[0].buf)
		}
	}
	clear(b.queue[len(later):])
	b.queue = later
	if len(load) == 0 {
		return
	}
	b.busy, p.begun = true, true
	p.wg.Go(func() { p.send(b, load) })
}

// send sends batches to a broker and takes the answer.
func (p *Producer) send(b *broker, load []*batch) {
	err := p.sign(load)
	if err == nil {
		err = p.addPartitions(load)
	}
	var resp *kmsg.ProduceResponse
	if err == nil {
		for _, batch := range load {
			batch.seal(p.c.Compressor, p.c.Txn != nil)
		}
		resp, err = p.request(b.id, load)
	}
	from, took := p.settle(b, load, resp, err)
	p.tell(from, took)
}

// settle takes the answer or its lack, and goes on. It returns what hooks are
// to be told.
func (p *Producer) settle(b *broker, load []*batch, resp *kmsg.ProduceResponse, err error) (from kgo.BrokerMetadata, took []written) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.busy = false
	parts := make([]*part, len(load))
	for i, batch := range load {
		parts[i] = batch.part // a batch that is done may be another's at once
	}
	if p.closed {
		for _, t := range parts {
			t.flying = false
		}
		return from, nil
	}
	if err != nil {
		p.failed(b, load, err)
	} else {
		took = p.answered(b, load, resp)
	}
	for _, t := range parts {
		p.route(t)
	}
	p.kickAll()
	return p.metas[b.id], took
}

// sign gives each new batch the next sequence of its partition.
func (p *Producer) sign(load []*batch) error {
	id, err := p.producerID(p.ctx)
	if err != nil {
		return err
	}
	for _, b := range load {
		if b.signed {
			continue
		}
		t := b.part
		if t.id != id {
			t.id, t.seq = id, 0
		}
		b.sign(id, t.seq)
		t.seq = after(t.seq, b.n)
	}
	return nil
}

// after is the sequence n records after seq, which wraps as the brokers' does.
func after(seq, n int32) int32 {
	if seq > math.MaxInt32-n {
		return n - (math.MaxInt32 - seq) - 1
	}
	return seq + n
}

// producerID returns the id for new batches. It asks for one if there is none.
func (p *Producer) producerID(ctx context.Context) (producerID, error) {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return producerID{}, fmt.Errorf("producer id: %w", ctx.Err())
	case <-p.ctx.Done():
		return producerID{}, errClosed
	}
	p.mu.Lock()
	id, ok := p.id, p.hasID
	p.mu.Unlock()
	if ok {
		return id, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	ask := p.initID
	if p.c.Txn != nil {
		ask = p.initTxn
	}
	id, err := ask(ctx)
	if err != nil {
		return producerID{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.hasID = id, true
	return id, nil
}

func (p *Producer) initID(ctx context.Context) (producerID, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := req.RequestWith(ctx, p.c.Client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return producerID{}, fmt.Errorf("producer id: %w", err)
	}
	return producerID{resp.ProducerID, resp.ProducerEpoch}, nil
}

func (p *Producer) request(broker int32, load []*batch) (*kmsg.ProduceResponse, error) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, int32(p.c.Timeout.Milliseconds())
	if p.c.Txn != nil {
		req.TransactionID = kmsg.StringPtr(p.c.Txn.ID)
	}
	at := make(map[*Topic]int)
	for _, b := range load {
		i, ok := at[b.part.topic]
		if !ok {
			i = len(req.Topics)
			at[b.part.topic] = i
			req.Topics = append(req.Topics, kmsg.ProduceRequestTopic{Topic: b.part.topic.name, TopicID: p.topicID(b.part.topic)})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, kmsg.ProduceRequestTopicPartition{Partition: b.part.num, Records: b.sealed})
	}
	resp, err := p.c.Client.Broker(int(broker)).Request(p.ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.ProduceResponse), nil
}

func (p *Producer) topicID(t *Topic) [16]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.id
}

// failed judges a request without an answer: it is sent again, to whoever leads then.
func (p *Producer) failed(b *broker, load []*batch, err error) {
	for _, batch := range load {
		batch.part.flying, batch.lent = false, true
		if isFinal(err) || p.broken != nil || p.c.Txn != nil && breaks(err) {
			p.refuse(batch, err)
		} else {
			batch.tries++
			batch.part.leader = -1
		}
	}
	b.pause(backoff)
}

func (b *broker) pause(backoff func(tries int) time.Duration) {
	b.rest = time.Now().Add(backoff(b.fails))
	b.fails++
}

// answered judges the answer for each partition. It returns the batches that
// were taken, if there are hooks for them.
func (p *Producer) answered(b *broker, load []*batch, resp *kmsg.ProduceResponse) (took []written) {
	type key struct {
		topic string
		id    [16]byte
		num   int32
	}
	got := make(map[key]*kmsg.ProduceResponseTopicPartition, len(load))
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		for j := range rt.Partitions {
			k := key{num: rt.Partitions[j].Partition, topic: rt.Topic}
			if rt.Topic == "" {
				k.id = rt.TopicID
			}
			got[k] = &rt.Partitions[j]
		}
	}
	worst := went
	for _, batch := range load {
		t := batch.part
		t.flying = false
		rp := got[key{topic: t.topic.name, num: t.num}]
		if rp == nil {
			rp = got[key{id: t.topic.id, num: t.num}]
		}
		if rp == nil {
			rp = &kmsg.ProduceResponseTopicPartition{ErrorCode: kerr.NotLeaderForPartition.Code} // not answered
		}
		if (rp.ErrorCode == 0 || rp.ErrorCode == kerr.DuplicateSequenceNumber.Code) && len(p.hooks) > 0 {
			took = append(took, written{t.topic.name, t.num, batch.metrics()})
		}
		worst = max(worst, p.judge(batch, rp))
	}
	switch worst {
	case went:
		b.fails = 0
	case ending:
		b.pause(endingBackoff)
	case failing:
		b.pause(backoff)
	}
	return took
}

// verdict says when a broker may be sent more.
type verdict int

const (
	went    verdict = iota // at once
	ending                 // when it is done with the transaction before
	failing                // later
)

// judge takes the answer for a batch.
func (p *Producer) judge(b *batch, rp *kmsg.ProduceResponseTopicPartition) verdict {
	err := kerr.ErrorForCode(rp.ErrorCode)
	switch {
	case err == nil:
		p.done(b, rp.BaseOffset, nil)
		return went
	case errors.Is(err, kerr.DuplicateSequenceNumber): // of an earlier try, too long ago to tell its offset
		p.done(b, -1, nil)
		return went
	case p.broken != nil, p.c.Txn != nil && breaks(err):
		p.refuse(b, err)
		return went
	case errors.Is(err, kerr.ConcurrentTransactions):
		b.tries++
		return ending
	case errors.Is(err, kerr.OutOfOrderSequenceNumber), errors.Is(err, kerr.UnknownProducerID),
		errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerIDMapping):
		// The broker lost what it knew of us, with or without records.
		b.signed, p.hasID = false, false
	case isUnknown(err):
		if b.unknown++; b.unknown > p.unknownRetries() {
			p.refuse(b, err)
			return went
		}
		b.part.leader = -1
	case kerr.IsRetriable(err):
		b.part.leader = -1
	default:
		p.refuse(b, err)
		return went
	}
	b.tries++
	return failing
}

// refuse ends a batch that was not taken. An earlier try may have been, so that
// its sequence must not be used for others. A transaction is over with it.
func (p *Producer) refuse(b *batch, err error) {
	if b.signed && p.c.Txn == nil {
		p.hasID = false
	}
	p.done(b, -1, err)
	p.breakOff(err)
}

func isUnknown(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// isFinal says that trying again does not help.
func isFinal(err error) bool {
	var code *kerr.Error
	return errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.Canceled) || errors.As(err, &code) && !code.Retriable
}
