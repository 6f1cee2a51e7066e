package e2e

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/stream"
)

// outage takes all brokers away from an app and brings them back.
type outage struct {
	wire wire
	away atomic.Bool
}

func (o *outage) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if o.away.Load() {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return o.wire.dial(ctx, network, addr)
}

func (o *outage) last(d time.Duration) {
	o.away.Store(true)
	o.wire.cut()
	time.Sleep(d)
	o.away.Store(false)
}

// Brokers that are away for less than a session leave no trace, at least once
// too: nothing crashed, so nothing has to come twice. The client gives its
// membership up within a second, and the tasks have sent what is not committed.
func TestOutage(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 4)
			s.Guarantee, s.Workers, s.Interval = g, 2, 2*time.Second
			var o outage
			l := newLoad(t, s.Brokers, s.In)
			stop := run(t, s, func(c *stream.Config) {
				c.SessionTimeout, c.TransactionTimeout = 30*time.Second, 30*time.Second
				c.Client = []kgo.Opt{kgo.Dialer(o.dial)}
			})
			t.Cleanup(o.wire.cut)
			l.send(100)
			all := func(got *counted) bool { return len(got.ids) >= l.total() }
			collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
			for range 2 {
				l.run(400)
				time.Sleep(700 * time.Millisecond)
				o.last(5 * time.Second) // longer than between two heartbeats
				l.halt()
				collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
			}
			stop()
			got := collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
			got.check(t, stream.ExactlyOnce, l.total())
		})
	}
}
