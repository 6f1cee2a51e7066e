package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/budget"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/global"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/topology"
)

// ErrStateInUse is wrapped by the error of an app whose state folder another
// process has open.
var ErrStateInUse = statedir.ErrInUse

// ErrStateLost is wrapped by the error of an app whose changelogs no longer have
// what the local state lacks.
var ErrStateLost = restore.ErrLost

// ErrStarted is returned by a second call of [App.Run].
var ErrStarted = errors.New("app was started before")

// App runs a topology on Kafka. Its methods are safe for concurrent use.
type App struct {
	c       Config
	g       *graph.Topology
	log     *slog.Logger
	states  *states
	crew    *crew
	started atomic.Bool
	board   *measure.Board // counts of the workers, nil unless the app is measured
	paused  atomic.Bool
	asks    atomic.Pointer[error] // why all instances are asked to stop

	closed  context.Context // ends with closing
	closing context.CancelFunc
	ended   chan struct{} // closed when Run has returned

	query  querying
	global atomic.Pointer[global.Global] // nil without global stores, and unless the app runs

	budget *budget.Budget // of memory, set by Run

	dropOrphans bool // local state that the topology does not have is deleted
}

// NewApp returns an app that runs t. The error has all that is wrong with c.
// Nothing is contacted before [App.Run].
func NewApp(t *topology.Topology, c Config) (*App, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, errors.New("app has no topology")
	}
	a := &App{
		c: c, g: t.Graph(), log: c.Logger.With("app", c.ID), states: newStates(c.Workers, c.StateListener),
		crew: newCrew(c.Workers), ended: make(chan struct{}), query: newQuerying(),
	}
	a.closed, a.closing = context.WithCancel(context.Background())
	return a, nil
}

// State returns the state of the app.
func (a *App) State() State { return a.states.get() }

// Run runs the app until ctx ends, or [App.Close]. Then it commits, leaves the
// group and returns nil. It waits for brokers that are away, as long as it takes
// or Config.OutageTimeout says. An error that does not pass by itself ends it, if Config.OnFailure does not say
// otherwise. Run can be called once.
func (a *App) Run(ctx context.Context) error {
	if a.started.Swap(true) {
		return ErrStarted
	}
	defer close(a.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closed, cancel)()
	a.states.begin(ctx)
	stopped := context.AfterFunc(ctx, func() { a.states.set(PendingShutdown) })
	defer stopped()
	err := a.withBeside(ctx, a.watched)
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		a.states.set(NotRunning)
		return nil
	}
	a.states.set(Failed)
	return fmt.Errorf("app %s: %w", a.c.ID, err)
}

func (a *App) run(ctx context.Context, opts ...kgo.Opt) (err error) {
	dir, err := statedir.Open(a.c.StateDir, a.c.ID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	clients := client.Config{Brokers: a.c.Brokers, Opts: slices.Concat(a.c.Client, opts), Name: a.c.ID + "-" + dir.ProcessName(), Logger: a.log}
	unmeasure, err := a.measured(&clients)
	if err != nil {
		return err
	}
	defer unmeasure()
	a.log.Info("app starts", "process", dir.ProcessName(), "workers", a.c.Workers, "guarantee", a.c.Guarantee.String(), "state_dir", dir.Path())
	e, closeEngine := a.engine()
	defer func() { err = errors.Join(err, closeEngine()) }()
	if a.dropOrphans, err = a.compareTopology(dir); err != nil {
		return err
	}
	if err := a.lookAtState(dir, e); err != nil {
		return err
	}
	closeGlobal := a.openGlobal(ctx, dir, clients, e)
	defer func() { err = errors.Join(err, closeGlobal()) }()
	for {
		layout, err := a.ensureTopics(ctx, clients, a.c.CheckTopicsOnly)
		if err != nil {
			return err
		}
		if err := a.loadGlobal(ctx); err != nil {
			return err
		}
		err = a.runWorkers(ctx, dir, clients, layout, e)
		if !startsAnew(err) || ctx.Err() != nil {
			return err
		}
		a.log.Warn("the workers start anew", "why", err)
	}
}

// RestoreProgress is how far the restore of a store is. Records between From
// and End may be fewer than their difference.
type RestoreProgress struct {
	Task      string
	Store     string
	Topic     string // the changelog
	Partition int32
	From, End int64 // offsets of the changelog: where it began and where it stops
	Position  int64 // the offset that the store stands for
	Restored  int64 // records so far
	Done      bool
}

func (a *App) restoring(p restore.Progress) {
	if a.c.RestoreListener != nil {
		a.c.RestoreListener(RestoreProgress{
			p.Task.String(), p.Store, p.Topic, p.Partition, p.From, p.End, p.Position, p.Restored, p.Done,
		})
	}
}
