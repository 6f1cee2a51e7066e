package deadletter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/client"
)

// quiet is how long the brokers may be silent while records are still due.
const quiet = 30 * time.Second

// replayBatch is how many letters are sent back between two commits.
const replayBatch = 500

// Box is the dead letter topic of an application.
type Box struct {
	topic string
	group string // keeps what was sent back
	c     client.Config
	cl    *kgo.Client
	adm   *kadm.Client
}

// Open connects to the brokers. It asks them nothing yet.
func Open(c client.Config, app, topic string) (*Box, error) {
	cl, err := c.New("dead-letters", kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	return &Box{topic: topic, group: app + "-dead-letters", c: c, cl: cl, adm: kadm.NewClient(cl)}, nil
}

// Close closes the connections.
func (b *Box) Close() { b.cl.Close() }

// Place is where a letter lies in the topic.
type Place struct {
	Partition int32
	Offset    int64
}

// Letters returns what lies in the topic now, oldest first in each partition. An
// error ends it.
func (b *Box) Letters(ctx context.Context) iter.Seq2[Letter, error] {
	return b.letters(ctx, func(int32) int64 { return 0 })
}

// Letter returns one letter.
func (b *Box) Letter(ctx context.Context, at Place) (Letter, error) {
	from := func(p int32) int64 {
		if p == at.Partition {
			return at.Offset
		}
		return -1
	}
	for l, err := range b.letters(ctx, from) {
		if err != nil || l.Record.Offset == at.Offset {
			return l, err
		}
		break
	}
	return Letter{}, fmt.Errorf("topic %s has no record at partition %d offset %d", b.topic, at.Partition, at.Offset)
}

// letters reads each partition from an offset to its end; a negative one leaves
// the partition out.
func (b *Box) letters(ctx context.Context, from func(partition int32) int64) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		ends, begin, err := b.bounds(ctx, from)
		if err != nil || len(ends) == 0 {
			if err != nil {
				yield(Letter{}, err)
			}
			return
		}
		// Markers of transactions are read too: they may be what lies before an end.
		cl, err := b.c.New("dead-letters", kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{b.topic: begin}))
		if err != nil {
			yield(Letter{}, err)
			return
		}
		defer cl.Close()
		for len(ends) > 0 {
			records, err := b.poll(ctx, cl)
			if err != nil {
				yield(Letter{}, err)
				return
			}
			for _, r := range records {
				end, ok := ends[r.Partition]
				if ok && r.Offset < end && !r.Attrs.IsControl() && !yield(newLetter(r), nil) {
					return
				}
				if r.Offset+1 >= end {
					delete(ends, r.Partition)
				}
			}
		}
	}
}

// bounds returns where to begin to read partitions that have something from there
// on, and where they end.
func (b *Box) bounds(ctx context.Context, from func(int32) int64) (map[int32]int64, map[int32]kgo.Offset, error) {
	starts, err := b.adm.ListStartOffsets(ctx, b.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("topic %s: %w", b.topic, err)
	}
	stops, err := b.adm.ListCommittedOffsets(ctx, b.topic)
	if err == nil {
		err = stops.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("topic %s: %w", b.topic, err)
	}
	ends, begin := make(map[int32]int64), make(map[int32]kgo.Offset)
	stops.Each(func(o kadm.ListedOffset) {
		at := from(o.Partition)
		if at < 0 {
			return
		}
		start, _ := starts.Lookup(o.Topic, o.Partition)
		if at = max(at, start.Offset); at < o.Offset {
			ends[o.Partition], begin[o.Partition] = o.Offset, kgo.NewOffset().At(at)
		}
	})
	return ends, begin, nil
}

func (b *Box) poll(ctx context.Context, cl *kgo.Client) ([]*kgo.Record, error) {
	wait, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	fetches := cl.PollFetches(wait)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if wait.Err() != nil {
		return nil, fmt.Errorf("topic %s: the brokers sent nothing for %s", b.topic, quiet)
	}
	for _, e := range fetches.Errors() {
		return nil, fmt.Errorf("topic %s partition %d: %w", e.Topic, e.Partition, e.Err)
	}
	return fetches.Records(), nil
}

// Waiting returns the letters that were not sent back yet by [Box.Replay].
func (b *Box) Waiting(ctx context.Context) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		done, err := b.adm.FetchOffsets(ctx, b.group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			yield(Letter{}, fmt.Errorf("group %s: %w", b.group, err))
			return
		}
		for l, err := range b.letters(ctx, func(p int32) int64 {
			o, _ := done.Lookup(b.topic, p)
			return max(o.At, 0)
		}) {
			if !yield(l, err) {
				return
			}
		}
	}
}

// Replay sends letters to the topics and partitions that they came from, with
// their own bytes, headers and timestamps, and returns how many it sent. Those
// that waited are noted as sent back: a replay that was cut short may send some
// again.
func (b *Box) Replay(ctx context.Context, letters iter.Seq2[Letter, error], note bool) (sent int, err error) {
	var batch []*kgo.Record
	done := make(map[int32]int64)
	flush := func() error {
		if err := b.cl.ProduceSync(ctx, batch...).FirstErr(); err != nil {
			return fmt.Errorf("dead letters: %w", err)
		}
		sent, batch = sent+len(batch), batch[:0]
		if !note || len(done) == 0 {
			return nil
		}
		offsets := make(kadm.Offsets)
		for p, at := range done {
			offsets.AddOffset(b.topic, p, at, -1)
		}
		if err := b.adm.CommitAllOffsets(ctx, b.group, offsets); err != nil {
			return fmt.Errorf("group %s: %w", b.group, err)
		}
		return nil
	}
	for l, err := range letters {
		if err != nil {
			return sent, err
		}
		r, err := l.original()
		if err != nil {
			return sent, err
		}
		batch, done[l.Record.Partition] = append(batch, r), l.Record.Offset+1
		if len(batch) >= replayBatch {
			if err := flush(); err != nil {
				return sent, err
			}
		}
	}
	return sent, flush()
}
