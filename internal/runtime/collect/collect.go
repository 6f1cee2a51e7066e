package collect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
	"github.com/ottla-streams/ottla/serde"
)

// ErrTooLarge is wrapped by the error of a record that is larger than what the
// producer sends in one batch.
var ErrTooLarge = errors.New("record too large")

// Opts are the options that the producer of a Collector has to be made with.
// maxBytes bounds what waits for its acknowledgement.
func Opts(maxBytes int) []kgo.Opt {
	return []kgo.Opt{
		kgo.RecordPartitioner(partitioner{}),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.MaxBufferedBytes(maxBytes),
		kgo.MaxBufferedRecords(1 << 20),
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
	client   *kgo.Client
	ctx      context.Context
	judge    func(*Failure) error
	maxBatch int

	slabs   slabs
	slab    *slab // in use
	toldLog func(*kgo.Record, error)
	told    func(*kgo.Record, error)
	sent    int64
	err     error // the first failure that stands

	direct *produce.Producer // in place of the client's own, or nil
	topic  *produce.Topic    // used last
	record produce.Record

	mu     sync.Mutex
	ends   map[partition]int64
	failed []*Failure
	count  int // of failures, more than are kept
}

const keptFailures = 16

// New returns a Collector over a producer that was made with Opts. ctx ends
// blocked calls of Emit. judge decides on a record that Kafka did not take: a
// nil result leaves it out. It is called by Emit and Flush; without it every
// failure stands.
func New(ctx context.Context, client *kgo.Client, judge func(*Failure) error) *Collector {
	if judge == nil {
		judge = func(f *Failure) error { return f }
	}
	c := &Collector{client: client, ctx: ctx, judge: judge, ends: make(map[partition]int64), maxBatch: 1_000_012}
	if n, ok := client.OptValue(kgo.ProducerBatchMaxBytes).(int32); ok && n > 0 {
		c.maxBatch = int(n)
	}
	c.told, c.toldLog = c.acked, c.ackedLog
	c.direct = newDirect(client, c.maxBatch, c.settled)
	return c
}

// Close ends the Collector. It comes before the Close of the client.
func (c *Collector) Close() {
	if c.direct != nil {
		c.direct.Close()
	}
}

// Push lets go what was emitted, when there is no more for now.
func (c *Collector) Push() {
	if c.direct != nil {
		c.direct.Push()
	}
}

// Emit sends a record. It blocks while too much waits for acknowledgement. A
// failure of this record is told by a later call, as an error that nobody
// judges again.
func (c *Collector) Emit(o *graph.Output) error {
	if err := c.settle(); err != nil {
		return err
	}
	if size := c.size(o); size > c.maxBatch {
		return &graph.EncodeError{Topic: o.Topic, Part: "record", Err: fmt.Errorf("%w: %d bytes, the producer sends at most %d", ErrTooLarge, size, c.maxBatch)}
	}
	if c.direct != nil {
		c.sent++
		return c.append(o)
	}
	if c.slab == nil {
		c.slab = c.slabs.take(c.ctx)
	}
	b := c.slab
	e := &b.entries[b.used]
	if b.used++; b.used == slabRecords {
		c.slab = nil // it may be used again before we are back
	}
	e.origin.cause, e.origin.changelog = o.Cause, o.Changelog
	e.record = kgo.Record{
		Topic: o.Topic, Partition: choice(o), Context: &e.origin,
		Key: b.copy(o.Key), Value: b.copy(o.Value), Headers: copyHeaders(b, o.Headers),
	}
	if o.Context != nil {
		e.record.Context = context.WithValue(o.Context, originKey{}, &e.origin)
	}
	r := &e.record
	if !o.NoTime {
		r.Timestamp = time.UnixMilli(o.Time)
	}
	told := c.told
	if o.Changelog {
		told = c.toldLog
	}
	c.sent++
	c.client.Produce(c.ctx, r, told)
	return nil
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

func copyHeaders(b *slab, from serde.Headers) []kgo.RecordHeader {
	if len(from) == 0 {
		return nil
	}
	h := b.room(len(from))
	for i := range h {
		h[i] = kgo.RecordHeader{Key: from[i].Key, Value: b.copy(from[i].Value)}
	}
	return h
}

// acked and ackedLog are called by the client's goroutine.
func (c *Collector) acked(r *kgo.Record, err error) {
	if err != nil {
		c.refused(r, err)
		return
	}
	c.done(r)
}

func (c *Collector) ackedLog(r *kgo.Record, err error) {
	if err != nil {
		c.refused(r, err)
		return
	}
	c.mu.Lock()
	p := partition{r.Topic, r.Partition}
	c.ends[p] = max(c.ends[p], r.Offset+1)
	c.mu.Unlock()
	c.done(r)
}

func (c *Collector) done(r *kgo.Record) {
	o := originOf(r)
	o.cause = nil
	c.slabs.acknowledged(o.slab)
}

func (c *Collector) refused(r *kgo.Record, err error) {
	o := originOf(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(&Failure{r.Topic, r.Partition, o.changelog, o.cause, explain(err)})
}

// keep notes a failure, with the lock held. One without an input record can't
// be left out: it is kept in any case.
func (c *Collector) keep(f *Failure) {
	c.count++
	if len(c.failed) < keptFailures || f.Cause == nil {
		c.failed = append(c.failed, f)
	}
}

func explain(err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		return fmt.Errorf("the topic does not exist: %w", err)
	}
	return err
}

// settle judges the failures so far. The first that stands stays.
func (c *Collector) settle() error {
	if c.err != nil {
		return c.err
	}
	c.mu.Lock()
	failed, count := c.failed, c.count
	c.failed, c.count = nil, 0
	c.mu.Unlock()
	if count == 0 {
		return nil
	}
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

// Flush waits until every record was acknowledged or refused, and returns the
// first failure that stands.
func (c *Collector) Flush(ctx context.Context) error {
	flush := c.client.Flush
	if c.direct != nil {
		flush = c.direct.Flush
	}
	if err := flush(ctx); err != nil {
		return fmt.Errorf("producer flush: %w", err)
	}
	return c.settle()
}

// End returns the offset after the last acknowledged changelog record in a
// partition, if this Collector sent any to it.
func (c *Collector) End(topic string, num int32) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, ok := c.ends[partition{topic, num}]
	return end, ok
}

// Together says whether what is emitted between two calls of Flush reaches the
// brokers as a whole, or in the order in which it was emitted: it goes to one
// broker, in one request unless there is very much of it.
func (c *Collector) Together() bool { return c.direct != nil && c.direct.OneBroker() }

// Sent returns the number of records taken since Reset.
func (c *Collector) Sent() int64 { return c.sent }

// Failed says that a failure stands: nothing is taken until Reset.
func (c *Collector) Failed() bool { return c.err != nil }

// Reset begins a new commit interval: it forgets the failures and what was sent.
func (c *Collector) Reset() {
	c.mu.Lock()
	c.failed, c.count = nil, 0
	c.mu.Unlock()
	c.err, c.sent = nil, 0
}
