package fetch

import (
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/batch"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// old reads what was written before Kafka 0.11 in the formats 0 and 1, which
// brokers keep and hand out as it is. The client knows them; its records are
// written anew as batches of one.
func old(d kgo.Decompressor, part offsets.Partition, rp *kmsg.FetchResponseTopicPartition, from int64, committed bool) ([]batch.Batch, int64, error) {
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, Topic: part.Topic, Partition: part.Num}
	if committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	got, next := kgo.ProcessFetchPartition(opts, rp, d, nil)
	batches := make([]batch.Batch, 0, len(got.Records))
	for _, r := range got.Records {
		at := int64(-1) // format 0 has none
		if !r.Timestamp.IsZero() {
			at = r.Timestamp.UnixMilli()
		}
		batches = append(batches, batch.Batch{
			Base: r.Offset, Last: r.Offset, Epoch: r.LeaderEpoch, Records: 1, FirstTime: at, MaxTime: at, Payload: payload(r),
		})
	}
	return batches, next, got.Err
}

// payload is a record as the only one of a batch.
func payload(r *kgo.Record) []byte {
	k := kmsg.Record{Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
	}
	k.Length = int32(len(k.AppendTo(nil)) - 1) // a length of 0 takes one byte
	return k.AppendTo(nil)
}
