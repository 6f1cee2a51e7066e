// Package task runs one instance of a sub-topology, pinned to one partition.
//
// There are only a few types: a [Task] has a queue per input partition, takes
// the record with the lowest timestamp, sends it through the bound nodes and
// keeps stream time, timers and state; [Config] is what it needs from outside:
// a collector, a clock, an opener of engines. It knows nothing of Kafka's
// protocol: the runtime's worker and the test driver drive the same type.
//
// A Task belongs to one goroutine, its worker's. None of its methods are safe
// for concurrent use.
package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/trace"
	"github.com/ottla-streams/ottla/state/engine"
)

// Config is what a Task needs from outside. All fields but the last group are required.
type Config struct {
	ID         graph.TaskID
	App        string // the application id
	Nodes      []*graph.Node
	Stores     []*graph.Store
	Emit       func(o *graph.Output) error
	Partitions func(topic string) (int32, error)
	Clock      func() int64 // wall clock in milliseconds
	OnError    func(f *Failure) Verdict
	// GoesOn says that OnError may let a task go on behind a processing error:
	// each node then catches its own panics.
	GoesOn     bool
	DeadLetter string // topic of dead letters, empty for none
	// Measure is what the task is counted in. A task without counts nobody sees.
	Measure *measure.Task
	// Trace begins the span of a record's way through the task, nil for none.
	Trace func(p trace.Pass) trace.Span
	// Hold holds final results and changes of grouped tables until the commit,
	// for a runtime without transactions.
	Hold bool
	// IdleMillis is how long no newer record has to come before what waits for
	// stream time goes on by the wall clock, 0 for never.
	IdleMillis int64

	Context     context.Context
	Logger      *slog.Logger
	Dir         string                                               // folder of the task's state
	Persistent  engine.Opener                                        // engine of persistent stores
	CacheBytes  int                                                  // record cache of the task, 0 for none
	EmitMillis  int64                                                // between two looks for results whose windows have closed, 0 for a look at each record
	LayerBytes  int                                                  // size of the write-behind layers before they are written out
	LayerMillis int64                                                // age of the layers before they are written out
	Global      func(s *graph.Store, in graph.Instance) (any, error) // opens a global store for a task
	// DropOrphans deletes the state of stores that the topology does not have,
	// where going on is refused otherwise.
	DropOrphans bool
	// Shelf gets what others may read, and Call runs a function on the task's
	// goroutine for them, see Ask. Nil for no queries.
	Shelf *Shelf
	Call  func(ctx context.Context, f func()) bool
	// GlobalTask marks the task that keeps the global stores.
	GlobalTask bool
	// Layers makes the layers of the stores of a GlobalTask whose state lies
	// elsewhere. Nil keeps them in memory.
	Layers func(s *graph.Store) *overlay.Store
	// InMemoryOnly keeps persistent stores in memory too, for test drivers.
	InMemoryOnly bool
}

// Task is a sub-topology pinned to one partition.
type Task struct {
	taken Place // the record that was taken last

	c        Config
	log      *slog.Logger
	binder   *graph.Binder
	state    *State
	queues   map[string]*queue
	order    heap[*queue]
	timers   timers
	meta     flow.Meta
	origin   *flow.Origin // of the record in work
	now      int64        // timestamp of the record in work, or of the punctuation
	stream   int64        // stream time
	flushes  []flusher    // in order of their stores
	progress map[string]int64
	reads    *Reads
	commit   bool // a commit was asked for
	// progressed says that progress was set since the last commit.
	progressed bool
	started    bool
	dropped    map[*graph.Node]int64
	before     int64 // that count has of the task before this one
	count      *measure.Task
	span       trace.Span // of the record in work, nil for none
	inSpan     *spanContext
	closed     bool

	quiet   quiet
	onTime  []graph.Schedule // what happens when stream time moves, before the record is processed
	results held             // final results, and what goes to the same topics
	changes held             // of grouped tables
	behind  map[string]bool  // topics of held results
}

// New binds the nodes of a task and opens the state that lies in its folder.
// Its stores have to be restored and Start called before it processes.
func New(c Config) (*Task, error) {
	t := newTask(c)
	state, err := openState(&t.c, t.log)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, err)
	}
	t.state = state
	if err := t.bind(); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, errors.Join(err, state.close(false)))
	}
	t.shelve()
	return t, nil
}

// newTask returns a task without state.
func newTask(c Config) *Task {
	if c.Context == nil {
		c.Context = context.Background()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Measure == nil {
		c.Measure = measure.NewTask(c.ID.String())
	}
	t := &Task{
		c: c, log: c.Logger.With("task", c.ID.String()), queues: make(map[string]*queue),
		stream: -1, progress: make(map[string]int64), dropped: make(map[*graph.Node]int64),
	}
	t.count, t.before = c.Measure, c.Measure.Processed
	if c.Trace != nil {
		t.inSpan = &spanContext{Context: c.Context}
		t.c.Context = t.inSpan
	}
	t.order.key = func(q *queue) int64 { return q.stamp }
	t.reads = &Reads{ID: c.ID}
	t.binder = graph.NewBinder((*instance)(t))
	return t
}

func (t *Task) bind() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = graph.Recovered(r)
		}
	}()
	for _, s := range t.c.Stores {
		if s.Global && !t.c.GlobalTask {
			continue
		}
		if _, err := t.binder.Store(s); err != nil {
			return err
		}
	}
	for _, n := range t.c.Nodes {
		v, err := t.binder.Bind(n)
		if err != nil {
			return err
		}
		if n.Kind == graph.SourceNode {
			if _, ok := v.(HeadMaker); !ok {
				return fmt.Errorf("source %s binds to %T", n.Name, v)
			}
		}
	}
	return nil
}

// HeadMaker is what a source node binds to: it makes the head of a queue for a
// topic, whose full name it is given.
type HeadMaker = func(topic string) (graph.Head, error)

// ID returns the task's id.
func (t *Task) ID() graph.TaskID { return t.c.ID }

// StreamTime returns the highest timestamp processed, -1 for none.
func (t *Task) StreamTime() int64 { return t.stream }

// Processed returns the number of records taken so far.
func (t *Task) Processed() int64 { return t.count.Processed - t.before }

// Dropped returns the number of records that were left out, by node.
func (t *Task) Dropped() map[*graph.Node]int64 { return t.dropped }

// CommitRequested says whether user code asked for a commit, or the
// uncommitted writes have outgrown their share.
func (t *Task) CommitRequested() bool {
	return t.commit || t.c.LayerBytes > 0 && t.state.uncommitted()+t.results.bytes+t.changes.bytes > mostUncommitted(t.c.LayerBytes)
}

// mostUncommitted is a quarter of what the layers may hold. Where that is little,
// so that commits would follow each other, it is half.
func mostUncommitted(layers int) int { return max(layers/4, min(layers/2, 1<<20)) }

// Store returns the typed store of s.
func (t *Task) Store(s *graph.Store) (any, error) { return t.binder.Store(s) }

// Start runs the processors' Init. It is called once, when the stores are restored.
func (t *Task) Start() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("task %s: %w", t.c.ID, graph.Recovered(r))
		}
	}()
	if t.started {
		return nil
	}
	t.started = true
	t.newer()
	for _, f := range t.binder.Starters() {
		if err := f(); err != nil {
			return fmt.Errorf("task %s: %w", t.c.ID, err)
		}
	}
	t.reads.live.Store(true)
	return nil
}

// Close closes the processors and the state. clean says that the last commit
// succeeded, so that what it left may be written out.
func (t *Task) Close(clean bool) error {
	if t.closed {
		return nil
	}
	t.closed = true
	err := errors.Join(t.closeNodes(), t.endReads())
	if err := errors.Join(err, t.state.close(clean)); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	return nil
}

func (t *Task) closeNodes() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = graph.Recovered(r)
		}
	}()
	return t.binder.Close()
}
