package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// text is a string that has to be UTF-8.
type text struct{ serde.Serde[string] }

func (s text) Decode(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errors.New("not UTF-8")
	}
	return s.Serde.Decode(b)
}

// counting reads records "account id" and writes "count id" for each account,
// where count is how many records the account had so far. The value "panic"
// panics.
func counting(in, out string) (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic(in, serde.String, text{serde.String})).
		MapValues(func(v string) string {
			if v == "panic" {
				panic("asked for")
			}
			return v
		}).
		GroupBy(func(_, v string) string { account, _, _ := strings.Cut(v, " "); return account }).
		Aggregate(func() string { return "0 " }, func(_, v, sum string) string {
			var n int
			fmt.Sscan(sum, &n)
			_, id, _ := strings.Cut(v, " ")
			return fmt.Sprintf("%d %s", n+1, id)
		}, state.KeyValue("counts", serde.String, serde.String)).
		To(topology.NewTopic(out, serde.String, serde.String))
	return b.Build()
}

// load produces records and knows what they should become.
type load struct {
	t      *testing.T
	client *kgo.Client
	topic  string
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex
	sent int
	acks int
}

const accounts = 40

func newLoad(t *testing.T, addr, topic string) *load {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerLinger(0), kgo.DefaultProduceTopic(topic), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &load{t: t, client: cl, topic: topic}
}

// send produces n records and returns when they are acknowledged.
func (l *load) send(n int) {
	l.t.Helper()
	for range n {
		l.mu.Lock()
		id := l.sent
		l.sent++
		l.mu.Unlock()
		r := &kgo.Record{Key: fmt.Append(nil, id), Value: fmt.Appendf(nil, "a%d %d", id%accounts, id)}
		l.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err != nil {
				l.t.Errorf("produce: %v", err)
			}
			l.acks++
		})
	}
	if err := l.client.Flush(context.Background()); err != nil {
		l.t.Error(err)
	}
}

// run produces about rate records a second until halt.
func (l *load) run(rate int) {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.t.Cleanup(cancel)
	l.done.Go(func() {
		for tick := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			l.send(rate / 20)
		}
	})
}

func (l *load) halt() int {
	l.stop()
	l.done.Wait()
	return l.total()
}

func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// counted is what came out.
type counted struct {
	ids        map[string]int    // how often each
	last       map[string]int    // count by account
	wrong      []string          // counts that did not follow on the one before
	next       map[string]int    // by account
	partitions map[string]int32  // of each account
	moved      []string          // accounts in two partitions
	account    map[string]string // by id
}

// collectUntil reads the output from its start until done says so.
func collectUntil(t *testing.T, addr, topic string, within time.Duration, done func(*counted) bool) *counted {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	c := &counted{
		ids: make(map[string]int), last: make(map[string]int), next: make(map[string]int),
		partitions: make(map[string]int32), account: make(map[string]string),
	}
	for !done(c) {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("topic %s: %d ids in %d accounts after %s", topic, len(c.ids), len(c.last), within)
		}
		fetches.EachError(func(topic string, p int32, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Logf("topic %s partition %d: %v", topic, p, err)
			}
		})
		fetches.EachRecord(c.add)
	}
	return c
}

func (c *counted) add(r *kgo.Record) {
	var n int
	var id string
	fmt.Sscan(string(r.Value), &n, &id)
	account := string(r.Key)
	if p, ok := c.partitions[account]; ok && p != r.Partition {
		c.moved = append(c.moved, account)
	}
	c.partitions[account] = r.Partition
	if n != c.next[account]+1 {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d after %d (id %s)", account, n, c.next[account], id))
	}
	c.next[account] = n
	c.last[account] = n
	c.ids[id]++
	c.account[id] = account
}

// check compares with what was sent, n records.
func (c *counted) check(t *testing.T, g stream.Guarantee, n int) {
	t.Helper()
	truth := make(map[string]int)
	for id := range n {
		truth[fmt.Sprintf("a%d", id%accounts)]++
	}
	if len(c.ids) != n {
		t.Errorf("%d distinct ids, want %d", len(c.ids), n)
	}
	if len(c.moved) > 0 {
		t.Errorf("accounts in two partitions: %v", c.moved)
	}
	for account, want := range truth {
		got := c.last[account]
		if g == stream.ExactlyOnce && got != want || got < want {
			t.Errorf("account %s: count %d, want %d", account, got, want)
		}
	}
	if g != stream.ExactlyOnce {
		return
	}
	for id, times := range c.ids {
		if times != 1 {
			t.Errorf("id %s came %d times", id, times)
		}
	}
	if len(c.wrong) > 0 {
		t.Errorf("counts out of order: %v", c.wrong[:min(10, len(c.wrong))])
	}
}

// names returns topic and app names that no other test has, and makes the topics.
func names(t *testing.T, addr string, partitions int32) spec {
	t.Helper()
	base := strings.NewReplacer("/", "-", " ", "-", "_", "-").Replace(t.Name()) + fmt.Sprint(time.Now().UnixMilli())
	s := spec{App: base, Brokers: addr, In: base + "-in", Out: base + "-out", Workers: 1, Interval: 100 * time.Millisecond}
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		_, err := adm.CreateTopics(ctx, partitions, 1, nil, s.In, s.Out)
		return err
	})
	return s
}

func admin(t *testing.T, addr string, f func(context.Context, *kadm.Client) error) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := f(ctx, kadm.NewClient(cl)); err != nil {
		t.Fatal(err)
	}
}

// commitOf is what the app has committed of a partition, nothing as long as its
// group is not there.
func commitOf(t *testing.T, s spec, topic string, partition int32) (at kadm.OffsetResponse) {
	t.Helper()
	admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
		got, err := adm.FetchOffsets(ctx, s.App)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		at, _ = got.Lookup(topic, partition)
		return err
	})
	return at
}

// grow adds partitions to a topic.
func grow(t *testing.T, addr, topic string, to int) {
	t.Helper()
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		got, err := adm.UpdatePartitions(ctx, to, topic)
		if err == nil {
			err = got.Error()
		}
		return err
	})
}
