package collect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
)

// ErrTooLarge is wrapped by the error of a record that is larger than what the
// producer sends in one batch.
var ErrTooLarge = errors.New("record too large")

// Opts are the options that the producer of a Collector has to be made with.
// maxBytes bounds what waits for its acknowledgement.
func Opts(maxBytes int) []kgo.Opt {
	return []kgo.Opt{
		kgo.MaxBufferedBytes(maxBytes),
		kgo.UnknownTopicRetries(20), // a topic that was just created is not known at once
	}
}

// Failure is a record that Kafka did not take. Its bytes are not kept.
type Failure struct {
	Topic     string
	Partition int32 // negative if none was chosen yet
	Changelog bool
	Cause     *flow.Origin // the input record that made it, nil for none
	Err       error
}

func (f *Failure) Error() string {
	if f.Partition < 0 {
		return fmt.Sprintf("topic %s: produce: %v", f.Topic, f.Err)
	}
	return fmt.Sprintf("topic %s partition %d: produce: %v", f.Topic, f.Partition, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

type partition struct {
	topic string
	num   int32
}

// Collector takes the outputs of tasks.
type Collector struct {
	ctx      context.Context
	judge    func(*Failure) error
	maxBatch int

	producer *produce.Producer
	hooks    recordHooks
	topic    *produce.Topic // used last
	record   produce.Record
	sent     int64
	err      error // the first failure that stands

	count atomic.Int64 // of failures, more than are kept; changed with the lock held, asked for each record without it

	mu     sync.Mutex
	ends   map[partition]int64
	failed []*Failure
}

const keptFailures = 16

// New returns a Collector over a client that was made with Opts. txn makes all
// that is sent part of transactions, nil for none. ctx ends blocked calls of Emit.
// judge decides on a record that Kafka did not take: a nil result leaves it out.
// It is called by Emit and Flush; without it every failure stands.
func New(ctx context.Context, client *kgo.Client, txn *produce.Transactional, judge func(*Failure) error) *Collector {
	if judge == nil {
		judge = func(f *Failure) error { return f }
	}
	c := &Collector{ctx: ctx, judge: judge, ends: make(map[partition]int64), maxBatch: 1_000_012, hooks: recordHooksOf(client)}
	if n, ok := client.OptValue(kgo.ProducerBatchMaxBytes).(int32); ok && n > 0 {
		c.maxBatch = int(n)
	}
	c.producer = newProducer(client, c.maxBatch, txn, c.settled)
	return c
}

// Close ends the Collector. It comes before the Close of the client.
func (c *Collector) Close() { c.producer.Close() }

// Push lets go what was emitted, when there is no more for now.
func (c *Collector) Push() { c.producer.Push() }

// Producer is what sends, for what transactions need beside records.
func (c *Collector) Producer() *produce.Producer { return c.producer }

// Emit sends a record, of which it copies all. It blocks while too much waits for
// acknowledgement. A failure of this record is told by a later call, as an error
// that nobody judges again.
func (c *Collector) Emit(o *graph.Output) error {
	if err := c.settle(); err != nil {
		return err
	}
	if size := c.size(o); size > c.maxBatch {
		return &graph.EncodeError{Topic: o.Topic, Part: "record", Err: fmt.Errorf("%w: %d bytes, the producer sends at most %d", ErrTooLarge, size, c.maxBatch)}
	}
	c.sent++
	return c.append(o)
}

// size is what a record takes in a batch of its own, at most.
func (c *Collector) size(o *graph.Output) int {
	const overhead = 61 + 40 // of the batch, and the record's own lengths
	n := overhead + len(o.Topic) + len(o.Key) + len(o.Value)
	for i := range o.Headers {
		n += len(o.Headers[i].Key) + len(o.Headers[i].Value) + 10
	}
	return n
}

// keep notes a failure, with the lock held. One without an input record can't
// be left out: it is kept in any case.
func (c *Collector) keep(f *Failure) {
	c.count.Add(1)
	if len(c.failed) < keptFailures || f.Cause == nil {
		c.failed = append(c.failed, f)
	}
}

func explain(err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		return fmt.Errorf("the topic does not exist: %w", err)
	}
	if errors.Is(err, kerr.InvalidTimestamp) {
		return fmt.Errorf("the time of a record is not one that the topic takes, by its settings message.timestamp.after.max.ms and message.timestamp.before.max.ms: %w", err)
	}
	return err
}

// settle judges the failures so far. The first that stands stays.
func (c *Collector) settle() error {
	if c.err != nil {
		return c.err
	}
	if c.count.Load() == 0 {
		return nil
	}
	c.mu.Lock()
	failed, count := c.failed, int(c.count.Swap(0))
	c.failed = nil
	c.mu.Unlock()
	for _, f := range failed {
		if f.Changelog {
			c.err = &graph.Judged{Err: f}
			return c.err
		}
		if err := c.judge(f); err != nil {
			c.err = &graph.Judged{Err: err}
			return c.err
		}
	}
	if n := count - len(failed); n > 0 {
		c.err = &graph.Judged{Err: fmt.Errorf("%w; and %d more records of this commit", failed[0], n)}
	}
	return c.err
}

// Flush waits until every record was acknowledged or refused, those too that the
// judge emitted in place of refused ones, and returns the first failure that stands.
func (c *Collector) Flush(ctx context.Context) error {
	for {
		if err := c.producer.Flush(ctx); err != nil {
			return fmt.Errorf("producer flush: %w", err)
		}
		sent := c.sent
		if err := c.settle(); err != nil || c.sent == sent {
			return err
		}
	}
}

// End returns the offset after the last acknowledged changelog record in a
// partition, if this Collector sent any to it.
func (c *Collector) End(topic string, num int32) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, ok := c.ends[partition{topic, num}]
	return end, ok
}

// Together says whether what was emitted since the last Flush reaches the brokers
// before or with what is emitted from now on: there is one broker, nothing is on
// its way, and what fills a batch takes along all that is open.
func (c *Collector) Together() bool { return c.producer.KeepOrder() }

// Sent returns the number of records taken since Reset.
func (c *Collector) Sent() int64 { return c.sent }

// Failed says that a failure stands: nothing is taken until Reset.
func (c *Collector) Failed() bool { return c.err != nil }

// Reset begins a new commit interval: it forgets the failures and what was sent.
func (c *Collector) Reset() {
	c.mu.Lock()
	c.failed = nil
	c.count.Store(0)
	c.mu.Unlock()
	c.err, c.sent = nil, 0
}
