// Package offsets asks brokers for offsets of partitions.
//
// There is one type, [Partition], and one function, [List]. Both are safe for
// concurrent use.
package offsets

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Partition is a partition of a topic.
type Partition struct {
	Topic string
	Num   int32
}

func (p Partition) String() string { return fmt.Sprintf("topic %s partition %d", p.Topic, p.Num) }

// What to list beside times in milliseconds.
const (
	End   int64 = -1
	Start int64 = -2
)

// List returns an offset per partition: the end, the start, or that of the
// first record with a time of at least at, which is the end if there is none.
// With committed the end is that of what transactional readers see.
//
// A retriable error of one partition is the error of all; who calls tries again.
func List(ctx context.Context, cl *kgo.Client, at int64, committed bool, parts []Partition) (map[Partition]int64, error) {
	got := make(map[Partition]int64, len(parts))
	if len(parts) == 0 {
		return got, nil
	}
	if err := list(ctx, cl, at, committed, parts, got); err != nil {
		return nil, err
	}
	var late []Partition
	for _, p := range parts {
		n, ok := got[p]
		if !ok {
			return nil, fmt.Errorf("%s: the broker told no offset", p)
		}
		if n < 0 {
			late = append(late, p)
		}
	}
	if len(late) > 0 && at >= 0 {
		if err := list(ctx, cl, End, committed, late, got); err != nil {
			return nil, err
		}
	}
	return got, nil
}

func list(ctx context.Context, cl *kgo.Client, at int64, committed bool, parts []Partition, got map[Partition]int64) error {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if committed {
		req.IsolationLevel = 1
	}
	byTopic := make(map[string]int)
	for _, p := range parts {
		i, ok := byTopic[p.Topic]
		if !ok {
			i = len(req.Topics)
			byTopic[p.Topic] = i
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = p.Topic
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = p.Num, at, -1
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return fmt.Errorf("list offsets: %w", shard.Err)
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, rp := range t.Partitions {
				p := Partition{t.Topic, rp.Partition}
				if err := kerr.ErrorForCode(rp.ErrorCode); err != nil {
					return fmt.Errorf("%s: list offsets: %w", p, err)
				}
				got[p] = rp.Offset
			}
		}
	}
	return nil
}
