package collect

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
)

// directBatch is what a batch may grow to where the client's own limit is not
// less: a cache holds it, and it costs a broker no more than a larger one.
const directBatch = 512 << 10

func newProducer(client *kgo.Client, maxBatch int, txn *produce.Transactional, done func(*produce.Result)) *produce.Producer {
	buffered, _ := client.OptValue(kgo.MaxBufferedBytes).(int64)
	timeout, _ := client.OptValue(kgo.ProduceRequestTimeout).(time.Duration)
	return produce.New(produce.Config{
		Client: client, BatchBytes: min(maxBatch, directBatch), BufferedBytes: int(buffered), Timeout: timeout,
		Compressor: compressor(client), Txn: txn, Done: done,
	})
}

func compressor(client *kgo.Client) kgo.Compressor {
	if c, ok := client.OptValue(kgo.WithCompressor).(kgo.Compressor); ok && c != nil {
		return c
	}
	codecs, _ := client.OptValue(kgo.ProducerBatchCompression).([]kgo.CompressionCodec)
	c, err := kgo.DefaultCompressor(codecs...)
	if err != nil { // the client was made with the same ones
		return nil
	}
	return c
}

// append adds a record to its batch. What is wrong with its topic is told by a
// later call.
func (c *Collector) append(o *graph.Output) error {
	if err := c.turnTo(o.Topic); err != nil {
		return c.unsent(o, err)
	}
	num := o.Partition
	switch {
	case num >= 0:
	case o.Hash != nil:
		num = hash.Partition(o.Hash, c.topic.Partitions())
	case o.Key != nil:
		num = hash.Partition(o.Key, c.topic.Partitions())
	default:
		num = c.topic.Any()
	}
	r := &c.record
	r.Key, r.Value, r.Headers, r.Time, r.Cause, r.Log = o.Key, o.Value, o.Headers, o.Time, o.Cause, o.Changelog
	if o.NoTime {
		r.Time = time.Now().UnixMilli()
	}
	r.Told = nil
	if c.hooks.any() {
		c.hooks.buffered(c.ctx, o, num, r)
	}
	if err := c.producer.Append(c.ctx, c.topic, num, r); err != nil {
		c.hooks.unbuffered(r.Told, err)
		return c.unsent(o, err)
	}
	return nil
}

// turnTo makes a topic the one that is used.
func (c *Collector) turnTo(topic string) error {
	if c.topic == nil || c.topic.Name() != topic {
		t, err := c.producer.Topic(c.ctx, topic)
		if err != nil {
			return err
		}
		c.topic = t
	}
	return nil
}

// Partitions returns the number of partitions of a topic that is to be written.
// The first use of a topic waits until a broker tells it; if there is none even
// after a while that is the error.
func (c *Collector) Partitions(topic string) (int32, error) {
	if err := c.turnTo(topic); err != nil {
		if c.ctx.Err() != nil {
			err = &graph.Judged{Err: err} // of the app's end, not of a record
		}
		return 0, explain(err)
	}
	return c.topic.Partitions(), nil
}

// unsent keeps why a record was not sent.
func (c *Collector) unsent(o *graph.Output, err error) error {
	if c.ctx.Err() != nil {
		c.err = &graph.Judged{Err: fmt.Errorf("topic %s: produce: %w", o.Topic, err)}
		return c.err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(&Failure{o.Topic, min(o.Partition, -1), o.Changelog, o.Cause.Clone(), explain(err)})
	return nil
}

// settled is told what became of a batch, by a goroutine of the producer.
func (c *Collector) settled(r *produce.Result) {
	for i, told := range r.Told {
		if told != nil && r.Offset >= 0 {
			told.Offset = r.Offset + int64(i)
		}
		c.hooks.unbuffered(told, r.Err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Err == nil {
		if r.Log && r.Offset >= 0 {
			p := partition{r.Topic, r.Partition}
			c.ends[p] = max(c.ends[p], r.Offset+int64(r.Records))
		}
		return
	}
	err := explain(r.Err)
	for i := range r.Records {
		f := &Failure{Topic: r.Topic, Partition: r.Partition, Changelog: r.Log, Cause: r.Causes.Of(i), Err: err}
		if f.Cause == nil && c.count.Load() > keptFailures {
			c.count.Add(1) // one that can't be left out is there
			continue
		}
		c.keep(f)
	}
}
