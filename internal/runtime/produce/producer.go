package produce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/serde"
)

// Config is what a Producer needs. Everything without a default is required.
type Config struct {
	Client *kgo.Client // of a version of Produce that names topics, 12 at most
	// BatchBytes bounds a batch, unless a record alone is larger.
	BatchBytes int
	// BufferedBytes bounds what is handed over and not acknowledged.
	BufferedBytes int
	// Timeout is how long a broker may wait for its replicas.
	Timeout    time.Duration
	Compressor kgo.Compressor // nil for none
	Txn        *Transactional // nil for none
	// Done is told the fate of each batch, by a goroutine of the Producer and
	// with its lock held. It must not keep the Result.
	Done func(*Result)
}

// Record is what Append takes. It keeps none of it but Told.
type Record struct {
	Key, Value []byte // nil is a null
	Headers    serde.Headers
	Time       int64
	Cause      *flow.Origin // for the Result
	Log        bool         // for the Result
	Told       *kgo.Record  // for the Result: what hooks were shown, nil for nothing
}

// Result is what became of a batch.
type Result struct {
	Topic     string
	Partition int32
	Offset    int64 // of the first record, -1 if it is not known
	Records   int
	Causes    *flow.Causes  // of the records
	Told      []*kgo.Record // nil, or one for each record
	Log       bool          // of the records
	Err       error
}

// Producer sends batches.
type Producer struct {
	c      Config
	ctx    context.Context // of the goroutines
	cancel context.CancelFunc
	wg     sync.WaitGroup

	hooks   []kgo.HookProduceBatchWritten
	topics  map[string]*Topic // of the appending goroutine
	opened  []*part           // with an open batch that was not pushed, of the appending goroutine
	ordered bool              // a full batch takes along all that is open: see KeepOrder; of the appending goroutine

	mu       sync.Mutex
	change   *sync.Cond
	brokers  map[int32]*broker
	metas    map[int32]kgo.BrokerMetadata // as far as they were told, for hooks
	homeless []*part                      // have batches and no leader
	looking  bool                         // for leaders
	byName   map[string]*Topic
	waiting  int // batches handed over and not done
	bytes    int // of these
	id       producerID
	hasID    bool
	spare    []*batch // whose memory is used again
	closed   bool

	spareSize int

	// of transactions
	begun  bool // the open one has something, or may have
	broken error
	added  map[partitionKey]bool

	asking chan struct{} // has one place: who holds it asks for an id, without mu
}

// part is a partition that was written.
type part struct {
	topic  *Topic
	num    int32
	leader int32  // -1 for unknown
	open   *batch // of the appending goroutine
	listed bool   // open, and in Producer.opened

	ready  []*batch // in order, the first may have been tried
	flying bool     // the first is on its way
	queued bool     // in a broker's queue, or homeless
	id     producerID
	seq    int32 // of the next new batch
	room   int   // bytes that a batch of late took
}

// broker has at most one request on its way.
type broker struct {
	id    int32
	busy  bool
	queue []*part
	rest  time.Time // after a failure, nothing is sent before
	alarm bool      // will be kicked then
	fails int
}

const (
	leastBatch   = 4 << 10         // bytes that a batch has room for at first
	requestBytes = 8 << 20         // a request is not made larger once it has that
	refreshEvery = 5 * time.Minute // partitions may be added to topics
)

// New returns a Producer. It has to be closed before its client.
func New(c Config) *Producer {
	p := &Producer{
		c: c, hooks: client.Hooks[kgo.HookProduceBatchWritten](c.Client), topics: make(map[string]*Topic), byName: make(map[string]*Topic),
		brokers: make(map[int32]*broker), metas: make(map[int32]kgo.BrokerMetadata), asking: make(chan struct{}, 1),
		added: make(map[partitionKey]bool),
	}
	p.change = sync.NewCond(&p.mu)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.wg.Go(p.refresh)
	return p
}

// Close stops all goroutines. What was not acknowledged may or may not be written.
func (p *Producer) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.change.Broadcast()
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(errClosed)
}

// forget drops all batches, with the lock held, but for those that are on their way.
func (p *Producer) forget(err error) {
	for _, t := range p.opened {
		if t.open != nil {
			p.report(t.open, -1, err)
		}
		t.listed, t.open = false, nil
	}
	clear(p.opened)
	p.opened = p.opened[:0]
	p.refuseAll(err)
}

// refuseAll ends the batches that were handed over and are not on their way.
func (p *Producer) refuseAll(err error) {
	for _, topic := range p.byName {
		for _, t := range topic.used {
			p.refuseWaiting(t, err)
		}
	}
}

// refuseWaiting ends the batches of a partition that are not on their way.
func (p *Producer) refuseWaiting(t *part, err error) {
	var flies *batch
	if t.flying && len(t.ready) > 0 {
		flies, t.ready = t.ready[0], t.ready[1:]
	}
	for len(t.ready) > 0 {
		p.done(t.ready[0], -1, err)
	}
	if flies != nil {
		t.ready = append(t.ready, flies)
	}
}

func (p *Producer) report(b *batch, offset int64, err error) {
	t := b.part
	p.c.Done(&Result{
		Topic: t.topic.name, Partition: t.num, Offset: offset, Records: int(b.n), Causes: &b.causes, Told: b.told, Log: b.log, Err: err,
	})
}

// Append adds a record to a partition of t. It blocks while too much waits for
// acknowledgement. The error is that of ctx.
func (p *Producer) Append(ctx context.Context, t *Topic, num int32, r *Record) error {
	part := t.part(num)
	b := part.open
	if b == nil {
		var err error
		if b, err = p.openBatch(ctx, part); err != nil {
			return err
		}
	}
	if b.n > 0 && len(b.buf)+recordOverhead+Size(r) > p.c.BatchBytes {
		if p.ordered {
			p.Push()
		} else {
			p.mu.Lock()
			p.hand(part)
			p.kickAll()
			p.mu.Unlock()
		}
		var err error
		if b, err = p.openBatch(ctx, part); err != nil {
			return err
		}
	}
	b.add(r)
	return nil
}

// Size is what a record takes in a batch, at most.
func Size(r *Record) int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value) + 10
	}
	return n
}

// openBatch gives a partition a batch to append to: the last one that was
// handed over, if it was not sent yet and has room.
func (p *Producer) openBatch(ctx context.Context, t *part) (*batch, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.await(ctx, func() bool { return p.bytes <= p.c.BufferedBytes }); err != nil {
		return nil, err
	}
	var b *batch
	if last := len(t.ready) - 1; last > 0 || last == 0 && !t.flying {
		if tail := t.ready[last]; !tail.signed && len(tail.buf) < p.c.BatchBytes/2 {
			b, t.ready = tail, t.ready[:last]
			p.waiting--
			p.bytes -= b.handed
		}
	}
	if n := len(p.spare); b == nil && n > 0 {
		b, p.spare = p.spare[n-1], p.spare[:n-1]
		p.spareSize -= cap(b.buf)
	}
	if b == nil {
		b = new(batch)
	}
	if room := max(t.room, leastBatch); b.n == 0 && cap(b.buf) < room {
		b.buf = make([]byte, headerBytes, room)
	}
	b.part, t.open = t, b
	if !t.listed {
		t.listed = true
		p.opened = append(p.opened, t)
	}
	return b, nil
}

// hand hands the open batch of a partition over to be sent, with the lock held.
func (p *Producer) hand(t *part) {
	b := t.open
	t.open = nil
	t.topic.turn(t.num)
	b.handed = len(b.buf)
	t.room = max(len(b.buf), t.room/2)
	t.ready = append(t.ready, b)
	p.waiting++
	p.bytes += b.handed
	p.route(t)
}

// Push lets go what was appended, as soon as the broker is done with the
// request before.
func (p *Producer) Push() {
	if len(p.opened) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, t := range p.opened {
		t.listed = false
		p.opened[i] = nil
		if t.open != nil {
			p.hand(t)
		}
	}
	p.opened = p.opened[:0]
	p.kickAll()
}

// Flush pushes and waits until every batch was taken or refused.
func (p *Producer) Flush(ctx context.Context) error {
	p.ordered = false
	p.Push()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.await(ctx, func() bool { return p.waiting == 0 })
}

// KeepOrder says whether what is open leaves before or with what is appended
// from now on until the next Flush: all that was written so far went to one
// broker, and no batch is on its way. A batch that fills up then takes along all
// that is open.
func (p *Producer) KeepOrder() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ordered = len(p.brokers) <= 1 && len(p.homeless) == 0 && p.waiting == 0
	return p.ordered
}

var errClosed = errors.New("producer was closed")

// await waits for a condition with the lock held.
func (p *Producer) await(ctx context.Context, cond func() bool) error {
	if cond() && !p.closed {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.change.Broadcast()
	})
	defer stop()
	for !cond() || p.closed {
		switch {
		case p.closed:
			return errClosed
		case ctx.Err() != nil:
			return fmt.Errorf("%d batches wait for acknowledgement: %w", p.waiting, ctx.Err())
		}
		p.change.Wait()
	}
	return nil
}

// done ends a batch, with the lock held.
func (p *Producer) done(b *batch, offset int64, err error) {
	t := b.part
	t.ready[0] = nil
	t.ready = t.ready[1:]
	p.waiting--
	p.bytes -= b.handed
	p.report(b, offset, err)
	if p.spareSize+cap(b.buf) <= p.c.BufferedBytes/4 && !b.lent {
		p.spareSize += cap(b.buf)
		b.causes.Reset()
		*b = batch{buf: b.buf[:headerBytes], causes: b.causes}
		p.spare = append(p.spare, b)
	}
	p.change.Broadcast()
}
