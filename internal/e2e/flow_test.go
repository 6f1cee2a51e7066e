package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// seen collects what a topology of a test saw, in order.
type seen struct {
	mu     sync.Mutex
	values []string
}

func (s *seen) add(_, v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, v)
}

func (s *seen) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.values)
}

func (s *seen) await(t *testing.T, within time.Duration, n int) []string {
	t.Helper()
	for until := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		got := s.list()
		if len(got) >= n {
			return got
		}
		if time.Now().After(until) {
			t.Fatalf("saw %v, want %d", got, n)
		}
	}
}

// runTopology runs a topology in this process and returns what ends it and
// tells its error.
func runTopology(t *testing.T, s spec, build func(*stream.Builder), set ...func(*stream.Config)) (stop func() error) {
	t.Helper()
	b := stream.NewBuilder()
	build(b)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return runBuilt(t, s, top, set...)
}

// runBuilt is runTopology with a topology that was built.
func runBuilt(t *testing.T, s spec, top *topology.Topology, set ...func(*stream.Config)) (stop func() error) {
	t.Helper()
	c := s.config(testLog(t))
	for _, f := range set {
		f(&c)
	}
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(40 * time.Second):
			return fmt.Errorf("app does not stop")
		}
	})
	t.Cleanup(func() { stop() })
	return stop
}

func in(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

// put writes values with times to partition 0 of a topic.
func put(t *testing.T, addr, topic string, records ...*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, r := range records {
		r.Topic = topic
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func at(ms int64, v string) *kgo.Record {
	return &kgo.Record{Key: []byte("k"), Value: []byte(v), Timestamp: time.UnixMilli(ms)}
}

func TestResetPolicies(t *testing.T) {
	for _, c := range []struct {
		name    string
		reset   topology.Reset
		dflt    topology.Reset
		want    string
		failure string
	}{
		{name: "default", want: "[old recent new]"},
		{name: "earliest", reset: topology.Earliest, dflt: topology.Latest, want: "[old recent new]"},
		{name: "the app's", dflt: topology.Latest, want: "[new]"},
		{name: "latest", reset: topology.Latest, want: "[new]"},
		{name: "by duration", reset: topology.ByDuration(time.Hour), want: "[recent new]"},
		{name: "none", reset: topology.NoReset, failure: "no committed offset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 1)
			now := time.Now().UnixMilli()
			put(t, s.Brokers, s.In, at(now-2*time.Hour.Milliseconds(), "old"), at(now-1000, "recent"))
			var saw seen
			running := make(chan struct{})
			stop := runTopology(t, s, func(b *stream.Builder) {
				b.Stream(in(s.In).WithReset(c.reset)).ForEach(saw.add)
			}, func(cfg *stream.Config) {
				cfg.Reset = c.dflt
				cfg.StateListener = func(_, to stream.State) {
					if to == stream.Running {
						close(running)
					}
				}
			})
			if c.failure != "" {
				time.Sleep(500 * time.Millisecond)
				if err := stop(); err == nil || !strings.Contains(err.Error(), c.failure) || !strings.Contains(err.Error(), s.In) {
					t.Errorf("ended with %v", err)
				}
				return
			}
			<-running
			put(t, s.Brokers, s.In, at(now, "new"))
			saw.await(t, 10*time.Second, 1)
			time.Sleep(50 * time.Millisecond)
			if got := fmt.Sprint(saw.list()); got != c.want {
				t.Errorf("saw %s, want %s", got, c.want)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The committed offset is gone: the policy decides, not the client.
func TestOutOfRange(t *testing.T) {
	for _, c := range []struct {
		name  string
		reset topology.Reset
		want  string
		fails bool
	}{
		{"earliest", topology.Earliest, "[a f g]", false},
		{"latest", topology.Latest, "[a g]", false},
		{"none", topology.NoReset, "[a]", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster, s := fake(t, 1)
			put(t, s.Brokers, s.In, at(1, "a"))
			var saw seen
			build := func(reset topology.Reset) func(*stream.Builder) {
				return func(b *stream.Builder) { b.Stream(in(s.In).WithReset(reset)).ForEach(saw.add) }
			}
			stop := runTopology(t, s, build(topology.Earliest))
			saw.await(t, 10*time.Second, 1)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			put(t, s.Brokers, s.In, at(2, "b"), at(3, "c"), at(4, "d"), at(5, "e"), at(6, "f"))
			if err := cluster.DeleteRecords(s.In, 0, 5); err != nil {
				t.Fatal(err)
			}
			stop = runTopology(t, s, build(c.reset))
			if c.fails {
				time.Sleep(time.Second)
			} else {
				eventually(t, "a commit of the end", 10*time.Second, func() bool { return commitOf(t, s, s.In, 0).At == 6 })
			}
			put(t, s.Brokers, s.In, at(7, "g"))
			time.Sleep(500 * time.Millisecond)
			if got := fmt.Sprint(saw.list()); got != c.want {
				t.Errorf("saw %s, want %s", got, c.want)
			}
			if err := stop(); (err != nil) != c.fails {
				t.Error(err)
			}
		})
	}
}

// Inputs are merged by time, as far as the brokers have records: neither is
// ahead of the other.
func TestMergedByTime(t *testing.T) {
	t.Parallel()
	cluster, s := fake(t, 1)
	if err := cluster.CreateTopic("other", 1, nil); err != nil {
		t.Fatal(err)
	}
	var a, b []*kgo.Record
	for i := range int64(3000) {
		a = append(a, at(2*i, fmt.Sprintf("%05d", 2*i)))
		b = append(b, at(2*i+1, fmt.Sprintf("%05d", 2*i+1)))
	}
	put(t, s.Brokers, s.In, a...)
	put(t, s.Brokers, "other", b...)
	var saw seen
	stop := runTopology(t, s, func(sb *stream.Builder) {
		sb.Stream(in(s.In)).Merge(sb.Stream(in("other"))).ForEach(saw.add)
	}, func(c *stream.Config) { c.MaxBuffered = 100 })
	got := saw.await(t, 20*time.Second, 6000)
	if !slices.IsSorted(got) {
		t.Error("not in order of time")
	}
	// One input alone goes on: the other has nothing more.
	put(t, s.Brokers, s.In, at(9000, "09000"))
	saw.await(t, 10*time.Second, 6001)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// With MaxTaskIdle a task waits for what may come yet.
func TestMaxTaskIdle(t *testing.T) {
	t.Parallel()
	cluster, s := fake(t, 1)
	if err := cluster.CreateTopic("other", 1, nil); err != nil {
		t.Fatal(err)
	}
	var saw seen
	stop := runTopology(t, s, func(sb *stream.Builder) {
		sb.Stream(in(s.In)).Merge(sb.Stream(in("other"))).ForEach(saw.add)
	}, func(c *stream.Config) { c.MaxTaskIdle = time.Second })
	put(t, s.Brokers, s.In, at(2, "second"))
	time.Sleep(500 * time.Millisecond)
	put(t, s.Brokers, "other", at(1, "first"))
	if got := fmt.Sprint(saw.await(t, 10*time.Second, 2)); got != "[first second]" {
		t.Errorf("saw %s", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Commits carry the partition time, as Kafka Streams writes it.
func TestCommitMetadata(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 1)
			s.Guarantee = g
			put(t, s.Brokers, s.In, at(500, "a"), at(100, "b"))
			var saw seen
			stop := runTopology(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).Peek(saw.add).To(in(s.Out)) })
			saw.await(t, 10*time.Second, 2)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
				offsets, err := adm.FetchOffsets(ctx, s.App)
				if err != nil {
					return err
				}
				o, ok := offsets.Lookup(s.In, 0)
				if !ok || o.At != 2 || o.Metadata != task.EncodeMetadata(500, nil) || o.LeaderEpoch < 0 {
					t.Errorf("committed %+v", o)
				}
				return nil
			})
		})
	}
}
