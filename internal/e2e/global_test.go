package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// build returns the topology of an instance.
func (s *spec) build() (*topology.Topology, error) {
	if s.Facts != "" {
		return answering(s.Facts, s.In, s.Out)
	}
	return counting(s.In, s.Out)
}

var facts = state.KeyValue("facts", serde.String, serde.Int64)

// counter counts the records "account id" of its topic in a global store: a
// record that is lost or seen twice shows for good.
type counter struct{}

func (counter) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	account, _, _ := strings.Cut(r.Value, " ")
	n, _, err := facts.In(ctx).Get(account)
	if err != nil {
		return err
	}
	return facts.In(ctx).Put(account, n+1)
}

type teller struct{}

func (teller) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	n, _, err := facts.In(ctx).Get(r.Value)
	if err != nil {
		return err
	}
	r.Value = fmt.Sprintf("%s %d", r.Value, n)
	return ctx.Forward(r)
}

// answering tells for each account that is asked for how many facts there are.
func answering(from, in, out string) (*topology.Topology, error) {
	texts := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String, serde.String)
	}
	b := topology.NewBuilder()
	b.GlobalStore(facts, "facts-source", texts(from), "counter", func() counter { return counter{} })
	b.Source("questions", texts(in)).Process("teller", func() teller { return teller{} }).To("answers", texts(out))
	return b.Build()
}

// asker asks questions and reads the answers.
type asker struct {
	t     *testing.T
	cl    *kgo.Client
	s     spec
	round int
}

func newAsker(t *testing.T, s spec) *asker {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.ConsumeTopics(s.Out), kgo.DefaultProduceTopic(s.In), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &asker{t: t, cl: cl, s: s}
}

// ask asks for all accounts.
func (a *asker) ask() {
	a.t.Helper()
	a.round++
	for i := range accounts {
		r := &kgo.Record{Key: fmt.Appendf(nil, "%d/a%d", a.round, i), Value: fmt.Appendf(nil, "a%d", i)}
		if err := a.cl.ProduceSync(context.Background(), r).FirstErr(); err != nil {
			a.t.Fatal(err)
		}
	}
}

// answers returns the sum of the facts that this round's answers tell of.
func (a *asker) answers() int {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	got := make(map[string]int)
	for len(got) < accounts {
		fetches := a.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			a.t.Fatalf("round %d: %d answers of %d", a.round, len(got), accounts)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var n int
			if _, err := fmt.Sscanf(string(r.Value), "a%d %d", new(int), &n); err != nil {
				a.t.Errorf("answer %q: %v", r.Value, err)
			}
			if strings.HasPrefix(string(r.Key), fmt.Sprintf("%d/", a.round)) {
				got[string(r.Key)] = n
			}
		})
	}
	sum := 0
	for _, n := range got {
		sum += n
	}
	return sum
}

// await asks until the answers tell of n facts.
func (a *asker) await(n int) {
	a.t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		a.ask()
		got := a.answers()
		if got == n {
			return
		}
		if got > n || time.Now().After(until) {
			a.t.Fatalf("%d facts, want %d", got, n)
		}
	}
}

// A global store is whole before the first record is processed, follows its
// topic, and neither loses a record nor sees one twice, whatever ends the app.
func TestGlobal(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 3)
			s.Guarantee, s.StateDir, s.Workers = g, t.TempDir(), 2
			s.Facts = s.In + "-facts"
			createTopic(t, addr, s.Facts, 4)
			l := newLoad(t, addr, s.Facts)
			l.send(5000)
			a := newAsker(t, s)
			a.ask() // before there is an app

			i := start(t, s)
			if got := a.answers(); got != 5000 {
				t.Errorf("the first answers tell of %d facts, want all", got)
			}
			l.send(500)
			a.await(5500)
			i.stop()

			i = start(t, s)
			i.running()
			if n := i.restored(); n != 0 {
				t.Errorf("restored %d records after a clean stop, want none", n)
			}
			for range 3 {
				l.run(2000)
				time.Sleep(3 * time.Second) // more than the age at which state is flushed
				i.kill()
				i = start(t, s)
				i.running()
				if n, all := i.restored(), l.total(); n >= all-1000 {
					t.Errorf("restored %d records of %d after a kill, want the tail", n, all)
				}
				l.halt()
			}
			a.await(l.total())
			i.stop()

			if err := os.RemoveAll(filepath.Join(s.StateDir, s.App, "global")); err != nil {
				t.Fatal(err)
			}
			i = start(t, s)
			a.await(l.total())
			if n := i.restored(); n != l.total() {
				t.Errorf("restored %d records after a wipe, want %d", n, l.total())
			}
			i.stop()
		})
	}
}

// What a topic lost before the app had read it can't be known: the store is
// built anew from what there is.
func TestGlobalOutOfRange(t *testing.T) {
	addr := broker.Start(t)
	s := names(t, addr, 1)
	s.StateDir, s.Workers = t.TempDir(), 1
	s.Facts = s.In + "-facts"
	createTopic(t, addr, s.Facts, 1)
	l := newLoad(t, addr, s.Facts)
	l.send(1000)
	a := newAsker(t, s)
	i := start(t, s)
	a.await(1000)
	i.stop()
	l.send(1000)
	adm := kadm.NewClient(a.cl)
	var upTo kadm.Offsets
	upTo.Add(kadm.Offset{Topic: s.Facts, Partition: 0, At: 1500})
	if _, err := adm.DeleteRecords(t.Context(), upTo); err != nil {
		t.Fatal(err)
	}
	i = start(t, s)
	a.await(500)
	if !strings.Contains(i.logTail(), "built anew") {
		t.Error("nothing was said")
	}

	// The same while it runs: the topic is deleted and made again.
	if _, err := adm.DeleteTopics(t.Context(), s.Facts); err != nil {
		t.Fatal(err)
	}
	i.stop()
	time.Sleep(time.Second)
	createTopic(t, addr, s.Facts, 1)
	newLoad(t, addr, s.Facts).send(100)
	i = start(t, s)
	a.await(100)
	i.stop()
}

func createTopic(t *testing.T, addr, name string, partitions int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), partitions, 1, nil, name); err != nil {
		t.Fatal(err)
	}
}
