package produce

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is a topic that is written.
type Topic struct {
	p      *Producer
	name   string
	count  atomic.Int32 // partitions
	parts  []*part      // by number, nil for those not written; of the appending goroutine
	sticky int32        // where null keys go, of the appending goroutine

	// with the Producer's lock
	id      [16]byte
	leaders []int32
	used    []*part
}

// Name returns the name of the topic.
func (t *Topic) Name() string { return t.name }

// Partitions returns the number of partitions, as it was found last.
func (t *Topic) Partitions() int32 { return t.count.Load() }

// Any returns a partition for a record whose key does not choose one. It stays
// the same until what was appended leaves.
func (t *Topic) Any() int32 {
	if t.sticky < 0 || t.sticky >= t.Partitions() {
		t.sticky = rand.Int32N(max(1, t.Partitions()))
	}
	return t.sticky
}

// turn lets Any choose anew after a batch of num left.
func (t *Topic) turn(num int32) {
	if t.sticky == num {
		t.sticky = -1
	}
}

func (t *Topic) part(num int32) *part {
	if int(num) < len(t.parts) {
		if p := t.parts[num]; p != nil {
			return p
		}
	}
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	for int(num) >= len(t.parts) {
		t.parts = append(t.parts, nil)
	}
	p := &part{topic: t, num: num, leader: -1}
	if int(num) < len(t.leaders) {
		p.leader = t.leaders[num]
	}
	t.parts[num] = p
	t.used = append(t.used, p)
	return p
}

// Topic returns the topic name. It blocks until a broker told its partitions,
// for the first use of a topic. The error wraps kerr.UnknownTopicOrPartition if
// there is none even after a while.
func (p *Producer) Topic(ctx context.Context, name string) (*Topic, error) {
	if t := p.topics[name]; t != nil {
		return t, nil
	}
	t := &Topic{p: p, name: name, sticky: -1}
	p.mu.Lock()
	p.byName[name] = t
	p.mu.Unlock()
	err := p.find(ctx, t)
	if err != nil {
		p.mu.Lock()
		delete(p.byName, name)
		p.mu.Unlock()
		return nil, err
	}
	p.topics[name] = t
	return t, nil
}

func (p *Producer) find(ctx context.Context, t *Topic) error {
	retries, unknown := p.unknownRetries(), 0
	for tries := 0; ; tries++ {
		errs, err := p.describe(ctx, []string{t.name})
		if err == nil {
			err = errs[t.name]
		}
		switch {
		case err == nil && t.Partitions() > 0:
			return nil
		case isUnknown(err):
			if unknown++; unknown > retries {
				return err
			}
		case err != nil && isFinal(err):
			return err
		}
		select {
		case <-time.After(backoff(tries)):
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ctx.Done():
			return errClosed
		}
	}
}

// unknownRetries is how often a topic that is not there is looked for again.
func (p *Producer) unknownRetries() int {
	if n, ok := p.c.Client.OptValue(kgo.UnknownTopicRetries).(int64); ok && n >= 0 {
		return int(n)
	}
	return 20
}

func backoff(tries int) time.Duration {
	return min(20*time.Millisecond<<min(tries, 8), 500*time.Millisecond)
}

// describe asks for the leaders of topics and notes them. errs are those of
// single topics.
func (p *Producer) describe(ctx context.Context, names []string) (errs map[string]error, err error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation, _ = p.c.Client.OptValue(kgo.AllowAutoTopicCreation).(bool)
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, p.c.Client)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet(resp.Brokers)
	errs = make(map[string]error)
	for i := range resp.Topics {
		rt := &resp.Topics[i]
		if rt.Topic == nil || p.byName[*rt.Topic] == nil {
			continue
		}
		if err := kerr.ErrorForCode(rt.ErrorCode); err != nil {
			errs[*rt.Topic] = err
			continue
		}
		p.byName[*rt.Topic].learn(rt)
	}
	return errs, nil
}

// learn notes what a broker told.
func (t *Topic) learn(rt *kmsg.MetadataResponseTopic) {
	t.id = rt.TopicID
	t.leaders = slices.Repeat([]int32{-1}, len(rt.Partitions))
	for _, rp := range rt.Partitions {
		if int(rp.Partition) < len(t.leaders) && (rp.ErrorCode == 0 || rp.ErrorCode == kerr.ReplicaNotAvailable.Code) {
			t.leaders[rp.Partition] = rp.Leader
		}
	}
	t.count.Store(int32(len(rt.Partitions)))
	for _, u := range t.used {
		if int(u.num) < len(t.leaders) && u.leader < 0 {
			u.leader = t.leaders[u.num]
		}
	}
}

// look finds leaders for the partitions that wait for one. It is called with the
// lock held.
func (p *Producer) look() {
	if p.looking || p.closed || len(p.homeless) == 0 {
		return
	}
	p.looking = true
	p.wg.Go(p.lookAround)
}

func (p *Producer) lookAround() {
	for tries := 0; p.ctx.Err() == nil; tries++ {
		p.mu.Lock()
		if len(p.homeless) == 0 {
			p.looking = false
			p.mu.Unlock()
			return
		}
		var names []string
		for _, t := range p.homeless {
			if !slices.Contains(names, t.topic.name) {
				names = append(names, t.topic.name)
			}
		}
		p.mu.Unlock()
		errs, err := p.describe(p.ctx, names)
		p.mu.Lock()
		p.rehome(errs, err)
		p.kickAll()
		p.mu.Unlock()
		select {
		case <-time.After(backoff(tries)):
		case <-p.ctx.Done():
		}
	}
}

// rehome routes the partitions that have a leader now, and gives up those that
// are not there.
func (p *Producer) rehome(errs map[string]error, err error) {
	homeless := p.homeless
	p.homeless = nil
	for _, t := range homeless {
		t.queued = false
		if len(t.ready) == 0 {
			continue
		}
		switch e := errs[t.topic.name]; {
		case err != nil && isFinal(err):
			p.refuse(t.ready[0], err)
		case e != nil && !isUnknown(e) && isFinal(e):
			p.refuse(t.ready[0], e)
		case err == nil && (isUnknown(e) || e == nil && int(t.num) >= len(t.topic.leaders)):
			if b := t.ready[0]; b.unknown < p.unknownRetries() {
				b.unknown++
			} else {
				p.refuse(b, kerr.UnknownTopicOrPartition)
			}
		}
		p.route(t)
	}
}

// refresh asks for all topics now and then, for partitions that were added.
func (p *Producer) refresh() {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			return
		}
		p.mu.Lock()
		names := slices.Collect(maps.Keys(p.byName))
		p.mu.Unlock()
		if len(names) > 0 {
			_, _ = p.describe(p.ctx, names) // the next one may work
		}
	}
}
