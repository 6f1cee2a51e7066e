package restore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/serde"
)

// How much one answer of a broker may hold. Two of them may wait.
const (
	answerBytes    = 4 << 20
	partitionBytes = 1 << 20
	answerWait     = 250 * time.Millisecond // if there is nothing
)

// fetch asks each broker once for the jobs whose partitions it leads.
func (r *Restorer) fetch(ctx context.Context, jobs []*progress) ([]Batch, error) {
	var running []*progress
	for _, p := range jobs {
		if p.started && !p.stopped.Load() {
			running = append(running, p)
		}
	}
	if len(running) == 0 {
		return nil, nil
	}
	if err := r.findLeaders(ctx, running); err != nil {
		return nil, err
	}
	byLeader := make(map[int32][]*progress)
	for _, p := range running {
		leader := r.leaders[p.job.partition()]
		// One that has to be alone waits for a round without others.
		if others := byLeader[leader]; len(others) > 0 && (p.alone || others[0].alone) {
			continue
		}
		byLeader[leader] = append(byLeader[leader], p)
	}
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		batches []Batch
		failed  error
	)
	for leader, asked := range byLeader {
		wg.Go(func() {
			got, err := r.ask(ctx, leader, asked)
			mu.Lock()
			defer mu.Unlock()
			batches = append(batches, got...)
			failed = errors.Join(failed, err)
		})
	}
	wg.Wait()
	r.rotate()
	return batches, failed
}

// rotate gives each job its turn to be the first that a broker answers.
func (r *Restorer) rotate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.jobs) > 1 {
		r.jobs = append(r.jobs[1:], r.jobs[0])
	}
}

func (r *Restorer) findLeaders(ctx context.Context, jobs []*progress) error {
	topics := make(map[string]bool)
	for _, p := range jobs {
		if _, ok := r.leaders[p.job.partition()]; !ok {
			topics[p.job.Topic] = true
		}
	}
	if len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrMetadataRequest()
	for topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, r.client)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("topic %s: metadata: %w", *t.Topic, err)
		}
		for _, p := range t.Partitions {
			if kerr.ErrorForCode(p.ErrorCode) == nil && p.Leader >= 0 {
				r.leaders[offsets.Partition{Topic: *t.Topic, Num: p.Partition}] = p.Leader
			}
		}
	}
	for _, p := range jobs {
		if _, ok := r.leaders[p.job.partition()]; !ok {
			return fmt.Errorf("%s has no leader", p.job.partition())
		}
	}
	return nil
}

// ask fetches from one broker. Brokers are asked at the same time, each with
// jobs of its own; only the map of leaders is shared.
func (r *Restorer) ask(ctx context.Context, leader int32, jobs []*progress) ([]Batch, error) {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, int32(r.c.Wait.Milliseconds()), 1, r.c.AnswerBytes
	req.SessionEpoch = -1
	if r.c.Committed {
		req.IsolationLevel = 1
	}
	byPart := make(map[offsets.Partition]*progress, len(jobs))
	for _, p := range jobs {
		byPart[p.job.partition()] = p
		t := kmsg.NewFetchRequestTopic()
		t.Topic = p.job.Topic
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p.job.Partition, p.next, r.c.PartitionBytes
		rp.CurrentLeaderEpoch, rp.LastFetchedEpoch, rp.LogStartOffset = -1, -1, -1
		t.Partitions = append(t.Partitions, rp)
		req.Topics = append(req.Topics, t)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	kresp, err := r.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		r.forget(jobs...)
		return nil, fmt.Errorf("broker %d: fetch: %w", leader, err)
	}
	resp := kresp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("broker %d: fetch: %w", leader, err)
	}
	var batches []Batch
	var failed error
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			p := byPart[offsets.Partition{Topic: t.Topic, Num: t.Partitions[j].Partition}]
			if p == nil {
				continue
			}
			b, err := r.take(p, &t.Partitions[j], len(jobs) == 1)
			failed = errors.Join(failed, err)
			if b != nil {
				batches = append(batches, *b)
			}
		}
	}
	return batches, failed
}

func (r *Restorer) forget(jobs ...*progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range jobs {
		delete(r.leaders, p.job.partition())
	}
}

// take turns the answer for one partition into a batch. A nil batch and a nil
// error mean that there is nothing yet.
func (r *Restorer) take(p *progress, rp *kmsg.FetchResponseTopicPartition, alone bool) (*Batch, error) {
	part := p.job.partition()
	switch err := kerr.ErrorForCode(rp.ErrorCode); {
	case err == nil:
	case errors.Is(err, kerr.OffsetOutOfRange):
		p.started, p.from = false, p.next // the start moved: look again
		if p.follows() {
			p.rest = time.Now().Add(restTime)
		}
		return nil, nil
	case client.Passes(err):
		r.forget(p)
		return nil, fmt.Errorf("%s: fetch: %w", part, err)
	default:
		return &Batch{Job: p.job, Err: fmt.Errorf("store %s: %s: fetch: %w", p.job.Store, part, err)}, nil
	}
	opts := kgo.ProcessFetchPartitionOpts{Offset: p.next, Topic: p.job.Topic, Partition: p.job.Partition}
	if r.c.Committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	got, next := kgo.ProcessFetchPartition(opts, rp, r.decomp, nil)
	if got.Err != nil {
		return &Batch{Job: p.job, Err: fmt.Errorf("store %s: %s offset %d: %w", p.job.Store, part, next, got.Err)}, nil
	}
	if p.follows() {
		return r.follow(p, rp, got.Records, next, alone), nil
	}
	if next == p.next {
		return r.nothing(p, rp, alone), nil
	}
	p.alone = false
	b := &Batch{Job: p.job, Records: convert(got.Records, p.end), End: p.end}
	p.next = next
	b.Next, b.Done = min(p.next, p.end), p.next >= p.end
	if b.Done {
		p.stopped.Store(true)
	}
	return b, nil
}

// nothing judges an answer without data. The broker leaves partitions out when
// its answer is full, so that only one that was asked for alone proves that
// there is nothing up to the end, which happens where compaction emptied it.
func (r *Restorer) nothing(p *progress, rp *kmsg.FetchResponseTopicPartition, alone bool) *Batch {
	if r.c.Committed && rp.LastStableOffset >= 0 && rp.LastStableOffset < p.end {
		r.waits(p, rp.LastStableOffset)
		return nil
	}
	if rp.HighWatermark < p.end {
		return nil
	}
	if !alone || len(rp.RecordBatches) > 0 {
		p.alone = true
		return nil
	}
	p.next = p.end
	p.stopped.Store(true)
	return &Batch{Job: p.job, Next: p.end, End: p.end, Done: true}
}

// waits tells of a transaction that stays open.
func (r *Restorer) waits(p *progress, stable int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, ok := r.stuck[p.job]
	switch now := time.Now(); {
	case !ok:
		r.stuck[p.job] = now
	case now.Sub(since) > 10*time.Second:
		r.stuck[p.job] = now
		r.c.Logger.Warn("restoring waits for an open transaction on a changelog",
			"task", p.job.Task.String(), "topic", p.job.Topic, "partition", p.job.Partition, "stable_offset", stable, "end", p.end)
	}
}

// convert keeps the records before end.
func convert(in []*kgo.Record, end int64) []overlay.Record {
	out := make([]overlay.Record, 0, len(in))
	for _, r := range in {
		if r.Offset >= end {
			break
		}
		rec := overlay.Record{Key: r.Key, Value: r.Value, Time: r.Timestamp.UnixMilli()}
		if len(r.Headers) > 0 {
			rec.Headers = make(serde.Headers, len(r.Headers))
			for i, h := range r.Headers {
				rec.Headers[i] = serde.Header{Key: h.Key, Value: h.Value}
			}
		}
		out = append(out, rec)
	}
	return out
}
