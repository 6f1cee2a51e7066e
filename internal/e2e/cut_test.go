package e2e

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/e2e/readback"
	"github.com/ottla-streams/ottla/stream"
)

// cut lets the new leader of the only partition say that its log ends at an offset.
func cut(c *kfake.Cluster, topic string, at int64) {
	var told atomic.Bool
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if told.Swap(true) {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		t, p := kmsg.NewOffsetForLeaderEpochResponseTopic(), kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		t.Topic, p.LeaderEpoch, p.EndOffset = topic, 0, at
		t.Partitions = append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
		return resp, nil, true
	})
}

// A log that lost its end to another leader is read again from where it was cut,
// or from the last commit before that: the records that are there now may be
// others. Exactly once, what an open transaction had of them is dropped.
func TestCutLog(t *testing.T) {
	for _, c := range []struct {
		name      string
		guarantee stream.Guarantee
		interval  time.Duration
		saw, out  int
	}{
		{"behind the last commit", stream.ExactlyOnce, 8 * time.Second, 20, 10},
		{"before the last commit", stream.AtLeastOnce, 20 * time.Millisecond, 14, 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster, s := fake(t, 1)
			var records []*kgo.Record
			for i := range int64(10) {
				records = append(records, at(i, fmt.Sprint(i)))
			}
			put(t, s.Brokers, s.In, records...)
			var saw seen
			stop := runTopology(t, s, func(b *stream.Builder) {
				b.Stream(in(s.In)).Peek(saw.add).To(in(s.Out))
			}, func(cfg *stream.Config) { cfg.Guarantee, cfg.CommitInterval = c.guarantee, c.interval })
			saw.await(t, 10*time.Second, 10)
			time.Sleep(200 * time.Millisecond) // a commit, if it is time
			cut(cluster, s.In, 6)
			if err := cluster.MoveTopicPartition(s.In, 0, 1-cluster.LeaderFor(s.In, 0)); err != nil {
				t.Fatal(err)
			}
			saw.await(t, 20*time.Second, c.saw)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			var out []string
			readback.Committed(t, []string{s.Brokers}, s.Out, func(r *kgo.Record) { out = append(out, string(r.Value)) })
			want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "6", "7", "8", "9"}[:c.out]
			if !slices.Equal(out, want) || len(saw.list()) != c.saw {
				t.Errorf("saw %v, wrote %v, want %v", saw.list(), out, want)
			}
		})
	}
}
