package fetch

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
)

const (
	metadataAge  = 100 * time.Millisecond // of what the client may know already
	metadataTime = 10 * time.Second
)

// noID is the id of a topic of which none is known.
var noID [16]byte

// findLeaders looks for the leaders of partitions that have lost theirs.
func (f *Fetcher) findLeaders(ctx context.Context) {
	req, parts := f.metadataRequest()
	var resp *kmsg.MetadataResponse
	var err error
	if len(parts) > 0 {
		ctx, cancel := context.WithTimeout(ctx, metadataTime)
		resp, err = f.c.Client.RequestCachedMetadata(ctx, req, metadataAge)
		cancel()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.look()
	f.looking = false
	if len(parts) == 0 {
		return
	}
	if err != nil {
		f.c.Logger.Debug("leaders are not known yet", "error", err)
		for _, p := range parts {
			p.wait()
		}
		return
	}
	for i := range resp.Brokers {
		f.metas[resp.Brokers[i].NodeID] = client.Met(&resp.Brokers[i])
	}
	topics := make(map[string]*kmsg.MetadataResponseTopic, len(resp.Topics))
	for i := range resp.Topics {
		if t := &resp.Topics[i]; t.Topic != nil {
			topics[*t.Topic] = t
		}
	}
	for _, p := range parts {
		if p.lost && f.parts[p.Partition] == p {
			f.lead(p, topics[p.Topic])
		}
	}
}

func (f *Fetcher) metadataRequest() (*kmsg.MetadataRequest, []*partition) {
	f.mu.Lock()
	defer f.mu.Unlock()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	var parts []*partition
	asked := make(map[string]bool)
	now := time.Now()
	for _, p := range f.order {
		if !p.lost || p.stopped || p.retry.After(now) {
			continue
		}
		parts = append(parts, p)
		if !asked[p.Topic] {
			asked[p.Topic] = true
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = kmsg.StringPtr(p.Topic)
			req.Topics = append(req.Topics, t)
		}
	}
	return req, parts
}

// lead takes a partition's leader from what is known of its topic. The id of the
// topic stays what it was: one that is made anew under the same name has other
// records, and brokers then tell that they don't know the id.
func (f *Fetcher) lead(p *partition, t *kmsg.MetadataResponseTopic) {
	rp, err := leaderOf(p, t)
	// Metadata may be older than what a leader told, but not for long.
	if err == nil && (rp.LeaderEpoch >= p.leaderEpoch || p.fails > often) {
		p.leader, p.leaderEpoch, p.lost = rp.Leader, rp.LeaderEpoch, false
		if p.id == noID {
			p.id = t.TopicID
		}
		return
	}
	p.wait()
	switch unknown := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID); {
	case unknown && p.fails%often == 0 && !p.paused:
		p.end = -1 // told again when it is there
	case unknown, err == nil, client.Passes(err):
		return
	default:
		p.stopped = true
	}
	f.ready = append(f.ready, Chunk{Partition: p.Partition, From: p.next, Next: p.next, Epoch: -1, End: p.end, Err: err, round: p.round})
	f.c.Ring()
}

// leaderOf finds the partition that has a leader, or why there is none.
func leaderOf(p *partition, t *kmsg.MetadataResponseTopic) (*kmsg.MetadataResponseTopicPartition, error) {
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return nil, err
	}
	if p.id != noID && t.TopicID != noID && p.id != t.TopicID {
		return nil, kerr.UnknownTopicID
	}
	for i := range t.Partitions {
		rp := &t.Partitions[i]
		switch {
		case rp.Partition == p.Num && rp.Leader >= 0:
			return rp, nil
		case rp.Partition == p.Num:
			return nil, kerr.LeaderNotAvailable
		}
	}
	return nil, kerr.UnknownTopicOrPartition
}
