package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrBrokersAway is wrapped by the error of an app whose brokers were away for
// longer than Config.OutageTimeout.
var ErrBrokersAway = errors.New("brokers are away")

// watched is run, with an eye on the brokers if there is a limit to their absence.
func (a *App) watched(ctx context.Context) error {
	limit := a.c.OutageTimeout
	if limit == 0 {
		return a.run(ctx)
	}
	watched, end := context.WithCancelCause(ctx)
	var answers answers
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if answers.stayAway(watched, limit) {
			a.log.Error("app stops: brokers are away", "limit", limit)
			a.states.set(PendingError)
			end(fmt.Errorf("%w: no answer for %s", ErrBrokersAway, limit))
		}
	}()
	err := a.run(watched, kgo.WithHooks(&answers))
	end(nil)
	<-gone
	if cause := context.Cause(watched); errors.Is(cause, ErrBrokersAway) {
		return cause
	}
	return err
}

// answers counts those of all brokers to all clients. A member of a group hears
// of its brokers several times in a session, even if it has nothing to do.
type answers struct{ n atomic.Int64 }

// OnBrokerRead implements kgo.HookBrokerRead.
func (a *answers) OnBrokerRead(_ kgo.BrokerMetadata, _ int16, _ int, _, _ time.Duration, err error) {
	if err == nil {
		a.n.Add(1)
	}
}

// stayAway waits until there was no answer for limit, or ctx ends. Time counts
// in small portions: a process that stood still did not listen.
func (a *answers) stayAway(ctx context.Context, limit time.Duration) bool {
	const portions = 20
	tick := time.NewTicker(limit / portions)
	defer tick.Stop()
	for last, silent := int64(0), 0; silent < portions; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		if n := a.n.Load(); n != last {
			last, silent = n, 0
		} else {
			silent++
		}
	}
	return true
}
