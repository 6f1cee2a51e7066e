package stream

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/topology"
)

// heartbeats are those of one member in one generation.
type heartbeats struct {
	member     string
	generation int32
}

// A member whose tasks are still another one's asks the group often, and so joins as
// soon as they are free. The client alone asks each half second.
func TestWaitingMemberListens(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var mu sync.Mutex
	seen := make(map[heartbeats][]time.Time)
	c.ControlKey(int16(kmsg.Heartbeat), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.HeartbeatRequest)
		mu.Lock()
		defer mu.Unlock()
		by := heartbeats{req.MemberID, req.Generation}
		seen[by] = append(seen[by], time.Now())
		return nil, nil, false
	})
	var gate sync.RWMutex // who is in the topology waits at it
	b := NewBuilder()
	in, out := topology.NewTopic("in", serde.String, serde.String), topology.NewTopic("out", serde.String, serde.String)
	b.Stream(in).MapValues(func(v string) string {
		gate.RLock()
		defer gate.RUnlock()
		return v
	}).To(out)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	addrs, config := c.ListenAddrs(), Config{ID: "app", CommitInterval: 20 * time.Millisecond}
	f := newFeeder(t, addrs)
	f.feed(10)
	first := startPod(t, addrs, top, config)
	first.await("all records", f.committed)
	gate.Lock()
	open := sync.OnceFunc(gate.Unlock)
	defer open()
	f.feed(10)
	second := startPod(t, addrs, top, config)
	second.await("eight heartbeats in less than the client's five", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, at := range seen {
			if len(at) >= 8 && at[7].Sub(at[0]) < 5*500*time.Millisecond {
				return true
			}
		}
		return false
	})
	open()
	second.await("one of two tasks", second.has(1, 0))
	first.await("all records", f.committed)
}
