package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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

// settled waits until the group has so many members and has not rebalanced for a
// while. A rebalance that an outage cuts off may end without a member.
func settled(t *testing.T, s spec, members int) {
	t.Helper()
	since := time.Now()
	for end := since.Add(30 * time.Second); time.Since(since) < 500*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the group does not settle")
		}
		admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
			got, err := adm.DescribeGroups(ctx, s.App)
			if g := got[s.App]; g.State != "Stable" || len(g.Members) != members {
				since = time.Now()
			}
			return err
		})
	}
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
				settled(t, s, 2)
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

// Without a limit an app waits for its brokers; with one it ends and says so,
// wherever it is at: in the middle of its work, or before it met any broker.
func TestOutageTimeout(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		for _, first := range []bool{false, true} {
			name := g.String() + "/later"
			if first {
				name = g.String() + "/at the start"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, s := fake(t, 2)
				s.Guarantee = g
				var o outage
				o.away.Store(first)
				t.Cleanup(o.wire.cut)
				ended := goRun(t, newApp(t, s, nil, func(c *stream.Config) {
					c.OutageTimeout, c.CloseTimeout = c.SessionTimeout, time.Second
					c.Client = []kgo.Opt{kgo.Dialer(o.dial)}
				}))
				if !first {
					l := newLoad(t, s.Brokers, s.In)
					l.send(100)
					s.until(t, 100)
					l.send(10)
					o.away.Store(true)
					o.wire.cut()
				}
				select {
				case err := <-ended:
					if !errors.Is(err, stream.ErrBrokersAway) {
						t.Errorf("ended with %v", err)
					}
				case <-time.After(60 * time.Second):
					t.Error("it goes on")
				}
			})
		}
	}
}
