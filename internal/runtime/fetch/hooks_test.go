package fetch

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// counts is a hook that counts.
type counts struct {
	mu              sync.Mutex
	batches         []kgo.FetchBatchMetrics
	from            kgo.BrokerMetadata
	buffered        map[*kgo.Record]int
	taken, dropped  int
	takenOf, leftOf map[int64]int // offset
}

func (c *counts) OnFetchBatchRead(b kgo.BrokerMetadata, topic string, _ int32, m kgo.FetchBatchMetrics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches, c.from = append(c.batches, m), b
}

func (c *counts) OnFetchRecordBuffered(r *kgo.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffered[r]++
}

func (c *counts) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffered[r]--; c.buffered[r] == 0 {
		delete(c.buffered, r)
	}
	if polled {
		c.taken++
		c.takenOf[r.Offset]++
	} else {
		c.dropped++
		c.leftOf[r.Offset]++
	}
}

func newCounts() *counts {
	return &counts{buffered: make(map[*kgo.Record]int), takenOf: make(map[int64]int), leftOf: make(map[int64]int)}
}

func TestHooks(t *testing.T) {
	r := setup(t, 1)
	cl := r.client(kgo.ProducerBatchCompression(kgo.GzipCompression()))
	at := time.UnixMilli(12345)
	for range 2 {
		cl.Produce(t.Context(), &kgo.Record{
			Topic: topic, Key: []byte("k"), Value: bytes.Repeat([]byte("v"), 200), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}},
		}, nil)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.produce(0, 2, 6, 3)
	c := newCounts()
	var seen *kgo.Record
	r.start(Config{}, kgo.WithHooks(c, &watch{&seen}))
	r.set(0, 1, -1)
	r.read(0, 8)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.batches) != 3 || c.taken != 7 || c.dropped != 0 || len(c.buffered) != 0 || c.from.NodeID != 0 || c.from.Port == 0 {
		t.Errorf("%d batches, %d taken, %d dropped, %d left, from %+v", len(c.batches), c.taken, c.dropped, len(c.buffered), c.from)
	}
	if m := c.batches[0]; m.NumRecords != 2 || m.CompressionType != 1 || m.UncompressedBytes < 400 || m.CompressedBytes == 0 || m.CompressedBytes > 200 {
		t.Errorf("%+v", m)
	}
	if seen == nil || seen.Topic != topic || seen.Offset != 1 || string(seen.Key) != "k" || len(seen.Value) != 200 || !seen.Timestamp.Equal(at) ||
		fmt.Sprint(seen.Headers) != "[{h [120]}]" {
		t.Errorf("%+v", seen)
	}
}

// watch is another hook: it keeps the first record.
type watch struct{ first **kgo.Record }

func (w *watch) OnFetchRecordBuffered(r *kgo.Record) {
	if *w.first == nil {
		*w.first = r
	}
}

// Whatever becomes of what was fetched, each record is told of twice.
func TestHooksDropped(t *testing.T) {
	for name, lose := range map[string]func(*rig){
		"set":           func(r *rig) { r.f.Set(part(0), 100, -1); r.f.Take() },
		"remove":        func(r *rig) { r.f.Remove(part(0)); r.f.Take() },
		"held, set":     func(r *rig) { r.f.Pause(part(0)); r.f.Take(); r.f.Set(part(0), 100, -1) },
		"held, remove":  func(r *rig) { r.f.Pause(part(0)); r.f.Take(); r.f.Remove(part(0)) },
		"close":         func(r *rig) {},
		"held, close":   func(r *rig) { r.f.Pause(part(0)); r.f.Take() },
		"held, resumed": func(r *rig) { r.f.Pause(part(0)); r.f.Take(); r.f.Resume(part(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			r.answerBy(func(a asked) kmsg.Response {
				return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
					if rp.HighWatermark = 3; a.offsets()[0] == 0 {
						rp.RecordBatches = made(0, 2, 0, 0, 0, 1, 2)
					} else {
						time.Sleep(10 * time.Millisecond)
					}
				})
			})
			c := newCounts()
			r.start(Config{}, kgo.WithHooks(c))
			r.set(0, 0, -1)
			<-r.ring
			lose(r)
			r.f.Close()
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.dropped != 3 || c.taken != 0 || len(c.buffered) != 0 {
				t.Errorf("%d dropped, %d taken, %d left", c.dropped, c.taken, len(c.buffered))
			}
		})
	}
}

// So is what comes with the advice to ask another broker, and what came while a
// hook was told of it and the partition was removed.
func TestHooksNotHanded(t *testing.T) {
	for _, preferred := range []int32{-1, 1} {
		t.Run(fmt.Sprint(preferred), func(t *testing.T) {
			r := setup(t, 1)
			r.answerBy(func(a asked) kmsg.Response {
				if a.node != 0 {
					return hangUp
				}
				return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
					rp.RecordBatches, rp.HighWatermark, rp.PreferredReadReplica = made(0, 2, 0, 0, 0, 1, 2), 3, preferred
				})
			})
			c := newCounts()
			r.start(Config{Wait: 10 * time.Millisecond}, kgo.WithHooks(c, removing{r, preferred < 0}))
			r.set(0, 0, -1)
			r.until("what is dropped", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.dropped >= 3 })
			r.f.Close()
			if c.taken != 0 || len(c.buffered) != 0 || c.dropped%3 != 0 {
				t.Errorf("%d dropped, %d taken, %d left", c.dropped, c.taken, len(c.buffered))
			}
		})
	}
}

// removing is a hook that gives up the partition of what it is told.
type removing struct {
	r   *rig
	too bool
}

func (h removing) OnFetchRecordBuffered(*kgo.Record) {
	if h.too {
		h.r.f.Remove(part(0))
	}
}
