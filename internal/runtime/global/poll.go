package global

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/serde"
)

// pollRecords is how many records are taken at a time. Readers see them at once.
const pollRecords = 5000

// pollWait is how long a poll waits for records.
const pollWait = 500 * time.Millisecond

// poll takes what was fetched and applies it to the stores.
func (g *Global) poll(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, pollWait)
	fetches := g.client.PollRecords(wait, pollRecords)
	cancel()
	if err := g.fetchErrors(fetches); err != nil {
		return err
	}
	var moved []*part
	var failed error
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := g.byPart[f.Topic][f.Partition]
		if p == nil || failed != nil {
			return
		}
		end := f.HighWatermark
		if g.c.Committed {
			end = f.LastStableOffset
		}
		p.end.Store(max(p.end.Load(), end))
		if len(f.Records) == 0 {
			return
		}
		failed = g.take(p, f.Records)
		moved = append(moved, p)
	})
	if failed != nil || len(moved) == 0 {
		return failed
	}
	return g.commit(ctx, moved)
}

// take runs the records of a partition through the processor of its store.
func (g *Global) take(p *part, records []*kgo.Record) error {
	origins := make([]flow.Origin, 0, len(records))
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		o := flow.Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
		if len(r.Headers) > 0 {
			o.Headers = make(serde.Headers, len(r.Headers))
			for i, h := range r.Headers {
				o.Headers[i] = serde.Header{Key: h.Key, Value: h.Value}
			}
		}
		origins = append(origins, o)
	}
	if err := g.task.Add(p.kept.topic, origins, -1); err != nil {
		return err
	}
	for g.task.HasRecords() {
		if _, err := g.task.Process(pollRecords); err != nil {
			return err
		}
	}
	p.next.Store(records[len(records)-1].Offset + 1)
	p.restored += int64(len(origins))
	p.seen = time.Now()
	return nil
}

// commit makes what the task wrote part of the stores.
func (g *Global) commit(ctx context.Context, moved []*part) error {
	if len(g.letters) > 0 {
		if err := g.client.ProduceSync(ctx, g.letters...).FirstErr(); err != nil {
			return fmt.Errorf("dead letters: %w", err)
		}
		g.letters = nil
	}
	if err := g.task.Flush(); err != nil {
		return err
	}
	if err := g.task.Committed(func(string) (int64, bool) { return 0, false }); err != nil {
		return err
	}
	return g.state.apply(moved, func(err error) error {
		g.warn("global stores wait for room on the disk", err)
		select {
		case <-time.After(time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// fetchErrors judges what went wrong in a poll. Nil goes on: the client tries
// again by itself.
func (g *Global) fetchErrors(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var loss *kgo.ErrDataLoss
		where := fmt.Errorf("topic %s partition %d: %w", e.Topic, e.Partition, e.Err)
		switch {
		case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
		case errors.As(e.Err, &loss), errors.Is(e.Err, kerr.OffsetOutOfRange):
			if p := g.byPart[e.Topic][e.Partition]; p != nil {
				g.lost[p.kept.store.Name] = true
			}
			return fmt.Errorf("%w: %w", ErrAgain, where)
		case kgo.IsRetryableBrokerErr(e.Err), client.Passes(e.Err),
			errors.Is(e.Err, kerr.UnknownTopicID), errors.Is(e.Err, kerr.UnknownTopicOrPartition):
			g.warn("global stores wait for their topics", where)
		default:
			return &fatalError{where}
		}
	}
	return nil
}

// look looks whether the topics are those that the stores follow, and follows
// partitions that were added. Brokers that don't answer are asked later.
func (g *Global) look(ctx context.Context) error {
	g.checked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	details, err := g.topics(ctx)
	var fatal *fatalError
	switch {
	case errors.As(err, &fatal):
		return err
	case err != nil:
		g.warn("topics of global stores could not be checked", err)
		return nil
	}
	for _, k := range g.state.stores {
		d := details[k.topic]
		if k.held.topicID != d.ID {
			g.lost[k.store.Name] = true
			return fmt.Errorf("%w: topic %s was deleted and created anew", ErrAgain, k.topic)
		}
		for num := range d.Partitions {
			if g.byPart[k.topic][num] != nil {
				continue
			}
			g.follow(k, num, 0, -1)
			g.log.Info("global store follows another partition of its topic", "store", k.store.Name, "topic", k.topic, "partition", num)
			g.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{k.topic: {num: kgo.NewOffset().AtStart()}})
		}
	}
	return nil
}
