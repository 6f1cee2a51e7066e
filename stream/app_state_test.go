package stream

import (
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// What a removed worker had to say just when it was removed does not count: no
// later word of it would take that back.
func TestStateOfRemovedWorker(t *testing.T) {
	s := newStates(2, nil)
	s.worker(1, worker.Running)
	s.worker(2, worker.Running)
	s.remove(2)
	s.worker(2, worker.Rebalancing)
	if got := s.get(); got != Running {
		t.Errorf("the app is %s", got)
	}
	s.add(2)
	if got := s.get(); got != Rebalancing {
		t.Errorf("with a new worker the app is %s", got)
	}
	s.worker(2, worker.Running)
	if got := s.get(); got != Running {
		t.Errorf("with a new worker that runs the app is %s", got)
	}
}
