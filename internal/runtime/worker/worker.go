package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
	"github.com/ottla-streams/ottla/internal/runtime/fetch"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
)

// Worker is a goroutine with a consumer, a producer and tasks. All of it but
// what says otherwise belongs to the goroutine that calls Run.
type Worker struct {
	left  leftOut
	alone alone

	c      Config
	log    *slog.Logger
	layout *layout
	began  time.Time // for a clock that never jumps

	bell  bell
	calls calls

	consumer    *kgo.Client
	endConsumer context.CancelFunc // before its Close, which waits for the group
	fetcher     *fetch.Fetcher
	producer    *kgo.Client
	out         *collect.Collector
	restorer    *restore.Restorer
	txn         *produce.Transactional // nil at least once
	era         era

	life context.Context // ends some time after Run's context, or with the worker
	stop context.CancelFunc

	tasks  map[graph.TaskID]*entry
	order  []*entry // the running ones
	turn   int      // whose it is
	jobs   map[*restore.Job]*restored
	shared shared
	failed error // what a call found; ends the loop

	wanted    map[graph.TaskID]Role // the copies of tasks that the group wants here
	standbys  map[graph.TaskID]*standby
	follower  *restore.Restorer // nil until there is a standby
	follows   map[*restore.Job]*followed
	behind    []restore.Batch // read and not applied yet
	asked     time.Time       // when committed offsets of inputs were asked for
	asking    bool
	published time.Time

	polled    time.Time
	committed time.Time // when the last commit was
	proven    time.Time // when we were a member of the group for sure
	retry     time.Time // no commit before
	purged    time.Time
	done      map[offsets.Partition]int64 // of repartition topics, what can be purged
	fenced    bool                        // the group may have given our tasks to others: no work until it tells
	member    string                      // id under which the group gave us our tasks
	// unsure is set while only the group knows where our tasks stand: it is not
	// known whether the last transaction was committed, or others had them.
	unsure    bool
	balancing bool
	followUp  time.Time
	unheard   context.CancelFunc // ends what listens to the group; nil if nothing does
	missing   missing
	state     State
	stays     bool      // in the group when it stops: it will be back
	changed   time.Time // when the state did

	m        *measure.Slot
	measured map[graph.TaskID]*measure.Task
	lapped   time.Time // see lap

	joining atomic.Bool                     // the group's goroutine is between its join and what comes of it
	active  atomic.Pointer[[]assign.TaskID] // what the group's goroutine tells
	infos   atomic.Pointer[[]TaskInfo]      // what Tasks returns
	fetched fetched                         // of the group's goroutine
	side    sync.WaitGroup
}

// New returns a Worker. It does nothing until Run.
func New(c Config) *Worker {
	c = withBudget(c)
	w := &Worker{
		c: c, log: c.Logger.With("worker", c.Index), layout: newLayout(c.Topology, c.App, c.Topics), began: time.Now(),
		tasks: make(map[graph.TaskID]*entry), jobs: make(map[*restore.Job]*restored),
		standbys: make(map[graph.TaskID]*standby), follows: make(map[*restore.Job]*followed),
		done: make(map[offsets.Partition]int64),
	}
	w.m, w.measured, w.lapped = c.Measure, make(map[graph.TaskID]*measure.Task), w.began
	if w.m == nil {
		w.m = new(measure.Slot)
	}
	w.calls = calls{bell: &w.bell, gone: make(chan struct{})}
	w.active.Store(&[]assign.TaskID{})
	w.tellTasks()
	w.infos.Store(&[]TaskInfo{})
	return w
}

// Run runs the worker until ctx ends, and then commits, closes its tasks and
// leaves the group. The error is an *Error. Run is called once.
func (w *Worker) Run(ctx context.Context) (err error) {
	w.life, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer w.stop()
	w.c.Budget.Enter()
	defer w.c.Budget.Leave()
	defer context.AfterFunc(ctx, w.expire)()
	defer w.close()
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Err: fmt.Errorf("worker %d: panic: %v\n%s", w.c.Index, r, debug.Stack()), Replace: true}
			w.drop()
		}
	}()
	if err := w.open(); err != nil {
		return &Error{Err: err}
	}
	for ctx.Err() == nil {
		if err := w.step(ctx); err != nil {
			w.abandon()
			var known *Error
			if errors.As(err, &known) {
				return known
			}
			return &Error{Err: err}
		}
	}
	w.stays = w.c.StayInGroup && !errors.Is(context.Cause(ctx), ErrRemoved)
	w.finish()
	return nil
}

// ErrRemoved is the cause of the context of a worker that is told to stop and
// will not be back.
var ErrRemoved = errors.New("the worker is removed")

// Wake lets the loop look again whether it is paused, and the group whether the
// application is to stop. It is safe for concurrent use.
func (w *Worker) Wake() { w.bell.ring() }

func (w *Worker) paused() bool { return w.c.Paused != nil && w.c.Paused() }

// expire ends what still waits for brokers some time after the worker was told
// to stop.
func (w *Worker) expire() {
	w.bell.ring()
	time.AfterFunc(w.c.CloseTimeout, w.stop)
}

// step is one round of the loop.
func (w *Worker) step(ctx context.Context) error {
	if err := w.poll(ctx); err != nil {
		return err
	}
	w.lap(&w.m.Poll)
	w.calls.run()
	if w.failed != nil {
		return w.failed
	}
	w.openWaiting()
	w.lap(&w.m.Other)
	if err := w.applyRestored(); err != nil {
		return err
	}
	w.tendStandbys()
	w.applyFollowed()
	w.lap(&w.m.Restore)
	if err := w.missing.check(w.now()); err != nil {
		return err
	}
	if !w.fenced {
		if err := w.work(); err != nil {
			return err
		}
	}
	if err := w.commitIfDue(); err != nil {
		return err
	}
	w.lap(&w.m.Commit)
	if w.failed != nil {
		return w.failed
	}
	w.followGroup()
	w.askToMove()
	w.report()
	if w.now().Sub(w.published) >= publishEvery {
		w.publish()
	}
	w.lap(&w.m.Other)
	w.show()
	return nil
}

func (w *Worker) now() time.Time { return time.Now() }

// clock is the wall clock in milliseconds, without its jumps.
func (w *Worker) clock() int64 { return w.began.UnixMilli() + time.Since(w.began).Milliseconds() }

// fail ends the loop with the first error that it is told.
func (w *Worker) fail(err error) {
	if w.failed == nil && err != nil {
		w.failed = err
	}
}

// report tells the state when it changed.
func (w *Worker) report() {
	s := Running
	if w.balancing || len(w.order) < len(w.tasks)-w.parked() {
		s = Rebalancing
	}
	w.tell(s)
}

func (w *Worker) tell(s State) {
	if s == w.state {
		return
	}
	if w.state == Rebalancing {
		w.m.Rebalancing += w.now().Sub(w.changed)
	}
	w.state, w.changed = s, w.now()
	w.log.Info("worker is "+s.String(), "tasks", len(w.tasks))
	if w.c.OnState != nil {
		w.c.OnState(s)
	}
}

// followGroup rejoins the group when the assignment asked for it.
func (w *Worker) followGroup() {
	if !w.followUp.IsZero() && w.now().After(w.followUp) {
		w.followUp = time.Time{}
		w.consumer.ForceRebalance()
	}
}
