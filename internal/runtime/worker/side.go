package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/topics"
)

// What a worker does beside its loop, on goroutines that end with it.

const (
	purgeEvery = 30 * time.Second
	countsLast = 5 * time.Minute
)

// counted is the number of partitions of a topic that tasks write.
type counted struct {
	n    int32
	when time.Time
}

// partitions is the number of partitions of a topic. The first question about a
// topic waits for the brokers.
func (w *Worker) partitions(topic string) (int32, error) {
	if n, ok := w.c.Topics[topic]; ok {
		return n, nil
	}
	if c, ok := w.counts[topic]; ok && w.now().Sub(c.when) < countsLast {
		return c.n, nil
	}
	ctx, cancel := context.WithTimeout(w.life, 30*time.Second)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, w.restorer.Client())
	if err != nil {
		return 0, fmt.Errorf("topic %s: number of partitions: %w", topic, err)
	}
	n := 0
	for _, t := range resp.Topics {
		n += len(t.Partitions)
	}
	if n == 0 {
		return 0, fmt.Errorf("topic %s does not exist", topic)
	}
	w.counts[topic] = counted{int32(n), w.now()}
	return int32(n), nil
}

// purge deletes records of repartition topics that all their readers are done
// with, now and then. It is no harm if that fails.
func (w *Worker) purge(moves []move) {
	for _, m := range moves {
		if w.layout.internal[m.in.Topic] {
			w.done[m.in.Partition] = m.to.offset
		}
	}
	if len(w.done) == 0 || w.now().Sub(w.purged) < purgeEvery {
		return
	}
	w.purged = w.now()
	committed := make(kadm.Offsets)
	for p, offset := range w.done {
		committed.AddOffset(p.Topic, p.Num, offset, -1)
	}
	clear(w.done)
	w.side.Go(func() {
		ctx, cancel := context.WithTimeout(w.life, 15*time.Second)
		defer cancel()
		if err := topics.Purge(ctx, kadm.NewClient(w.restorer.Client()), w.c.Topology, w.c.App, committed); err != nil && ctx.Err() == nil {
			w.log.Warn("repartition topics keep what was read of them", "error", err)
		}
	})
}
