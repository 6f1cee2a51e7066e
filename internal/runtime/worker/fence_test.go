package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
)

// member returns a worker that is only a member of its group, under its
// instance id, and does not send heartbeats by itself.
func member(t *testing.T) (*Worker, *kfake.Cluster) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	dir, err := statedir.Open(t.TempDir(), "app")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	b := graph.NewBuilder()
	b.Add(&graph.Node{Name: "in", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{{Name: "in"}}}})
	top, mistakes := b.Build()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	w := &Worker{c: Config{App: "app", Index: 1, SessionTimeout: time.Minute, Dir: dir}, layout: newLayout(top, "app", nil), log: slog.New(slog.DiscardHandler)}
	joined := make(chan struct{}, 8)
	w.consumer, err = kgo.NewClient(
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumerGroup("app"), kgo.ConsumeTopics("in"), kgo.InstanceID(w.instanceID()),
		kgo.SessionTimeout(time.Minute), kgo.HeartbeatInterval(50*time.Second), kgo.RequestRetries(0),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined <- struct{}{} }),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.consumer.Close)
	select {
	case <-joined:
	case <-time.After(30 * time.Second):
		t.Fatal("the group was not joined")
	}
	return w, cluster
}

// A worker that did not hear of the group for half a session asks it, and takes
// only the group's word for its membership.
func TestProve(t *testing.T) {
	w, cluster := member(t)
	var (
		answer atomic.Pointer[kerr.Error]
		asked  atomic.Bool
	)
	cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		h := req.(*kmsg.HeartbeatRequest)
		asked.Store(h.Group == "app" && h.InstanceID != nil && *h.InstanceID == w.instanceID())
		err := answer.Load()
		if err == nil {
			return nil, nil, false
		}
		resp := h.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = err.Code
		return resp, nil, true
	})
	long := func() time.Time { return time.Now().Add(-w.proof()) }
	for _, test := range []struct {
		name   string
		proven time.Time
		answer *kerr.Error
		asks   bool
		want   error
		passes bool
	}{
		{name: "heard of it", proven: time.Now(), answer: kerr.UnknownMemberID, passes: true},
		{name: "member", proven: long(), asks: true, passes: true},
		{name: "never heard of it", asks: true, passes: true},
		{name: "rebalance", proven: long(), answer: kerr.RebalanceInProgress, asks: true, passes: true},
		{name: "stranger", proven: long(), answer: kerr.UnknownMemberID, asks: true, want: errFenced},
		{name: "another has the instance id", proven: long(), answer: kerr.FencedInstanceID, asks: true, want: errFenced},
		{name: "generation went on", proven: long(), answer: kerr.IllegalGeneration, asks: true, want: errFenced},
		{name: "coordinator is away", proven: long(), answer: kerr.CoordinatorNotAvailable, asks: true, want: errNotNow},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer.Store(test.answer)
			asked.Store(false)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			w.proven = test.proven
			began := time.Now()
			if err := w.prove(ctx); test.passes != (err == nil) || !errors.Is(err, test.want) {
				t.Errorf("answer %v, want %v", err, test.want)
			}
			if asked.Load() != test.asks {
				t.Errorf("asked: %v, want %v", asked.Load(), test.asks)
			}
			if moved := !w.proven.Before(began); moved != (test.asks && test.passes) {
				t.Errorf("the proof is of %s", w.proven)
			}
		})
	}
}
