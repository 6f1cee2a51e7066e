package stream

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

func TestStayAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Minute
		var a answers
		ctx, cancel := context.WithCancel(t.Context())
		began, ended := time.Now(), make(chan bool, 2)
		go func() { ended <- a.stayAway(ctx, limit) }()
		for range 5 { // answers that come now and then
			time.Sleep(limit - 5*time.Second)
			a.OnBrokerRead(kgo.BrokerMetadata{}, 0, 1, 0, 0, nil)
		}
		heard := time.Now()
		time.Sleep(limit / 2)
		a.OnBrokerRead(kgo.BrokerMetadata{}, 0, 0, 0, 0, errors.New("no answer"))
		if !<-ended {
			t.Error("it did not end by itself")
		}
		if away := time.Since(heard); away < limit-limit/20 || away > limit+limit/20 {
			t.Errorf("away for %s, and %s in all, want %s", away, time.Since(began), limit)
		}
		go func() { ended <- a.stayAway(ctx, limit) }()
		time.Sleep(limit / 2)
		cancel()
		if <-ended {
			t.Error("brokers are away although the app was stopped")
		}
	})
}

// A worker that stops because the app was told to does not make it rebalance.
func TestStatesAtStop(t *testing.T) {
	var told []State
	s := newStates(2, func(_, to State) { told = append(told, to) })
	ctx, cancel := context.WithCancel(t.Context())
	s.begin(ctx)
	s.set(Rebalancing)
	s.worker(1, worker.Running)
	s.worker(2, worker.Running)
	cancel()
	s.worker(1, worker.Stopped)
	s.worker(2, worker.Stopped)
	s.set(NotRunning)
	if want := []State{Rebalancing, Running, PendingShutdown, NotRunning}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
