package stream

import (
	"context"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// watchStable tells of inputs that an open transaction of some producer holds
// up: whoever reads committed records only gets nothing behind it, and Kafka says
// nothing. A transaction that outlives two looks is reported with each further one.
func (a *App) watchStable(ctx context.Context, clients client.Config, inputs map[string]int32) {
	if a.c.Guarantee != ExactlyOnce {
		return
	}
	cl, err := clients.New("watch")
	if err != nil {
		a.log.Warn("inputs are not watched for open transactions", "error", err)
		return
	}
	defer cl.Close()
	var parts []offsets.Partition
	for topic, n := range inputs {
		for num := range n {
			parts = append(parts, offsets.Partition{Topic: topic, Num: num})
		}
	}
	tick := time.NewTicker(a.c.TopicCheckInterval)
	defer tick.Stop()
	held := make(map[offsets.Partition]hold)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		stable, err := offsets.List(ctx, cl, offsets.End, true, parts)
		if err != nil {
			continue // brokers are away, which others tell
		}
		ends, err := offsets.List(ctx, cl, offsets.End, false, parts)
		if err != nil {
			continue
		}
		for _, p := range parts {
			a.judgeStable(held, p, stable[p], ends[p])
		}
	}
}

// hold is an offset behind which nothing can be read yet.
type hold struct {
	offset int64
	since  time.Time
}

func (a *App) judgeStable(held map[offsets.Partition]hold, p offsets.Partition, stable, end int64) {
	h, was := held[p]
	switch {
	case stable >= end:
		delete(held, p)
	case !was || h.offset != stable:
		held[p] = hold{stable, time.Now()}
	default:
		a.log.Warn("an open transaction holds up an input: find its producer, or abort it with kafka-transactions.sh",
			"topic", p.Topic, "partition", p.Num, "offset", stable, "behind_it", end-stable, "for_at_least", time.Since(h.since).Round(time.Second))
	}
}
