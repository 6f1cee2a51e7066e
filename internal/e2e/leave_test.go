package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// members counts who is in a group.
func members(t *testing.T, addr, group string) int {
	t.Helper()
	n := 0
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		groups, err := adm.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		n = len(groups[group].Members)
		return groups[group].Err
	})
	return n
}

// runs returns a channel that gets each time that an app runs.
func runs(c *stream.Config) <-chan struct{} {
	running := make(chan struct{}, 100)
	c.StateListener = func(_, to stream.State) {
		if to == stream.Running {
			running <- struct{}{}
		}
	}
	return running
}

func await(t *testing.T, what string, within time.Duration, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(within):
		t.Fatalf("%s: not within %s", what, within)
	}
}

// everywhere runs a test on a fake cluster and on Kafka, under both guarantees.
func everywhere(t *testing.T, partitions int32, test func(t *testing.T, s spec)) {
	if os.Getenv("OTTLA_INTEGRATION") == "" {
		t.Parallel()
	}
	on(t, "fake", partitions, test)
	on(t, "kafka", partitions, test)
}

// on runs a test on a cluster of a kind under both guarantees.
func on(t *testing.T, where string, partitions int32, test func(t *testing.T, s spec)) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(where+"/"+g.String(), func(t *testing.T) {
			var s spec
			if where == "fake" {
				t.Parallel()
				_, s = fake(t, partitions)
			} else {
				s = names(t, broker.Start(t), partitions)
				s.StateDir = t.TempDir()
			}
			s.Guarantee = g
			test(t, s)
		})
	}
}

// A clean stop takes all workers out of the group at once, whatever they are
// at, and the next start need not wait for anybody (fault 3, and 42 for stops in
// the middle of a rebalance).
func TestLeave(t *testing.T) {
	everywhere(t, 6, func(t *testing.T, s spec) {
		s.Workers = 2
		l := newLoad(t, s.Brokers, s.In)
		l.run(200)
		ms := time.Millisecond
		for i, after := range []time.Duration{time.Second, 0, 20 * ms, 100 * ms, 300 * ms, 50 * ms, 150 * ms, 200 * ms, time.Second, 30 * ms} {
			began := time.Now()
			var running <-chan struct{}
			stop := run(t, s, func(c *stream.Config) {
				c.SessionTimeout = 30 * time.Second
				running = runs(c)
			})
			if i%2 == 0 {
				await(t, "running again", 20*time.Second, running)
			}
			ready := time.Since(began)
			time.Sleep(after)
			began = time.Now()
			stop()
			t.Logf("ready after %s, stopped after another %s within %s", ready, after, time.Since(began))
			if n := members(t, s.Brokers, s.App); n > 0 {
				t.Errorf("stop after %s: %d members are left in the group", after, n)
			}
		}
		n := l.halt()
		stop := run(t, s)
		s.until(t, n).check(t, s.Guarantee, n)
		stop()
	})
}

// With StayInGroup an instance that is back in time goes on with its tasks, and
// others never get them. The fake cluster rebalances when a static member comes
// back, so that this needs a real one.
func TestStayInGroup(t *testing.T) {
	on(t, "kafka", 4, func(t *testing.T, s spec) {
		l := newLoad(t, s.Brokers, s.In)
		l.run(200)
		stay := func(c *stream.Config) { c.StayInGroup, c.SessionTimeout = true, 20*time.Second }
		var running, others <-chan struct{}
		stopA := run(t, s, stay, func(c *stream.Config) { running = runs(c) })
		await(t, "first instance runs", 20*time.Second, running)
		other := s
		other.StateDir = t.TempDir()
		stopB := run(t, other, func(c *stream.Config) { c.SessionTimeout = 20 * time.Second; others = runs(c) })
		await(t, "second instance runs", 20*time.Second, others)
		time.Sleep(5 * time.Second) // a heartbeat or two: they have settled
		for len(others) > 0 {
			<-others
		}
		stopA()
		if n := members(t, s.Brokers, s.App); n != 2 {
			t.Errorf("%d members in the group, want the one that stopped to stay", n)
		}
		stopA = run(t, s, stay, func(c *stream.Config) { running = runs(c) })
		await(t, "first instance is back", 10*time.Second, running)
		n := l.halt()
		s.until(t, n).check(t, s.Guarantee, n)
		if len(others) > 0 {
			t.Error("the other instance was rebalanced")
		}
		stopA()
		stopB()
	})
}
