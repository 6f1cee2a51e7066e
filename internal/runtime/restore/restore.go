package restore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// Config is what a Restorer needs.
type Config struct {
	Client client.Config
	Role   string // of the client, for its id
	// Committed reads what transactions committed only.
	Committed bool
	// AnswerBytes is how much an answer of a broker may hold, and PartitionBytes
	// how much of it one partition. They default to 4 MiB and 1 MiB.
	AnswerBytes, PartitionBytes int32
	// Wait is how long a broker may wait if there is nothing. Defaults to 250 ms.
	Wait time.Duration
	// Ring is called when a batch is ready. It must not block.
	Ring   func()
	Logger *slog.Logger
}

// Restorer reads changelogs on a goroutine of its own. Add, Remove, Batches and
// Close are for one other goroutine.
type Restorer struct {
	c       Config
	client  *kgo.Client
	cancel  context.CancelFunc
	done    chan struct{}
	batches chan []Batch

	mu   sync.Mutex
	jobs []*progress
	wake chan struct{}

	leaders map[offsets.Partition]int32 // of the goroutine
	decomp  kgo.Decompressor
	stuck   map[*Job]time.Time
}

// New starts a Restorer.
func New(c Config) (*Restorer, error) {
	c.AnswerBytes, c.PartitionBytes = cmp.Or(c.AnswerBytes, answerBytes), cmp.Or(c.PartitionBytes, partitionBytes)
	c.Wait = cmp.Or(c.Wait, answerWait)
	cl, err := c.Client.New(c.Role, client.Pin(map[kmsg.Key]int16{kmsg.Fetch: 12}))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Restorer{
		c: c, client: cl, cancel: cancel, done: make(chan struct{}), batches: make(chan []Batch, 1),
		wake: make(chan struct{}, 1), leaders: make(map[offsets.Partition]int32),
		decomp: kgo.DefaultDecompressor(), stuck: make(map[*Job]time.Time),
	}
	go r.run(ctx)
	return r, nil
}

// Add starts a job.
func (r *Restorer) Add(j *Job) {
	r.mu.Lock()
	r.jobs = append(r.jobs, &progress{job: j, from: j.From})
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Remove stops a job. Batches of it that are on their way may still come.
func (r *Restorer) Remove(j *Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.jobs {
		if p.job == j {
			p.stopped.Store(true)
		}
	}
}

// Batches returns what was read since the last call, without waiting.
func (r *Restorer) Batches() []Batch {
	select {
	case b := <-r.batches:
		return b
	default:
		return nil
	}
}

// Client is the client, for requests that are not urgent.
func (r *Restorer) Client() *kgo.Client { return r.client }

// Close stops all jobs and the goroutine.
func (r *Restorer) Close() {
	r.cancel()
	<-r.done
	r.client.Close()
}

func (r *Restorer) run(ctx context.Context) {
	defer close(r.done)
	tries := 0
	for ctx.Err() == nil {
		jobs, resting := r.active()
		if len(jobs) == 0 {
			r.idle(ctx, resting)
			continue
		}
		batches, err := r.round(ctx, jobs)
		if client.Lasts(err) {
			batches, err = fail(jobs, err), nil
		}
		r.hand(ctx, batches)
		if err == nil {
			tries = 0
			continue
		}
		tries++
		if ctx.Err() == nil && tries%16 == 8 {
			r.c.Logger.Warn("restoring waits for the brokers", "error", err)
		}
		sleep(ctx, min(20*time.Millisecond<<min(tries, 6), 500*time.Millisecond))
	}
}

// fail ends all jobs with an error.
func fail(jobs []*progress, err error) []Batch {
	var batches []Batch
	for _, p := range jobs {
		if !p.stopped.Load() {
			batches = append(batches, Batch{Job: p.job, Err: fmt.Errorf("store %s: restore from %s: %w", p.job.Store, p.job.partition(), err)})
			p.stopped.Store(true)
		}
	}
	return batches
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// active drops the jobs that were stopped or ended. It returns those that have
// something to do, and whether others rest.
func (r *Restorer) active() (jobs []*progress, resting bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs = slices.DeleteFunc(r.jobs, func(p *progress) bool { return p.stopped.Load() })
	for _, p := range r.jobs {
		if !p.rest.IsZero() && time.Now().Before(p.rest) {
			resting = true
			continue
		}
		p.rest = time.Time{}
		jobs = append(jobs, p)
	}
	return jobs, resting
}

// idle waits until there is a job, or a job has rested.
func (r *Restorer) idle(ctx context.Context, resting bool) {
	if resting {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, restTime)
		defer cancel()
	}
	select {
	case <-r.wake:
	case <-ctx.Done():
	}
}

func (r *Restorer) hand(ctx context.Context, batches []Batch) {
	if len(batches) == 0 {
		return
	}
	r.mu.Lock()
	for _, b := range batches {
		if b.Done || b.Err != nil {
			delete(r.stuck, b.Job)
			for _, p := range r.jobs {
				if p.job == b.Job {
					p.stopped.Store(true)
				}
			}
		}
	}
	r.mu.Unlock()
	select {
	case r.batches <- batches:
		r.c.Ring()
	case <-ctx.Done():
	}
}

// round begins what was added and fetches once from each broker.
func (r *Restorer) round(ctx context.Context, jobs []*progress) ([]Batch, error) {
	batches, err := r.begin(ctx, jobs)
	if err != nil {
		return batches, err
	}
	fetched, err := r.fetch(ctx, jobs)
	return append(batches, fetched...), err
}

// begin asks for the bounds of the jobs that have none.
func (r *Restorer) begin(ctx context.Context, jobs []*progress) ([]Batch, error) {
	var parts []offsets.Partition
	for _, p := range jobs {
		if !p.started {
			parts = append(parts, p.job.partition())
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	starts, err := offsets.List(ctx, r.client, offsets.Start, false, parts)
	if err != nil {
		return nil, err
	}
	// The end includes what open transactions wrote: nobody but a former owner of
	// the task writes here, and it has to be known what becomes of that.
	ends, err := offsets.List(ctx, r.client, offsets.End, false, parts)
	if err != nil {
		return nil, err
	}
	var batches []Batch
	for _, p := range jobs {
		if p.started {
			continue
		}
		part := p.job.partition()
		if err := p.begin(starts[part], ends[part]); err != nil {
			batches = append(batches, Batch{Job: p.job, Err: err})
			p.stopped.Store(true)
			continue
		}
		if !p.started {
			continue // it rests
		}
		b := Batch{Job: p.job, Next: p.next, End: p.last(), Done: p.next >= p.end}
		if b.Done {
			p.stopped.Store(true)
		}
		batches = append(batches, b)
	}
	return batches, nil
}
