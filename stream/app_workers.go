package stream

import (
	"context"
	"errors"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/state/engine"
)

// runWorkers runs the workers until ctx ends or the policy lets one of them end
// the app.
func (a *App) runWorkers(ctx context.Context, dir *statedir.Dir, clients client.Config, l *topics.Layout, e engine.Opener) error {
	parent := ctx
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	user, endUser := context.WithCancel(context.WithoutCancel(ctx))
	defer endUser()
	a.states.set(Rebalancing)
	// The first who stops tells why, unless it is the caller.
	why := func() error {
		if err := context.Cause(ctx); err != context.Cause(parent) {
			return err
		}
		return nil
	}
	s := &shift{ctx: ctx, config: a.workerConfig(dir, clients, l.Partitions(), e)}
	s.config.Context = user
	s.end = func(err error) {
		stop(err)
		if err := why(); err != nil && !startsAnew(err) {
			a.log.Error("app stops because of an error", "error", err)
			a.states.set(PendingError)
		}
	}
	a.begin(s)
	s.wg.Go(func() { a.watchTopics(ctx, clients, l, s.end) })
	s.wg.Go(func() { a.watchStable(ctx, clients, l.Inputs) })
	s.wg.Go(func() {
		if err := a.followGlobal(ctx); err != nil {
			s.end(err)
		}
	})
	<-ctx.Done()
	a.crew.end(s)
	return why()
}

// keepWorker runs a worker, and another in its place if it dies, until ctx ends.
// The error is one that ends the app.
func (a *App) keepWorker(ctx context.Context, s *shift, c worker.Config, h *hand) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		w := worker.New(c)
		h.worker.Store(w)
		remove := a.query.workers.add(w)
		err := withRecord(w.Run(ctx))
		remove()
		switch {
		case err == nil, startsAnew(err):
			return err
		case ctx.Err() != nil:
			a.log.Warn("worker did not stop cleanly", "worker", c.Index, "error", err)
			return nil
		case errors.Is(err, worker.ErrShutdown):
			return a.askedToStop(err)
		}
		switch a.judgeFailure(c.Index, err) {
		case StopApp:
			return err
		case StopAll:
			if a.asks.CompareAndSwap(nil, &err) {
				a.log.Error("all instances are asked to stop", "worker", c.Index, "error", err)
				defer time.AfterFunc(c.SessionTimeout, func() { s.end(err) }).Stop()
				continue // the next one tells the group
			}
		}
		if time.Since(began) > time.Minute {
			tries = 0
		}
		wait := min(time.Second<<min(tries, 5), 30*time.Second)
		if c.Measure != nil {
			c.Measure.Failed++
		}
		a.log.Error("worker died and will be replaced", "worker", c.Index, "after", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// askedToStop is the error of an app whose group was told to stop: the one that
// made it ask, if it did.
func (a *App) askedToStop(err error) error {
	if cause := a.asks.Load(); cause != nil {
		return *cause
	}
	return err
}

func (a *App) workerConfig(dir *statedir.Dir, clients client.Config, counts map[string]int32, e engine.Opener) worker.Config {
	return worker.Config{
		App: a.c.ID, Topology: a.g, Topics: counts, Client: clients, Dir: dir, Engine: e,
		ExactlyOnce: a.c.Guarantee == ExactlyOnce, CommitInterval: a.c.CommitInterval,
		SessionTimeout: a.c.SessionTimeout, RebalanceTimeout: a.c.RebalanceTimeout,
		TransactionTimeout: a.c.TransactionTimeout, CloseTimeout: a.c.CloseTimeout, StayInGroup: a.c.StayInGroup, RetryTimeout: a.c.RetryTimeout, PurgeInterval: a.c.PurgeInterval,
		MaxIdle: a.c.MaxTaskIdle, MissingGrace: a.c.MissingTopicsGrace, Reset: a.c.Reset.Policy(),
		Standbys: a.c.Standbys, WarmupLag: a.c.WarmupLag, MaxWarmups: a.c.MaxWarmups, ProbingInterval: a.c.ProbingInterval,
		Tags: a.c.Tags, RackTags: a.c.RackTags,
		BufferedRecords: a.c.MaxBuffered, BufferedBytes: 4 << 20, ProducerBytes: 32 << 20, Budget: a.budget,
		CacheBytes: a.c.CacheBytes, LayerBytes: a.c.LayerBytes, LayerMillis: a.c.LayerAge.Milliseconds(),
		IdleMillis: a.c.IdleFlush.Milliseconds(),
		OnError:    a.c.OnError.judge, GoesOn: a.c.OnError.Process != nil, DeadLetter: a.c.DeadLetterTopic,
		DropOrphans: a.dropOrphans, Global: a.globalStore, Logger: a.log, OnRestore: a.restoring,
		Shelf: a.query.shelf, Advertise: a.c.Advertise, OnHosts: a.onHosts,
		Trace: a.tracer(), Hooks: a.traceHooks(),
		Paused: a.paused.Load, Shutdown: func() bool { return a.asks.Load() != nil },
	}
}
