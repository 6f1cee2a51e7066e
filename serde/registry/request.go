package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// try calls ask until it succeeds, fails for good, or time is up. Each try
// begins with another address.
func (o *core) try(ctx context.Context, op string, ask func(context.Context, *sr.Client) error) error {
	if o.err != nil {
		return o.err
	}
	bounded, cancel := o.bounded(ctx)
	defer cancel()
	err := o.tryUntil(bounded, op, ask)
	if err != nil && o.life.Err() != nil {
		return &Error{Op: op, kind: ErrClosed}
	}
	return err
}

func (o *core) tryUntil(ctx context.Context, op string, ask func(context.Context, *sr.Client) error) error {
	pause := firstBackoff
	for n := 0; ; n++ {
		err := o.once(ctx, op, o.clients[n%len(o.clients)], ask)
		if err == nil {
			if n > 0 {
				o.log.Info("schema registry is back", "for", op, "tries", n+1)
			}
			return nil
		}
		if !retriable(err) || o.wait < 0 {
			return err
		}
		if n == 0 {
			o.log.Warn("schema registry is away, trying again", "for", op, "wait", o.wait, "error", err)
		}
		// Those that wait must not come back all at once.
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return err
		}
		pause = min(2*pause, lastBackoff)
	}
}

// once asks once, for a limited time.
func (o *core) once(ctx context.Context, op string, cl *sr.Client, ask func(context.Context, *sr.Client) error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	one, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	if err := ask(one, cl); err != nil {
		return o.newError(op, err)
	}
	return nil
}

// bounded returns ctx that also ends after the configured wait and with the
// Registry.
func (o *core) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(o.life, cancel)
	if o.wait <= 0 {
		return ctx, func() { stop(); cancel() }
	}
	ctx, expire := context.WithTimeout(ctx, o.wait)
	return ctx, func() { expire(); stop(); cancel() }
}

// sleep says whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
