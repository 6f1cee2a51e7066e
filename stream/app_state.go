package stream

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// State is where an [App] is in its life.
type State uint8

// The states of an App.
const (
	Created         State = iota
	Rebalancing           // tasks are taken over, or their stores restored
	Running               // all tasks work
	PendingShutdown       // it was told to stop
	NotRunning            // it stopped
	PendingError          // it stops because of an error
	Failed                // it stopped because of an error
)

func (s State) String() string {
	return [...]string{"created", "rebalancing", "running", "pending shutdown", "not running", "pending error", "error"}[s]
}

// states keeps the state of an app, made of those of its workers.
type states struct {
	now  atomic.Uint32
	tell func(from, to State)

	mu      sync.Mutex      // held while the listener runs, so that it is told in order
	life    context.Context // of the app; nil before it runs
	workers map[int]worker.State
}

func newStates(workers int, tell func(from, to State)) *states {
	s := &states{tell: tell, workers: make(map[int]worker.State, workers)}
	for i := range workers {
		s.workers[i+1] = worker.Starting
	}
	return s
}

func (s *states) get() State { return State(s.now.Load()) }

// begin says when the app is told to stop.
func (s *states) begin(life context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = life
}

// set goes on to a state. There is no way back from stopping.
func (s *states) set(to State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(to)
}

func (s *states) change(to State) {
	from := s.get()
	if from == to || from > to && from > Running {
		return
	}
	s.now.Store(uint32(to))
	if s.tell != nil {
		s.tell(from, to)
	}
}

// add makes a place for a worker that is about to start.
func (s *states) add(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers[index] = worker.Starting
	s.sum()
}

// worker notes the state of a worker, unless it was removed.
func (s *states) worker(index int, state worker.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.workers[index]; ok {
		s.workers[index] = state
		s.sum()
	}
}

// remove forgets a worker.
func (s *states) remove(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.workers, index)
	s.sum()
}

func (s *states) sum() {
	if s.get() > Running {
		return
	}
	if s.life != nil && s.life.Err() != nil { // a worker may stop before anybody said why
		s.change(PendingShutdown)
		return
	}
	to := Running
	for _, w := range s.workers {
		if w != worker.Running {
			to = Rebalancing
		}
	}
	s.change(to)
}
