package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/batch"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// answer is what a broker said of a partition.
type answer struct {
	p     *partition
	ask   ask
	rp    *kmsg.FetchResponseTopicPartition
	chunk Chunk
}

// fetch sends a request and looks at the answer.
func (f *Fetcher) fetch(ctx context.Context, b *broker, parts []*partition, req kmsg.Request) {
	kresp, err := f.c.Client.Broker(int(b.id)).Request(ctx, req)
	if err != nil {
		f.failed(ctx, b, parts, err)
		return
	}
	resp := kresp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		f.refusedAll(ctx, b, parts, err)
		return
	}
	answers := f.answers(b, resp)
	for i := range answers {
		f.read(b, &answers[i])
	}
	f.mu.Lock()
	defer f.unlock()
	b.session.answered(resp)
	for i := range answers {
		a := &answers[i]
		if !a.p.asks(b) || !f.judge(b, a) {
			f.gone = append(f.gone, a.chunk)
		}
	}
	f.stuck(b, answers)
	f.free(ctx, b, parts, nil)
	if b.full {
		f.c.Ring()
	}
}

// refusedAll ends a request that the broker refused as a whole, mostly for its
// session, which begins anew.
func (f *Fetcher) refusedAll(ctx context.Context, b *broker, parts []*partition, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if unknown := errors.Is(err, kerr.FetchSessionIDNotFound); unknown && b.session.epoch == 0 {
		b.session = session{none: true} // it was asked for another one
	} else {
		b.session.reset()
		for _, p := range parts {
			p.lost = p.lost || !unknown
		}
	}
	f.c.Logger.Debug("fetch session begins anew", "broker", b.id, "error", err)
	f.free(ctx, b, parts, err)
}

// stuck lets partitions rest of which nothing whole came. If others came first
// their turn is next, and a broker keeps that turn if they are asked for again.
func (f *Fetcher) stuck(b *broker, answers []answer) {
	if b.full {
		return
	}
	for i := range answers {
		a := &answers[i]
		if a.p.asks(b) && a.rp.ErrorCode == 0 && len(a.rp.RecordBatches) > 0 && a.chunk.Next == a.p.next {
			a.p.wait()
			if a.p.fails%16 == 8 {
				f.c.Logger.Warn("fetching gets no whole record batch", "topic", a.p.Topic, "partition", a.p.Num, "offset", a.p.next, "broker", b.id, "bytes", len(a.rp.RecordBatches))
			}
		}
	}
}

// answers finds the partitions of an answer, each once.
func (f *Fetcher) answers(b *broker, resp *kmsg.FetchResponse) []answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names map[[16]byte]string
	if resp.Version >= 13 {
		names = make(map[[16]byte]string, len(resp.Topics))
		for k, had := range b.session.has {
			names[had.id] = k.Topic
		}
	}
	var all []answer
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if names != nil {
			t.Topic = names[t.TopicID]
		}
		for j := range t.Partitions {
			rp := &t.Partitions[j]
			if p := f.parts[offsets.Partition{Topic: t.Topic, Num: rp.Partition}]; p.asks(b) && !p.ask.answered {
				p.ask.answered = true
				all = append(all, answer{p: p, ask: p.ask, rp: rp})
			}
		}
	}
	return all
}

// read reads the batches of an answer. It is called without the lock.
func (f *Fetcher) read(b *broker, a *answer) {
	rp := a.rp
	a.chunk = Chunk{Partition: a.p.Partition, From: a.ask.next, Next: a.ask.next, Epoch: -1, End: rp.HighWatermark, round: a.ask.round}
	if rp.ErrorCode != 0 {
		return
	}
	if f.c.Committed && rp.LastStableOffset >= 0 {
		a.chunk.End = rp.LastStableOffset
	}
	a.chunk.Batches, a.chunk.Next, a.chunk.Err = f.batches(&b.reader, a)
	a.chunk.Epoch = b.reader.Epoch
	if a.chunk.Next > a.ask.next {
		a.chunk.Err = nil // it is met again, with nothing before it
	}
	f.tell(b, &a.chunk)
}

func (f *Fetcher) batches(r *batch.Reader, a *answer) ([]batch.Batch, int64, error) {
	var aborted []batch.Aborted
	if f.c.Committed {
		aborted = make([]batch.Aborted, 0, len(a.rp.AbortedTransactions))
		for _, t := range a.rp.AbortedTransactions {
			aborted = append(aborted, batch.Aborted{Producer: t.ProducerID, First: t.FirstOffset})
		}
	}
	got, next, err := r.Read(nil, a.rp.RecordBatches, a.ask.next, aborted)
	switch bad, ok := errors.AsType[*batch.Error](err); {
	case errors.Is(err, batch.ErrTooOld):
		return old(f.decomp, a.p.Partition, a.rp, a.ask.next, f.c.Committed)
	case ok && errors.Is(err, kgo.ErrMaxDecompress):
		err = &kgo.ErrDecompressTooLarge{Topic: a.p.Topic, Partition: a.p.Num, Offset: bad.Offset, Epoch: -1, NextOffset: bad.Next}
	}
	return got, next, err
}

func (f *Fetcher) inflate(src []byte, codec int8) ([]byte, error) {
	return f.decomp.Decompress(src, kgo.CompressionCodecType(codec))
}

// judge takes note of an answer. Back is whether there was something to hand
// out. It is called with the lock held.
func (f *Fetcher) judge(b *broker, a *answer) bool {
	p, rp := a.p, a.rp
	if err := kerr.ErrorForCode(rp.ErrorCode); err != nil {
		f.refused(b, a, err)
		return true // there are no records
	}
	if rp.PreferredReadReplica >= 0 && rp.PreferredReadReplica != b.id {
		p.replica, p.recheck = rp.PreferredReadReplica, time.Now().Add(recheckReplica)
		return false
	}
	c := &a.chunk
	switch {
	case c.Err != nil:
		p.stopped = true
	case c.Next > p.next || len(rp.RecordBatches) == 0:
		p.fails = 0
	}
	if c.Next == p.next && c.End == p.end && c.Err == nil {
		return false
	}
	p.next, p.end = c.Next, c.End
	if c.Epoch >= 0 {
		p.epoch, p.checked = c.Epoch, a.ask.leaderEpoch
	}
	f.hand(b, c)
	return true
}

func (f *Fetcher) hand(b *broker, c *Chunk) {
	f.ready = append(f.ready, *c)
	b.full = true
}

// often is how many times in a row a topic is unknown before that is told: one
// that was made a moment ago is not known to all brokers.
const often = 5

// refused judges why a broker did not answer for a partition.
func (f *Fetcher) refused(b *broker, a *answer, err error) {
	p := a.p
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange) && b.id != p.leader:
		p.replica = -1
		p.wait()
		return
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID):
		b.session.reset()
		p.lost, p.replica = true, -1
		p.wait()
		if p.fails%often != 0 {
			return
		}
		p.end = -1 // told again when it is there
		if errors.Is(err, kerr.InconsistentTopicID) {
			err = kerr.UnknownTopicID // as a session says it
		}
	case client.Passes(err):
		p.lost, p.replica = true, -1
		if l := a.rp.CurrentLeader; l.LeaderID >= 0 && l.LeaderEpoch > p.leaderEpoch {
			p.leader, p.leaderEpoch, p.lost = l.LeaderID, l.LeaderEpoch, false
		}
		p.wait()
		if p.fails%16 == 8 {
			f.c.Logger.Warn("fetching waits for a partition", "topic", p.Topic, "partition", p.Num, "broker", b.id, "error", err)
		}
		return
	default:
		p.stopped = true
	}
	a.chunk.Err = err
	f.hand(b, &a.chunk)
}
