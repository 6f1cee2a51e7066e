package fetch

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/client"
)

// hooks are those of the client that want to see what was fetched, as the
// client's own consumer, which is not used, would tell them. Records are made
// for them alone.
type hooks struct {
	batches  []kgo.HookFetchBatchRead
	buffered []kgo.HookFetchRecordBuffered
	polled   []kgo.HookFetchRecordUnbuffered
}

func hooksOf(cl *kgo.Client) hooks {
	return hooks{
		batches:  client.Hooks[kgo.HookFetchBatchRead](cl),
		buffered: client.Hooks[kgo.HookFetchRecordBuffered](cl),
		polled:   client.Hooks[kgo.HookFetchRecordUnbuffered](cl),
	}
}

// tell shows hooks what was read. It is called without the lock.
func (f *Fetcher) tell(b *broker, c *Chunk) {
	h := &f.hooks
	if len(h.batches) > 0 {
		f.mu.Lock()
		from, ok := f.metas[b.id]
		f.mu.Unlock()
		if !ok {
			from.NodeID = b.id
		}
		for i := range c.Batches {
			m := kgo.FetchBatchMetrics{
				NumRecords: c.Batches[i].Records, UncompressedBytes: len(c.Batches[i].Payload),
				CompressedBytes: c.Batches[i].Compressed, CompressionType: c.Batches[i].Codec,
			}
			for _, hook := range h.batches {
				hook.OnFetchBatchRead(from, c.Topic, c.Num, m)
			}
		}
	}
	if len(h.buffered)+len(h.polled) == 0 {
		return
	}
	c.seen = records(c)
	for _, r := range c.seen {
		for _, hook := range h.buffered {
			hook.OnFetchRecordBuffered(r)
		}
	}
}

// records makes the client's records of a chunk. What does not decode is met
// again where it is processed.
func records(c *Chunk) []*kgo.Record {
	var all []*kgo.Record
	for i := range c.Batches {
		b := &c.Batches[i]
		var o flow.Origin
		for src := b.Payload; len(src) > 0; {
			n, err := b.Decode(src, &o)
			if err != nil {
				break
			}
			src = src[n:]
			if o.Offset < c.From {
				continue
			}
			r := &kgo.Record{
				Topic: c.Topic, Partition: c.Num, Offset: o.Offset, Key: o.Key, Value: o.Value,
				Timestamp: time.UnixMilli(o.Time), LeaderEpoch: b.Epoch,
			}
			for _, h := range o.Headers {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
			}
			all = append(all, r)
		}
	}
	return all
}

// taken tells that chunks were taken.
func (h *hooks) taken(chunks []Chunk) { h.unbuffered(chunks, true) }

// dropped tells that chunks never will be.
func (h *hooks) dropped(chunks []Chunk) { h.unbuffered(chunks, false) }

func (h *hooks) unbuffered(chunks []Chunk, polled bool) {
	for i := range chunks {
		for _, r := range chunks[i].seen {
			for _, hook := range h.polled {
				hook.OnFetchRecordUnbuffered(r, polled)
			}
		}
	}
}
