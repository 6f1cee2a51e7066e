package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

func wordcount(t *testing.T) *topology.Topology {
	t.Helper()
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("lines", serde.String, serde.String)).
		MapValues(strings.ToLower).
		FlatMapValues(strings.FieldsSeq).
		GroupBy(func(_, word string) string { return word }).
		Count(state.KeyValue("counts", serde.String, serde.Int64)).
		To(topology.NewTopic("word-counts", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func fakeCluster(t *testing.T, partitions int32, topics ...string) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// noLeaks checks at the end of the test, when all that it made is closed. It is
// called first.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func produce(t *testing.T, addrs []string, topic string, values ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i, v := range values {
		r := &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: []byte(v)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// latest reads a topic until done says that its last values are what is wanted.
func latest(t *testing.T, addrs []string, topic string, done func(map[string]int64) bool) map[string]int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := make(map[string]int64)
	for !done(got) {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("topic %s has %v", topic, got)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n, err := serde.Int64.Decode(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			got[string(r.Key)] = n
		})
	}
	return got
}

func TestAppCountsWords(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			noLeaks(t)
			addrs := fakeCluster(t, 3, "lines", "word-counts")
			produce(t, addrs, "lines", "the quick brown fox", "jumps over The lazy dog", "the end")
			app, err := stream.NewApp(wordcount(t), stream.Config{
				ID: "wordcount", Brokers: addrs, StateDir: t.TempDir(), Workers: 2, Guarantee: g, Logger: testLogger(t),
				CommitInterval: 100 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- app.Run(ctx) }()
			got := latest(t, addrs, "word-counts", func(m map[string]int64) bool { return len(m) == 9 && m["the"] == 3 })
			if got["fox"] != 1 {
				t.Errorf("counts %v", got)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
		})
	}
}
