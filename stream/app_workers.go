package stream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/state/engine"
)

// runWorkers runs the workers until ctx ends or one of them fails for good. One
// that dies otherwise is replaced.
func (a *App) runWorkers(ctx context.Context, dir *statedir.Dir, clients client.Config, l *topics.Layout, e engine.Opener) error {
	parent := ctx
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	user, endUser := context.WithCancel(context.WithoutCancel(ctx))
	defer endUser()
	config := a.workerConfig(dir, clients, l.Partitions(), e)
	config.Context = user
	a.states.set(Rebalancing)
	// The first who stops tells why, unless it is the caller.
	why := func() error {
		if err := context.Cause(ctx); err != context.Cause(parent) {
			return err
		}
		return nil
	}
	end := func(err error) {
		stop(err)
		if err := why(); err != nil && !errors.Is(err, worker.ErrTopicsChanged) {
			a.log.Error("app stops because of an error", "error", err)
			a.states.set(PendingError)
		}
	}
	var wg sync.WaitGroup
	for i := range a.c.Workers {
		c := config
		c.Index = i + 1
		c.OnState = func(s worker.State) { a.states.worker(c.Index, s) }
		wg.Go(func() {
			if err := a.keepWorker(ctx, c); err != nil {
				end(err)
			}
		})
	}
	wg.Go(func() { a.watchTopics(ctx, clients, l, end) })
	wg.Wait()
	return why()
}

// keepWorker runs a worker, and another in its place if it dies, until ctx ends.
// The error is one that a new worker would meet again.
func (a *App) keepWorker(ctx context.Context, c worker.Config) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		err := worker.New(c).Run(ctx)
		if err == nil {
			return nil
		}
		var known *worker.Error
		if !errors.As(err, &known) || !known.Replace || errors.Is(err, worker.ErrTopicsChanged) {
			return err
		}
		if ctx.Err() != nil {
			a.log.Warn("worker did not stop cleanly", "worker", c.Index, "error", err)
			return nil
		}
		if time.Since(began) > time.Minute {
			tries = 0
		}
		wait := min(time.Second<<min(tries, 5), 30*time.Second)
		a.log.Error("worker died and will be replaced", "worker", c.Index, "after", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) workerConfig(dir *statedir.Dir, clients client.Config, counts map[string]int32, e engine.Opener) worker.Config {
	return worker.Config{
		App: a.c.ID, Topology: a.g, Topics: counts, Client: clients, Dir: dir, Engine: e,
		ExactlyOnce: a.c.Guarantee == ExactlyOnce, CommitInterval: a.c.CommitInterval,
		SessionTimeout: a.c.SessionTimeout, RebalanceTimeout: a.c.RebalanceTimeout,
		TransactionTimeout: a.c.TransactionTimeout, CloseTimeout: a.c.CloseTimeout,
		MaxIdle: a.c.MaxTaskIdle, MissingGrace: a.c.MissingTopicsGrace, Reset: a.c.Reset.Policy(),
		BufferedRecords: a.c.MaxBuffered, BufferedBytes: 8 << 20, ProducerBytes: 64 << 20,
		CacheBytes: a.c.CacheBytes, LayerBytes: a.c.LayerBytes, LayerMillis: a.c.LayerAge.Milliseconds(),
		OnError: a.c.OnError.judge, GoesOn: a.c.OnError.Process != nil, DeadLetter: a.c.DeadLetterTopic,
		DropOrphans: a.dropOrphans, Global: noGlobal, Logger: a.log, OnRestore: a.restoring,
	}
}

func noGlobal(s *graph.Store) (any, error) {
	return nil, errors.New("store " + s.Name + " is not loaded")
}
