package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// ErrNotRunning is returned by what only an app that runs can do.
var ErrNotRunning = errors.New("app does not run")

// crew is the workers of an app, which can come and go while it runs.
type crew struct {
	mu      sync.Mutex
	hands   map[int]*hand // by index, from 1; they outlive a shift
	leaving map[int]*hand // removed, and their index is free when they are done
	shift   *shift        // nil while no workers run
}

// hand is the place of a worker, which may be taken by one after the other.
type hand struct {
	index  int
	worker atomic.Pointer[worker.Worker]
	stop   context.CancelCauseFunc
	done   chan struct{} // closed when it works no more in the shift
}

// shift is the time from one start of all workers to their end.
type shift struct {
	ctx    context.Context
	config worker.Config
	end    func(error) // ends it with an error
	wg     sync.WaitGroup
}

func newCrew(n int) *crew {
	c := &crew{hands: make(map[int]*hand, n), leaving: make(map[int]*hand)}
	for i := range n {
		c.hands[i+1] = &hand{index: i + 1}
	}
	return c
}

// begin lets all hands work.
func (a *App) begin(s *shift) {
	a.crew.mu.Lock()
	defer a.crew.mu.Unlock()
	a.crew.shift = s
	for _, h := range a.crew.hands {
		a.startWorker(s, h)
	}
}

// startWorker lets a hand begin to work. The crew is locked.
func (a *App) startWorker(s *shift, h *hand) {
	ctx, stop := context.WithCancelCause(s.ctx)
	done := make(chan struct{})
	h.stop, h.done = stop, done
	c := s.config
	c.Index = h.index
	if a.board != nil {
		c.Measure = a.board.Slot(h.index)
	}
	c.OnState = func(state worker.State) {
		if !errors.Is(context.Cause(ctx), worker.ErrRemoved) {
			a.states.worker(c.Index, state)
		}
	}
	s.wg.Go(func() {
		defer close(done)
		defer stop(nil)
		if err := a.keepWorker(ctx, s, c, h); err != nil {
			s.end(err)
		}
	})
}

// end waits for the workers of a shift that has ended. Nobody joins in any more.
func (c *crew) end(s *shift) {
	c.mu.Lock()
	c.shift = nil
	c.mu.Unlock()
	s.wg.Wait()
}

// workers returns the workers that there are, by index.
func (c *crew) workers() map[int]*worker.Worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[int]*worker.Worker)
	for i, h := range c.hands {
		if w := h.worker.Load(); w != nil && c.shift != nil {
			all[i] = w
		}
	}
	return all
}

// wake lets all workers look at what has changed.
func (c *crew) wake() {
	for _, w := range c.workers() {
		w.Wake()
	}
}

// AddWorker adds a goroutine that runs tasks. The group gives it some of them
// with its next rebalance, which this starts. The error is [ErrNotRunning] before
// and after [App.Run] (KIP-663).
func (a *App) AddWorker() error {
	c := a.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shift == nil || c.shift.ctx.Err() != nil {
		return fmt.Errorf("worker can't be added: %w", ErrNotRunning)
	}
	index := 1
	for ; c.hands[index] != nil || !c.free(index); index++ {
	}
	if index > maxWorkers {
		return fmt.Errorf("worker can't be added: there are %d", len(c.hands))
	}
	h := &hand{index: index}
	c.hands[index] = h
	a.states.add(index)
	a.log.Info("worker is added", "worker", index)
	a.startWorker(c.shift, h)
	return nil
}

// free says that nobody works under an index that was given up. Its names in the
// group and of its transactions are still taken before.
func (c *crew) free(index int) bool {
	h := c.leaving[index]
	if h == nil {
		return true
	}
	select {
	case <-h.done:
		delete(c.leaving, index)
		return true
	default:
		return false
	}
}

// RemoveWorker removes the worker that was added last: it commits, gives its
// tasks up and leaves the group. RemoveWorker waits for that until ctx ends; the
// worker goes in any case. An app without workers stays a running one, without
// tasks. Code that runs within the worker must not wait for it. The error is
// [ErrNotRunning] before and after [App.Run], and if there is no worker (KIP-663).
func (a *App) RemoveWorker(ctx context.Context) error {
	done, err := a.dismiss()
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("worker is still at it: %w", ctx.Err())
	}
}

func (a *App) dismiss() (<-chan struct{}, error) {
	c := a.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shift == nil || c.shift.ctx.Err() != nil || len(c.hands) == 0 {
		return nil, fmt.Errorf("worker can't be removed: %w", ErrNotRunning)
	}
	index := 0
	for i := range c.hands {
		index = max(index, i)
	}
	h := c.hands[index]
	delete(c.hands, index)
	c.leaving[index] = h
	h.stop(worker.ErrRemoved)
	a.states.remove(index)
	a.log.Info("worker is removed", "worker", index)
	return h.done, nil
}
