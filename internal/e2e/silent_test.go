package e2e

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// The end of an input was compacted away: the consumer says nothing of it, and
// the other input goes on all the same.
func TestSilentEnd(t *testing.T) {
	t.Parallel()
	cluster, s := fake(t, 1)
	if err := cluster.CreateTopic("table", 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.TransactionalID("x"), kgo.DefaultProduceTopic("table"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), at(1, "row")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	s.Guarantee = stream.ExactlyOnce
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).Merge(b.Stream(in("table"))).ForEach(saw.add)
	})
	put(t, s.Brokers, s.In, at(2, "a"))
	saw.await(t, 10*time.Second, 2)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Compaction left nothing before the end of an input, which the client passes
// over without a word: the worker has to look.
func TestCompactedEnd(t *testing.T) {
	t.Parallel()
	cluster, s := fake(t, 1)
	if err := cluster.CreateTopic("table", 1, nil); err != nil {
		t.Fatal(err)
	}
	for topic, node := range map[string]int32{s.In: 0, "table": 1} {
		if err := cluster.MoveTopicPartition(topic, 0, node); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.Brokers, "table", at(1, "row"))
	emptyEnd(cluster, "table", 1, 3)
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).Merge(b.Stream(in("table"))).ForEach(saw.add)
	})
	put(t, s.Brokers, s.In, at(2, "a"))
	if got := fmt.Sprint(saw.await(t, 15*time.Second, 2)); got != "[row a]" {
		t.Errorf("saw %s", got)
	}
	var at kadm.OffsetResponse
	eventually(t, "a commit of the end", 10*time.Second, func() bool {
		at = commitOf(t, s, "table", 0)
		return at.At == 3
	})
	if at.LeaderEpoch != -1 {
		t.Errorf("a commit with epoch %d, which nobody told of what lies before the end", at.LeaderEpoch)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// emptyEnd lets a topic, alone on its broker, end at end and have nothing from
// an offset on.
func emptyEnd(c *kfake.Cluster, topic string, from, end int64) {
	id := c.TopicInfo(topic).TopicID
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.FetchRequest)
		if len(r.Topics) != 1 || r.Topics[0].Topic != topic && r.Topics[0].TopicID != id || r.Topics[0].Partitions[0].FetchOffset < from {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.FetchResponse)
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = r.Topics[0].Topic, r.Topics[0].TopicID
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.HighWatermark, rp.LastStableOffset = end, end
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		time.Sleep(20 * time.Millisecond)
		return resp, nil, true
	})
	c.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.ListOffsetsRequest)
		if r.Topics[0].Topic != topic || r.Topics[0].Partitions[0].Timestamp != -1 {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic = topic
		rp := kmsg.NewListOffsetsResponseTopicPartition()
		rp.Offset = end
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
}

// A commit goes up to the end of an input, behind the marker of its last
// transaction and records that were aborted: there is no lag, and the place is
// still there when all of it has expired.
func TestCommitUpToTheEnd(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	s.Guarantee = stream.ExactlyOnce
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).ForEach(saw.add) })
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.TransactionalID("x"), kgo.DefaultProduceTopic(s.In))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), at(1, "a"), at(2, "b")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		saw.await(t, 10*time.Second, 2)
		eventually(t, fmt.Sprintf("a commit at the end of transaction %d", i), 10*time.Second, func() bool {
			return commitOf(t, s, s.In, 0).At == int64(3*(i+1))
		})
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// What a punctuation emits is committed though nothing came in.
func TestPunctuationAlone(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	s.Guarantee = stream.ExactlyOnce
	stop := runTopology(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).Process(func() *ticker { return &ticker{} }).To(in(s.Out))
	})
	got := collectUntil(t, s.Brokers, s.Out, 20*time.Second, func(c *counted) bool { return len(c.ids) >= 2 })
	if got.ids["tick0"] == 0 || got.ids["tick1"] == 0 || len(got.wrong) > 0 {
		t.Errorf("got %v, %v", got.ids, got.wrong)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

type ticker struct {
	every time.Duration // defaults to 50 ms
	n     int
}

func (p *ticker) Init(ctx *topology.Context[string, string]) error {
	ctx.Every(cmp.Or(p.every, 50*time.Millisecond), topology.WallTime, func(now time.Time) error {
		p.n++
		return ctx.Forward(topology.Record[string, string]{Key: "k", Value: fmt.Sprintf("%d tick%d", p.n, p.n%2), Time: now})
	})
	return nil
}

func (p *ticker) Process(*topology.Context[string, string], topology.Record[string, string]) error {
	return nil
}
