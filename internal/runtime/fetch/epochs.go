package fetch

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// Cut is the error of a partition whose log lost its end: what was read before
// From is there no more from offset To on, and other records may be in its place.
// That happens when a replica becomes leader that did not have all (KIP-320).
type Cut struct{ From, To int64 }

func (c *Cut) Error() string {
	return fmt.Sprintf("the log was cut at offset %d, records had been read up to %d", c.To, c.From)
}

// checkRequest asks how far the epoch of the last record that was read goes in
// the log of the leader. It is called with the lock held.
func checkRequest(parts []*partition) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	at := make(map[string]int)
	for _, p := range parts {
		n, ok := at[p.Topic]
		if !ok {
			n = len(req.Topics)
			at[p.Topic] = n
			t := kmsg.NewOffsetForLeaderEpochRequestTopic()
			t.Topic = p.Topic
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.LeaderEpoch = p.Num, p.leaderEpoch, p.epoch
		req.Topics[n].Partitions = append(req.Topics[n].Partitions, rp)
	}
	return req
}

// check finds out whether the logs of partitions with another leader still reach
// to where they were read.
func (f *Fetcher) check(ctx context.Context, b *broker, parts []*partition, req *kmsg.OffsetForLeaderEpochRequest) {
	kresp, err := f.c.Client.Broker(int(b.id)).Request(ctx, req)
	if err != nil {
		f.failed(ctx, b, parts, err)
		return
	}
	resp := kresp.(*kmsg.OffsetForLeaderEpochResponse)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			rp := &t.Partitions[j]
			if p := f.parts[offsets.Partition{Topic: t.Topic, Num: rp.Partition}]; p.asks(b) && !p.ask.answered {
				p.ask.answered = true
				f.judgeCheck(b, p, rp)
			}
		}
	}
	for _, p := range parts {
		if p.asks(b) && !p.ask.answered {
			p.wait()
		}
	}
	f.free(ctx, b, parts, nil)
	if b.full {
		f.c.Ring()
	}
}

// judgeCheck takes note of what a leader says of an epoch.
func (f *Fetcher) judgeCheck(b *broker, p *partition, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	err := kerr.ErrorForCode(rp.ErrorCode)
	switch {
	case err == nil && (rp.EndOffset < 0 || rp.EndOffset >= p.next):
		// A leader that knows nothing of the epoch can't tell where its log went
		// another way. If it does not reach to next, the fetch will tell.
		p.checked = p.ask.leaderEpoch
		return
	case err == nil:
		err = &Cut{From: p.next, To: rp.EndOffset}
	case client.Passes(err):
		p.lost = true
		p.wait()
		return
	}
	p.stopped = true
	f.hand(b, &Chunk{Partition: p.Partition, From: p.next, Next: p.next, Epoch: -1, End: p.end, Err: err, round: p.round})
}
