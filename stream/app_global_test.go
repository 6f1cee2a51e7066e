package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

func textTopic(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

func handle(opts ...state.Option) *state.KeyValueSpec[string, string] {
	return state.KeyValue("prices", serde.String, serde.String, opts...)
}

// priced joins sales with a global table of prices.
func priced(t *testing.T, opts ...state.Option) *topology.Topology {
	t.Helper()
	b := stream.NewBuilder()
	prices := b.GlobalTable(textTopic("prices"), handle(opts...))
	b.Stream(textTopic("sales")).
		LeftJoinGlobal(prices, func(_, v string) string { return v }, func(v, price string, ok bool) string { return fmt.Sprintf("%s=%s/%t", v, price, ok) }).
		To(textTopic("priced"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// run starts an app and returns what stops it and checks that it ended well.
func run(t *testing.T, top *topology.Topology, c stream.Config) (app *stream.App, stop func()) {
	t.Helper()
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	return app, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// follower reads a topic.
type follower struct {
	*testing.T
	cl  *kgo.Client
	got []string
}

func follow(t *testing.T, addrs []string, topic string) *follower {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &follower{T: t, cl: cl}
}

// await reads until there are n values.
func (f *follower) await(n int) []string {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	for len(f.got) < n {
		fetches := f.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			f.Fatalf("%d values of %d: %q", len(f.got), n, f.got)
		}
		fetches.EachRecord(func(r *kgo.Record) { f.got = append(f.got, string(r.Value)) })
	}
	return f.got
}

func produceKeyed(t *testing.T, addrs []string, topic string, pairs ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, p := range pairs {
		key, value, ok := strings.Cut(p, "=")
		r := &kgo.Record{Topic: topic, Key: []byte(key)}
		if ok {
			r.Value = []byte(value)
		}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// A global table is whole before the first join, and followed afterwards.
func TestAppGlobalTable(t *testing.T) {
	for _, c := range []struct {
		name string
		g    stream.Guarantee
		opts []state.Option
	}{
		{"on disk", stream.AtLeastOnce, nil},
		{"on disk, exactly once", stream.ExactlyOnce, nil},
		{"in memory", stream.AtLeastOnce, []state.Option{state.InMemory()}},
		{"with headers", stream.AtLeastOnce, []state.Option{state.WithHeaders()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			noLeaks(t)
			addrs := fakeCluster(t, 3, "prices", "sales", "priced")
			var pairs, sales []string
			for i := range 200 {
				pairs = append(pairs, fmt.Sprintf("p%d=%d", i, i))
				sales = append(sales, fmt.Sprintf("p%d", i))
			}
			produceKeyed(t, addrs, "prices", append(pairs, "p7")...)
			produce(t, addrs, "sales", sales...)
			dir := t.TempDir()
			restored := make(map[int32]stream.RestoreProgress)
			config := stream.Config{
				ID: "app", Brokers: addrs, StateDir: dir, Workers: 2, Guarantee: c.g, Logger: testLogger(t), CommitInterval: 50 * time.Millisecond,
				RestoreListener: func(p stream.RestoreProgress) {
					if p.Task == "global" {
						restored[p.Partition] = p
					}
				},
			}
			app, stop := run(t, priced(t, c.opts...), config)
			defer stop()
			out := follow(t, addrs, "priced")
			for _, v := range out.await(200) {
				p, _, _ := strings.Cut(v, "=")
				want := fmt.Sprintf("%s=%s/true", p, p[1:])
				if p == "p7" {
					want = "p7=/false"
				}
				if v != want {
					t.Errorf("got %s, want %s", v, want)
				}
			}
			produceKeyed(t, addrs, "prices", "p1=new", "p2", "q=fresh")
			time.Sleep(500 * time.Millisecond)
			produce(t, addrs, "sales", "p1", "p2", "q")
			got := strings.Join(out.await(203)[200:], " ")
			for _, want := range []string{"p1=new/true", "p2=/false", "q=fresh/true"} {
				if !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			if v, ok, err := app.Query(handle(c.opts...)).Get(t.Context(), "p1"); v != "new" || !ok || err != nil {
				t.Errorf("query: %q, %t, %v", v, ok, err)
			}
			n := int64(0)
			for _, p := range restored {
				n += p.Restored
				if !p.Done {
					t.Errorf("restore of partition %d is not done", p.Partition)
				}
			}
			if n != 201 {
				t.Errorf("restored %d records", n)
			}
			for until := time.Now().Add(20 * time.Second); app.State() != stream.Running; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(until) {
					t.Fatalf("state %s", app.State())
				}
			}
			stop()

			clear(restored)
			_, stop = run(t, priced(t, c.opts...), config)
			defer stop()
			produce(t, addrs, "sales", "p1", "p2", "q")
			if got := strings.Join(out.await(206)[203:], " "); !strings.Contains(got, "p1=new/true") || !strings.Contains(got, "q=fresh/true") {
				t.Errorf("after a restart: %s", got)
			}
			stop()
			n = 0
			for _, p := range restored {
				n += p.Restored
			}
			if inMemory := c.name == "in memory"; inMemory != (n > 0) {
				t.Errorf("restored %d records at the second start", n)
			}
		})
	}
}

// An app with a global topic that does not exist says so.
func TestAppGlobalTopicMissing(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 1, "sales", "priced")
	app, err := stream.NewApp(priced(t), stream.Config{ID: "app", Brokers: addrs, StateDir: t.TempDir(), MissingTopicsGrace: -1, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "prices") {
		t.Errorf("got %v", err)
	}
}

// summing keeps the sum of what its store's topic has.
type summing struct {
	sums *state.KeyValueSpec[string, int64]
}

func (s summing) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	if r.Value == "bad" {
		return errors.New("not a number")
	}
	st := s.sums.In(ctx)
	n, _, err := st.Get(r.Key)
	if err != nil {
		return err
	}
	return st.Put(r.Key, n+int64(len(r.Value)))
}

// reading emits the sum of the key that it gets, and tries to write.
type reading struct {
	sums    *state.KeyValueSpec[string, int64]
	refused *error
}

func (p reading) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	st := p.sums.In(ctx)
	n, _, err := st.Get(r.Value)
	if err != nil {
		return err
	}
	*p.refused = st.Put(r.Value, 0)
	return ctx.Forward(topology.Record[string, string]{Key: r.Key, Value: fmt.Sprintf("%s=%d", r.Value, n), Time: r.Time})
}

// A processor that fills a global store sees each record once, at a restart and
// a rebuild too, and its errors follow the policy.
func TestAppGlobalStore(t *testing.T) {
	noLeaks(t)
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "numbers", "asked", "answers"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	addrs := c.ListenAddrs()
	sums := state.KeyValue("sums", serde.String, serde.Int64)
	var refused error
	build := func() *topology.Topology {
		b := topology.NewBuilder()
		b.GlobalStore(sums, "numbers-source", textTopic("numbers"), "sum", func() summing { return summing{sums} })
		n := b.Source("asked-source", textTopic("asked"))
		n.Process("answer", func() reading { return reading{sums, &refused} }).To("answers-sink", textTopic("answers"))
		top, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return top
	}
	var skipped int
	config := stream.Config{
		ID: "app", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: testLogger(t), CommitInterval: 50 * time.Millisecond,
		OnError: stream.ErrorPolicy{Process: func(e *stream.RecordError) stream.Verdict { skipped++; return stream.Skip }},
	}
	produceKeyed(t, addrs, "numbers", "a=1", "a=22", "b=333", "a=bad", "b=1")
	out := follow(t, addrs, "answers")
	ask := func(n int, want ...string) {
		t.Helper()
		_, stop := run(t, build(), config)
		defer stop()
		produce(t, addrs, "asked", "a", "b")
		got := strings.Join(out.await(n)[n-2:], " ")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("got %s, want %s", got, w)
			}
		}
	}
	ask(2, "a=3", "b=4")
	if skipped != 1 {
		t.Errorf("skipped %d", skipped)
	}
	if !errors.Is(refused, state.ErrReadOnly) {
		t.Errorf("a write of a task: %v", refused)
	}
	produceKeyed(t, addrs, "numbers", "a=4444")
	ask(4, "a=7", "b=4")
	config.StateDir = t.TempDir()
	ask(6, "a=7", "b=4")
	config.OnError = stream.ErrorPolicy{}
	config.StateDir = t.TempDir()
	app, err := stream.NewApp(build(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not a number") {
		t.Errorf("got %v", err)
	}
}

// The topic of a global table may get more partitions while the app runs. The
// workers go on meanwhile.
func TestAppGlobalTableGrows(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 1, "prices", "sales", "priced")
	_, stop := run(t, priced(t), stream.Config{
		ID: "app", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: testLogger(t), CommitInterval: 50 * time.Millisecond,
		TopicCheckInterval: 100 * time.Millisecond,
		StateListener: func(from, to stream.State) {
			if from == stream.Running && to == stream.Rebalancing {
				t.Error("the workers were disturbed")
			}
		},
	})
	defer stop()
	out := follow(t, addrs, "priced")
	produce(t, addrs, "sales", "p")
	out.await(1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreatePartitions(t.Context(), 1, "prices"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "prices", Partition: 1, Key: []byte("p"), Value: []byte("9")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for n := 2; ; n++ {
		produce(t, addrs, "sales", "p")
		if v := out.await(n)[n-1]; v == "p=9/true" {
			return
		} else if n == 100 {
			t.Fatalf("last is %s", v)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
