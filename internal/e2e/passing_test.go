package e2e

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// goesOn checks that an app works on for a while, and then that it still does.
func goesOn(t *testing.T, s spec, ended <-chan error, d time.Duration, l *load) {
	t.Helper()
	select {
	case err := <-ended:
		t.Fatalf("the app ended: %v", err)
	case <-time.After(d):
	}
	l.send(50)
	s.until(t, l.total())
}

// A broker that does not know of a changelog for a moment does not end the app.
// One that is gone does, by name: what is local can't be made good again.
func TestChangelogUnknownForAMoment(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 2)
	l := newLoad(t, s.Brokers, s.In)
	l.send(50)
	ended := goRun(t, newApp(t, s, nil, func(c *stream.Config) {
		c.MissingTopicsGrace, c.TopicCheckInterval = 6*time.Second, 200*time.Millisecond
	}))
	s.until(t, 50)
	const changelog = "app-counts-changelog"
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: changelog, Err: kerr.UnknownTopicOrPartition, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	h.Remove()
	goesOn(t, s, ended, 7*time.Second, l)
	if err := c.DeleteTopic(changelog); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), changelog) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the app goes on without its changelog")
	}
}

// A refused output whose task is gone by the time that is known harms nobody: the
// next owner makes it again, and asks the policy.
func TestRefusedAfterLoss(t *testing.T) {
	t.Parallel()
	m := &mishap{t: t, stage: "refused", verdict: stream.Park}
	m.cluster, m.s = fake(t, 1)
	m.s.Interval = 2 * time.Second
	policy := stream.ErrorPolicy{Decode: m.judge, Process: m.judge, Produce: m.judge}
	app := newApp(t, m.s, m.build, func(c *stream.Config) { c.OnError = policy })
	ended := goRun(t, app)
	m.put(0, "a0")
	eventually(t, "the first record is committed", 10*time.Second, func() bool { return m.committed(0) == 1 })
	m.breakIt()
	m.put(0, "bad")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := m.fault.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	join := m.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, TopLevel: true, Count: -1})
	lost := m.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true})
	if err := lost.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the app ended: %v", err)
	case <-time.After(3 * time.Second):
	}
	join.Remove()
	eventually(t, "the policy is asked", 20*time.Second, func() bool { return m.asked.Load() != nil })
	m.heal()
	eventually(t, "the record is committed", 20*time.Second, func() bool { return m.committed(0) == 2 })
}

// Exactly once, the group is asked too about what punctuations alone did: who
// was away for longer than a session may have lost the task.
func TestPunctuationIsFenced(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 1)
	s.Guarantee = stream.ExactlyOnce
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: -1})
	stop := runTopology(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).Process(func() *ticker { return &ticker{} }).To(in(s.Out))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.Wait(ctx, 3); err != nil {
		t.Errorf("the group was not asked: %v", err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.ConsumeTopics(s.Out), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	soon, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	if n := cl.PollFetches(soon).NumRecords(); n > 0 {
		t.Errorf("%d records of a worker that the group does not know are committed", n)
	}
	h.Remove()
	collectUntil(t, s.Brokers, s.Out, 20*time.Second, func(c *counted) bool { return len(c.ids) >= 2 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// CloseTimeout is for the whole stop, the last commit and leaving the group, when
// the brokers are away.
func TestStopWithoutBrokers(t *testing.T) {
	t.Parallel()
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 2)
			s.Guarantee, s.Interval = g, time.Minute
			var w wire
			var away atomic.Bool
			t.Cleanup(w.cut)
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				if away.Load() {
					// No answer at all, for as long as a dialer waits. Nothing cuts that short.
					ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
					defer cancel()
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return w.dial(ctx, network, addr)
			}
			const limit = 6 * time.Second
			app := newApp(t, s, nil, func(c *stream.Config) {
				c.CloseTimeout, c.TransactionTimeout = limit, 2*time.Minute
				c.Client = []kgo.Opt{kgo.Dialer(dial)}
			})
			ended := goRun(t, app)
			l := newLoad(t, s.Brokers, s.In)
			l.send(50)
			eventually(t, "all is processed", 20*time.Second, func() bool {
				n := int64(0)
				for _, task := range app.Tasks() {
					for _, i := range task.Inputs {
						if i.Topic == s.In {
							n += i.Position
						}
					}
				}
				return n >= 50
			})
			away.Store(true)
			w.cut()
			began := time.Now()
			if err := app.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > limit+4*time.Second {
				t.Errorf("the stop took %s, want %s and little more", took, limit)
			} else {
				t.Logf("the stop took %s", took)
			}
			<-ended
		})
	}
}

// A topic that was unknown when its task was lost is not missing: nobody asks for
// it until the task is back.
func TestTopicUnknownOfLostTask(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 1)
	l := newLoad(t, s.Brokers, s.In)
	l.send(50)
	ended := goRun(t, newApp(t, s, nil, func(c *stream.Config) { c.MissingTopicsGrace = 10 * time.Second }))
	s.until(t, 50)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	unknown := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.UnknownTopicOrPartition, Count: -1})
	if err := unknown.Wait(ctx, 14); err != nil {
		t.Fatal(err)
	}
	join := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, TopLevel: true, Count: -1})
	lost := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true})
	if err := lost.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	unknown.Remove()
	select {
	case err := <-ended:
		t.Fatalf("the app ended: %v", err)
	case <-time.After(11 * time.Second):
	}
	join.Remove()
	goesOn(t, s, ended, 0, l)
}

// Brokers that can't tell the partitions of an output for a moment are asked
// again: it is no error of the record whose partition is to be chosen.
func TestPartitionsUnknownForAMoment(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 2)
	asked := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Observe: true, Count: -1})
	ended := goRun(t, newApp(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).To(in(s.Out).PartitionBy(func(_ topology.Record[string, string], n int) ([]int32, bool) {
			return []int32{int32(n - 1)}, true
		}))
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := asked.Wait(ctx, 1); err != nil { // outputs were looked at before
		t.Fatal(err)
	}
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: s.Out, Err: kerr.LeaderNotAvailable, Count: 3})
	put(t, s.Brokers, s.In, at(1, "v"))
	if err := h.Wait(ctx, 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record is where it was sent to", 10*time.Second, func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the app ended: %v", err)
		default:
		}
		return c.PartitionInfo(s.Out, 1).HighWatermark == 1
	})
}
