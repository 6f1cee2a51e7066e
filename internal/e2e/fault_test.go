package e2e

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/stream"
)

// fake is a cluster in this process, with the topics of a spec. Its tests are
// quick ones: they run without a broker, and not again with one, but for those
// that only make soak runs.
func fake(t *testing.T, partitions int32) (*kfake.Cluster, spec) {
	t.Helper()
	if os.Getenv("OTTLA_INTEGRATION") != "" && os.Getenv("OTTLA_SOAK") == "" {
		t.Skip("one of the quick tests")
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(partitions, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, spec{App: "app", Brokers: c.ListenAddrs()[0], In: "in", Out: "out", Workers: 1, Interval: 50 * time.Millisecond, StateDir: t.TempDir()}
}

// run runs an app in this process. stop ends it and checks that it ended well.
func run(t *testing.T, s spec, set ...func(*stream.Config)) (stop func()) {
	t.Helper()
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	end := runBuilt(t, s, top, set...)
	stop = sync.OnceFunc(func() {
		if err := end(); err != nil {
			t.Errorf("app ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Nothing is left behind by an app.
func TestNoLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		c, s := fake(t, 2)
		s.Guarantee, s.Workers = g, 3
		l := newLoad(t, s.Brokers, s.In)
		stop := run(t, s)
		l.send(100)
		collectUntil(t, s.Brokers, s.Out, 30*time.Second, func(got *counted) bool { return len(got.ids) >= 100 })
		stop()
		// What tasks have read of their repartition topics is deleted.
		purged := int64(0)
		for _, p := range c.PartitionInfos("app-counts-repartition") {
			purged += p.LogStartOffset
		}
		if purged == 0 {
			t.Error("nothing was purged")
		}
	}
}

// An input topic that is deleted while the app runs is missed, by name.
func TestDeletedInput(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 2)
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.config(testLog(t))
	cfg.MissingTopicsGrace, cfg.TopicCheckInterval = time.Second, time.Second
	app, err := stream.NewApp(top, cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := newLoad(t, s.Brokers, s.In)
	l.send(100)
	time.AfterFunc(2*time.Second, func() {
		if err := c.DeleteTopic(s.In); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	if err := app.Run(ctx); err == nil || !strings.Contains(err.Error(), s.In) {
		t.Errorf("run: %v", err)
	} else {
		t.Log(err)
	}
}

// An input that a broker did not know for a moment is not a missing one, though
// nothing new comes of it.
func TestUnknownForAMoment(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 1)
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).ForEach(saw.add) },
		func(cfg *stream.Config) { cfg.MissingTopicsGrace = 6 * time.Second })
	put(t, s.Brokers, s.In, at(1, "a"))
	saw.await(t, 10*time.Second, 1)
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: s.In, Err: kerr.UnknownTopicOrPartition, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.Wait(ctx, 7); err != nil { // it is told after five
		t.Fatal(err)
	}
	h.Remove()
	time.Sleep(7 * time.Second)
	put(t, s.Brokers, s.In, at(2, "b"))
	saw.await(t, 10*time.Second, 2)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A broker that has no name for its error when it is asked where inputs begin is
// asked again.
func TestBeginsAfterUnknownError(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 1)
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: s.In, Count: 2})
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).ForEach(saw.add) })
	put(t, s.Brokers, s.In, at(1, "a"))
	saw.await(t, 10*time.Second, 1)
	if err := stop(); err != nil || h.Hits() == 0 {
		t.Errorf("%d errors, ended with %v", h.Hits(), err)
	}
}

// A fault of the brokers in the middle of the load passes without a trace.
func TestFaults(t *testing.T) {
	for _, f := range []struct {
		name  string
		fault kfake.Fault
		eos   bool // only with transactions
		alo   bool // only without
	}{
		{name: "commit in a rebalance", alo: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: 5}},
		{name: "commit of a generation that went on", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 3}},
		{name: "commit as a stranger", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 3}},
		{name: "commit to a coordinator that moved", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.NotCoordinator, Count: 3}},
		{name: "commit answered without a name for the error", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Count: 3}},
		{name: "membership lost", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true}},
		{name: "rebalance", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress, TopLevel: true, Count: 2}},
		{name: "produce to the wrong leader", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.NotLeaderForPartition, Count: 5}},
		{name: "produce timed out but done", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.RequestTimedOut, Count: 5}},
		{name: "fetch from the wrong leader", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 5}},
		{name: "offsets not stable", fault: kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 2}},
		{name: "end of transaction not answered well", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, TopLevel: true}},
		{name: "end of transaction timed out", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.RequestTimedOut, TopLevel: true}},
		{name: "end of transaction fenced", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, TopLevel: true}},
		{name: "producer fenced", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.ProducerFenced, Count: 2}},
		{name: "epoch too old", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.InvalidProducerEpoch, Count: 2}},
		{name: "transaction to abort", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: kerr.TransactionAbortable, Count: 2}},
		{name: "offsets of a fenced producer", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.InvalidProducerEpoch}},
		{name: "transactions at the same time", eos: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.AddPartitionsToTxn}, Err: kerr.ConcurrentTransactions, TopLevel: true, Count: 3}},
	} {
		for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
			if f.eos && g != stream.ExactlyOnce || f.alo && g == stream.ExactlyOnce {
				continue
			}
			t.Run(f.name+"/"+g.String(), func(t *testing.T) {
				t.Parallel()
				c, s := fake(t, 3)
				s.Guarantee = g
				l := newLoad(t, s.Brokers, s.In)
				stop := run(t, s)
				l.send(200)
				all := func(got *counted) bool { return len(got.ids) >= l.total() }
				collectUntil(t, s.Brokers, s.Out, 30*time.Second, all)
				h := c.Fault(f.fault)
				for range 10 {
					l.send(50)
					time.Sleep(20 * time.Millisecond)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if f.name != "offsets not stable" { // which takes a rebalance
					if err := h.Wait(ctx, 1); err != nil {
						t.Errorf("the fault did not happen: %v", err)
					}
				}
				l.send(100)
				got := collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
				stop()
				got.check(t, g, l.total())
			})
		}
	}
}
