package e2e

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// A worker whose user code stood still for long does not write its changelog
// before the group has said that it still is a member: others may have written
// newer values there (at least once, where nothing else stops it).
func TestChangelogFence(t *testing.T) {
	t.Parallel()
	cluster, s := fake(t, 1)
	stuck, entered := make(chan struct{}), make(chan struct{}, 1)
	var armed atomic.Bool
	var log appLog
	build := func(b *stream.Builder) {
		b.Stream(in(s.In)).Filter(func(_, v string) bool {
			if v == "slow" && armed.CompareAndSwap(true, false) {
				entered <- struct{}{}
				<-stuck
			}
			return true
		}).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64)).To(topology.NewTopic(s.Out, serde.String, serde.Int64))
	}
	session := 6 * time.Second
	goRun(t, newApp(t, s, build, log.set, func(c *stream.Config) { c.SessionTimeout = session }))
	logged := func() int64 {
		sum := int64(0)
		for _, p := range cluster.PartitionInfos("app-counts-changelog") {
			sum += p.HighWatermark
		}
		return sum
	}
	put(t, s.Brokers, s.In, at(1, "quick"))
	eventually(t, "the first change is logged", 30*time.Second, func() bool { return logged() == 1 })

	armed.Store(true)
	put(t, s.Brokers, s.In, at(2, "slow"))
	<-entered
	time.Sleep(session/2 + 100*time.Millisecond) // while it is not said to be a member
	h := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true, Count: -1})
	close(stuck)
	eventually(t, "the commit is refused", 30*time.Second, func() bool { return log.has("commit came too late") })
	if n := logged(); n != 1 {
		t.Errorf("the changelog has %d records: a worker that may be a stranger wrote to it", n)
	}
	h.Remove()
	eventually(t, "the record is counted by the member that it is again", 30*time.Second, func() bool { return logged() == 2 })
}
