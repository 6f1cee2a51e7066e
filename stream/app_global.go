package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/global"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
)

// openGlobal makes what keeps the global stores, if there are any. close ends it.
func (a *App) openGlobal(ctx context.Context, dir *statedir.Dir, clients client.Config, e engine.Opener) (close func() error) {
	if !global.Needed(a.g) {
		return func() error { return nil }
	}
	user, end := context.WithCancel(context.WithoutCancel(ctx))
	g := global.New(global.Config{
		App: a.c.ID, Topology: a.g, Client: clients, Dir: filepath.Join(dir.Path(), "global"), Engine: e,
		Committed: a.c.Guarantee == ExactlyOnce, MemoryBytes: 2 * a.c.LayerBytes, FlushAge: a.c.LayerAge, CheckInterval: a.c.TopicCheckInterval, MissingGrace: a.c.MissingTopicsGrace,
		OnError: a.c.OnError.judge, GoesOn: a.c.OnError.Process != nil, DeadLetter: a.c.DeadLetterTopic,
		Logger: a.log, OnRestore: a.restoring, Context: user,
	})
	a.global.Store(g)
	return func() error {
		a.global.Store(nil)
		end()
		return g.Close()
	}
}

// loadGlobal returns when the global stores can be read.
func (a *App) loadGlobal(ctx context.Context) error {
	g := a.global.Load()
	if g == nil {
		return nil
	}
	a.states.set(Rebalancing)
	return g.Load(ctx)
}

// followGlobal keeps the global stores up to date until ctx ends.
func (a *App) followGlobal(ctx context.Context) error {
	if g := a.global.Load(); g != nil {
		return g.Run(ctx)
	}
	return nil
}

// startsAnew says that the workers stopped to be started again.
func startsAnew(err error) bool {
	return errors.Is(err, worker.ErrTopicsChanged) || errors.Is(err, global.ErrAgain)
}

func (a *App) globalStore(s *graph.Store, in graph.Instance) (any, error) {
	g := a.global.Load()
	if g == nil {
		return nil, fmt.Errorf("store %s: %w", s.Name, state.ErrNotReady)
	}
	v, err := g.Open(s, in)
	if errors.Is(err, global.ErrNotLoaded) {
		return nil, fmt.Errorf("store %s: %w", s.Name, state.ErrNotReady)
	}
	return v, err
}

// sameInputs compares the partitions of the topics that tasks read. Those of
// global stores are followed without the workers.
func (a *App) sameInputs(now, before map[string]int32) bool {
	now, before = maps.Clone(now), maps.Clone(before)
	for _, s := range a.g.Stores {
		if s.Global {
			delete(now, s.SourceTopic.Name)
			delete(before, s.SourceTopic.Name)
		}
	}
	return maps.Equal(now, before)
}
