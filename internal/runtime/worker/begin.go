package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// fetched is what the group's coordinator told of the commits of a session.
type fetched map[offsets.Partition]position

// ErrNoOffset is wrapped by the error of an input without a committed offset
// whose source has no reset policy.
var ErrNoOffset = errors.New("no committed offset, and the source does not say where to begin")

func (w *Worker) onFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	w.fetched = make(fetched)
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				at := position{offset: p.Offset, epoch: p.LeaderEpoch}
				if p.Metadata != nil {
					at.metadata = *p.Metadata
				}
				w.fetched[offsets.Partition{Topic: t.Topic, Num: p.Partition}] = at
			}
		}
	}
	return nil
}

// onOffsets decides where to begin, and hands the partitions over. The client
// itself gets none to read.
func (w *Worker) onOffsets(ctx context.Context, given map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	parts := make([]offsets.Partition, 0, len(given))
	for topic, nums := range given {
		for num := range nums {
			parts = append(parts, offsets.Partition{Topic: topic, Num: num})
		}
	}
	found, err := w.locate(ctx, parts)
	if err != nil {
		if ctx.Err() == nil {
			w.calls.post(func() { w.fail(err) })
		}
		return nil, err
	}
	if !w.calls.do(ctx, func() { w.adopt(found) }) {
		return nil, context.Canceled
	}
	return nil, nil
}

// locate finds the position and the end of each partition. It tries until that
// works, or ctx ends, or a partition has no place to begin.
func (w *Worker) locate(ctx context.Context, parts []offsets.Partition) (map[offsets.Partition]adopted, error) {
	var fresh []offsets.Partition
	for _, p := range parts {
		if at, ok := w.fetched[p]; !ok || at.offset < 0 {
			fresh = append(fresh, p)
		}
	}
	for tries := 0; ; tries++ {
		begin, err := w.resetTo(ctx, fresh)
		if err == nil {
			var ends map[offsets.Partition]int64
			if ends, err = offsets.List(ctx, w.restorer.Client(), offsets.End, w.c.ExactlyOnce, parts); err == nil {
				w.tellFresh(fresh)
				return w.located(parts, begin, ends), nil
			}
		}
		if isFinal(err) || ctx.Err() != nil {
			return nil, err
		}
		w.log.Debug("offsets of inputs can't be had yet", "error", err)
		pause(ctx, min(20*time.Millisecond<<min(tries, 6), 500*time.Millisecond))
	}
}

// tellFresh is loud about offsets that were committed once and are gone.
func (w *Worker) tellFresh(fresh []offsets.Partition) {
	if len(fresh) == 0 {
		return
	}
	stored := w.c.Dir.Stored()
	for _, p := range fresh {
		id, _ := w.layout.task(p.Topic, p.Num)
		if _, ok := stored[id]; ok {
			w.log.Warn("committed offsets have expired or were deleted, while the state of their tasks is there: the reset policy decides where inputs go on",
				"partitions", len(fresh), "one", p.String())
			return
		}
	}
	w.log.Info("inputs without a committed offset begin where the reset policy says", "partitions", len(fresh))
}

func (w *Worker) located(parts []offsets.Partition, begin, ends map[offsets.Partition]int64) map[offsets.Partition]adopted {
	found := make(map[offsets.Partition]adopted, len(parts))
	for _, p := range parts {
		a := adopted{at: w.fetched[p], end: ends[p]}
		if offset, ok := begin[p]; ok {
			a.at = position{offset, -1, ""}
		}
		found[p] = a
	}
	return found
}

// resetTo asks where sources begin that have no commit, by their policies.
func (w *Worker) resetTo(ctx context.Context, parts []offsets.Partition) (map[offsets.Partition]int64, error) {
	by := make(map[int64][]offsets.Partition)
	for _, p := range parts {
		r := w.layout.nodes[p.Topic].Source.Reset
		if r.Kind == graph.ResetDefault {
			r = w.c.Reset
		}
		if r.Kind != graph.ResetNone && w.layout.internal[p.Topic] {
			r = graph.Reset{Kind: graph.ResetEarliest} // what a task wrote is never left out
		}
		at := offsets.Start
		switch r.Kind {
		case graph.ResetNone:
			return nil, fmt.Errorf("%s: %w", p, ErrNoOffset)
		case graph.ResetLatest:
			at = offsets.End
		case graph.ResetByDuration:
			at = max(0, w.clock()-r.By)
		}
		by[at] = append(by[at], p)
	}
	begin := make(map[offsets.Partition]int64, len(parts))
	for at, ps := range by {
		got, err := offsets.List(ctx, w.restorer.Client(), at, w.c.ExactlyOnce, ps)
		if err != nil {
			return nil, err
		}
		for p, offset := range got {
			begin[p] = offset
		}
	}
	return begin, nil
}

// isFinal says that trying again does not help.
func isFinal(err error) bool {
	return errors.Is(err, ErrNoOffset) || client.Lasts(err)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
