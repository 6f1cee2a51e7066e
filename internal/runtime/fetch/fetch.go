// Package fetch reads partitions of topics from their brokers and hands out
// record batches whose records are not decoded yet, so that whoever processes
// them can do it one by one without an object for each.
//
// There are two types: a [Fetcher] knows where to go on with each partition
// and asks the brokers, one request at a time each; a [Chunk] is what came of a
// partition. What follows a taken chunk is asked for while the chunk is worked
// on. The files: route.go decides who is asked for what, ask.go asks and looks
// at the answer, old.go reads formats before batches, session.go keeps requests
// small (KIP-227), leaders.go finds leaders, epochs.go finds logs that were cut
// (KIP-320), hooks.go tells the client's hooks.
//
// The group a partition belongs to is none of its business: it reads what it is
// told to.
package fetch

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/batch"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// Config is what a Fetcher needs.
type Config struct {
	// Client sends the requests. Its rack, its decompressor and its hooks are used.
	Client *kgo.Client
	// Committed reads what transactions committed only.
	Committed bool
	// AnswerBytes is how much an answer of a broker may hold, and PartitionBytes
	// how much of it one partition. They default to 8 MiB and 1 MiB.
	AnswerBytes, PartitionBytes int32
	// Wait is how long a broker may wait if there is nothing. Defaults to 500 ms.
	Wait time.Duration
	// Ring is called when there is something to take. It must not block.
	Ring   func()
	Logger *slog.Logger
}

// Chunk is what was read of a partition. It has batches, or an error, or tells
// that the partition has another end, or that it was read past what is not for
// the application.
type Chunk struct {
	offsets.Partition
	// From is the offset that was asked for. The first batch may begin before it.
	From int64
	// Next is where reading goes on: the offset after all that was looked at.
	Next    int64
	Batches []batch.Batch
	// Epoch is the leader epoch of the record before Next, be it for the
	// application or not. It is -1 for unknown, or if there is none that is new.
	Epoch int32
	// End is the end of the partition: of what is committed, if that is what is read.
	End int64
	// Err is why nothing was read. After kerr.OffsetOutOfRange, [Cut], a batch that
	// is too large or damaged and what a client can't mend, the partition rests
	// until Set moves it. Of topics that do not exist it is told now and then.
	Err error

	round uint64
	seen  []*kgo.Record // as hooks saw them
}

// Fetcher reads partitions. Its methods are safe for concurrent use.
type Fetcher struct {
	c      Config
	rack   string
	decomp kgo.Decompressor
	hooks  hooks
	cancel context.CancelFunc
	wake   chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex
	parts   map[offsets.Partition]*partition
	order   []*partition
	brokers map[int32]*broker
	ready   []Chunk
	gone    []Chunk // that hooks are to be told of, as they are not taken
	looking bool    // for leaders
	rounds  uint64
	metas   map[int32]kgo.BrokerMetadata // for hooks
}

// partition is where the Fetcher stands in a partition. It is guarded by the
// Fetcher's lock.
type partition struct {
	offsets.Partition
	round uint64 // changes when it is moved, so that older answers are known
	next  int64
	epoch int32 // of the last record before next, -1 for unknown
	end   int64 // told last, -1 for none

	id          [16]byte // of the topic, from when it was seen first
	leader      int32    // -1 for unknown
	leaderEpoch int32
	checked     int32     // the leader's epoch for which the log is known to reach to next
	lost        bool      // the leader is to be looked for
	replica     int32     // that the leader told to ask in its place, -1 for none
	recheck     time.Time // when the leader is asked again for that

	paused  bool
	stopped bool    // until it is moved
	held    []Chunk // came while it was paused
	retry   time.Time
	fails   int

	asked *broker // that is being asked, nil for none
	ask   ask     // what it is asked
}

// ask is what a broker is asked of a partition.
type ask struct {
	round       uint64
	next        int64
	epoch       int32
	leaderEpoch int32
	id          [16]byte
	answered    bool
}

// broker is asked for one thing at a time.
type broker struct {
	id      int32
	session session
	reader  batch.Reader
	busy    bool // with a request
	full    bool // its last answer was not taken yet
	turn    int
	retry   time.Time
	fails   int
}

// New returns a Fetcher of no partitions. Close has to be called.
func New(c Config) *Fetcher {
	c.AnswerBytes, c.PartitionBytes = cmp.Or(c.AnswerBytes, 8<<20), cmp.Or(c.PartitionBytes, 1<<20)
	c.Wait = cmp.Or(c.Wait, 500*time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fetcher{
		c: c, hooks: hooksOf(c.Client), cancel: cancel, wake: make(chan struct{}, 1),
		parts: make(map[offsets.Partition]*partition), brokers: make(map[int32]*broker),
		metas: make(map[int32]kgo.BrokerMetadata),
	}
	f.rack, _ = c.Client.OptValue(kgo.Rack).(string)
	f.decomp, _ = c.Client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	f.wg.Go(func() { f.run(ctx) })
	return f
}

// Close ends all requests and waits for them. What was not taken is dropped.
func (f *Fetcher) Close() {
	f.cancel()
	f.wg.Wait()
	f.mu.Lock()
	defer f.unlock()
	for _, s := range f.parts {
		f.drop(s)
	}
	f.gone = append(f.gone, f.ready...)
	f.ready = nil
}

// unlock gives the lock back and tells hooks of chunks that were dropped: they
// are the user's and may take their time.
func (f *Fetcher) unlock() {
	gone := f.gone
	f.gone = nil
	f.mu.Unlock()
	f.hooks.dropped(gone)
}

// Set reads a partition from an offset on. epoch is the leader epoch of the
// record before it, -1 for unknown. A partition that was read already goes on
// there, whatever was fetched of it; it stays paused if it was.
func (f *Fetcher) Set(p offsets.Partition, offset int64, epoch int32) {
	f.mu.Lock()
	defer f.unlock()
	s := f.parts[p]
	if s == nil {
		s = &partition{Partition: p, leader: -1, leaderEpoch: -1, replica: -1, lost: true}
		f.parts[p] = s
		f.order = append(f.order, s)
	}
	f.rounds++
	s.round, s.next, s.epoch, s.checked, s.end = f.rounds, offset, epoch, -1, -1
	f.drop(s)
	s.stopped, s.retry, s.fails = false, time.Time{}, 0
	f.look()
}

// Remove ends the reading of a partition.
func (f *Fetcher) Remove(p offsets.Partition) {
	f.mu.Lock()
	defer f.unlock()
	if s := f.parts[p]; s != nil {
		delete(f.parts, p)
		f.order = slices.DeleteFunc(f.order, func(o *partition) bool { return o == s })
		f.rounds++
		s.round = f.rounds // an answer is not its any more
		f.drop(s)
	}
}

// drop forgets what was kept of a partition while it was paused.
func (f *Fetcher) drop(s *partition) {
	f.gone, s.held = append(f.gone, s.held...), nil
}

// Pause lets a partition rest. What was fetched of it is kept for Resume.
func (f *Fetcher) Pause(p offsets.Partition) { f.pause(p, true) }

// Resume goes on with a partition.
func (f *Fetcher) Resume(p offsets.Partition) { f.pause(p, false) }

func (f *Fetcher) pause(p offsets.Partition, paused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.parts[p]
	if s == nil || s.paused == paused {
		return
	}
	s.paused = paused
	if paused {
		return
	}
	if len(s.held) > 0 {
		f.ready, s.held = append(s.held, f.ready...), nil // of what is ready, nothing is older
		f.c.Ring()
	}
	f.look()
}

// Take returns what there is, without waiting. Batches are the caller's.
func (f *Fetcher) Take() []Chunk {
	f.mu.Lock()
	if len(f.ready) == 0 {
		f.mu.Unlock()
		return nil
	}
	taken := make([]Chunk, 0, len(f.ready))
	for _, c := range f.ready {
		s := f.parts[c.Partition]
		switch {
		case s == nil || s.round != c.round:
			f.gone = append(f.gone, c)
		case s.paused:
			s.held = append(s.held, c)
		default:
			taken = append(taken, c)
		}
	}
	clear(f.ready)
	f.ready = f.ready[:0]
	for _, b := range f.brokers {
		b.full = false
	}
	f.look()
	f.unlock()
	f.hooks.taken(taken)
	return taken
}

// look lets run look for what to ask.
func (f *Fetcher) look() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
