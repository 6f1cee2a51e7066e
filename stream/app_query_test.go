package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// queried is a topology with a store of each kind.
type queried struct {
	counts   *state.KeyValueSpec[string, int64]
	memory   *state.KeyValueSpec[string, int64]
	minutes  *state.WindowsSpec[string, int64]
	sessions *state.SessionsSpec[string, int64]
	history  *state.VersionedSpec[string, string]
}

func newQueried() *queried {
	return &queried{
		counts:   state.KeyValue("counts", serde.String, serde.Int64),
		memory:   state.KeyValue("memory", serde.String, serde.Int64, state.InMemory()),
		minutes:  state.Windows("minutes", serde.String, serde.Int64),
		sessions: state.Sessions("sessions", serde.String, serde.Int64),
		history:  state.Versioned("history", serde.String, serde.String, time.Hour),
	}
}

func (q *queried) build(t *testing.T) *topology.Topology {
	t.Helper()
	b := stream.NewBuilder()
	in := b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey()
	in.Count(q.counts)
	in.Count(q.memory)
	in.WindowedBy(window.Tumbling(time.Minute)).Count(q.minutes)
	in.WindowedBySession(window.Session(time.Minute)).Count(q.sessions)
	b.Table(topology.NewTopic("names", serde.String, serde.String)).Materialize(q.history)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// start runs an app until the test ends.
func start(t *testing.T, top *topology.Topology, c stream.Config) (app *stream.App, stop func()) {
	t.Helper()
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := app.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return app, stop
}

// eventually tries until f returns no error.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestQueryEachKindOfStore(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 3, "in", "names")
	q := newQueried()
	app, stop := start(t, q.build(t), stream.Config{
		ID: "queried", Brokers: addrs, StateDir: t.TempDir(), Workers: 2, Logger: testLogger(t), CommitInterval: 20 * time.Millisecond,
	})
	counts := app.Query(q.counts)
	ctx := t.Context()
	if _, _, err := app.Query(state.KeyValue("none", serde.String, serde.Int64)).Get(ctx, "k"); !errors.Is(err, state.ErrNoStore) {
		t.Errorf("unknown store: %v", err)
	}
	at := time.UnixMilli(1_700_000_000_000)
	for round := int64(1); round <= 3; round++ {
		for i := range 20 {
			produceAt(t, addrs, "in", fmt.Sprint("k", i), "v", at)
		}
		produceAt(t, addrs, "names", "k1", fmt.Sprint("name ", round), at.Add(time.Duration(round)*time.Second))
		eventually(t, func() error {
			for i := range 20 {
				n, ok, err := counts.Get(ctx, fmt.Sprint("k", i))
				if err != nil || !ok || n != round {
					return fmt.Errorf("k%d: %d %v %v, want %d", i, n, ok, err, round)
				}
			}
			return nil
		})
	}
	n := 0
	for e, err := range app.Query(q.memory).All(ctx) {
		if err != nil || e.Value != 3 {
			t.Fatalf("%v %v", e, err)
		}
		n++
	}
	if n != 20 {
		t.Errorf("%d entries, want 20", n)
	}
	if v, ok, err := app.Query(q.minutes).Fetch(ctx, "k1", at.Truncate(time.Minute)); v != 3 || !ok || err != nil {
		t.Errorf("window: %d %v %v", v, ok, err)
	}
	for e, err := range app.Query(q.sessions).Fetch(ctx, "k1") {
		if err != nil || e.Value != 3 || e.Key.Start != at.UnixMilli() {
			t.Errorf("session: %v %v", e, err)
		}
	}
	eventually(t, func() error {
		v, ok, err := app.Query(q.history).GetAsOf(ctx, "k1", at.Add(2500*time.Millisecond))
		if err != nil || !ok || v.Value != "name 2" {
			return fmt.Errorf("version: %v %v %v", v, ok, err)
		}
		return nil
	})
	answers := counts.Ask(ctx, func(s *state.KeyValueStore[string, int64]) (int, error) {
		if err := s.Put("k1", 7); !errors.Is(err, state.ErrReadOnly) {
			t.Errorf("put: %v", err)
		}
		n := 0
		for _, err := range s.All() {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	})
	sum := 0
	for p, a := range answers {
		if a.Err != nil || a.Partition != int32(p) || a.Position["in"] == nil {
			t.Errorf("answer %+v", a)
		}
		sum += a.Value
	}
	if len(answers) != 3 || sum != 20 {
		t.Errorf("%d answers with %d entries", len(answers), sum)
	}
	testBound(t, app, q, addrs, at)
	if lags := app.StoreLags(); len(lags) == 0 {
		t.Error("no lags")
	}
	stop()
	if _, _, err := counts.Get(ctx, "k1"); !errors.Is(err, state.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

// testBound reads its own writes.
func testBound(t *testing.T, app *stream.App, q *queried, addrs []string, at time.Time) {
	for i := range int64(20) {
		p, offset := produceAt(t, addrs, "in", "own", "v", at)
		bound := state.Position{}.With("in", p, offset)
		refused := 0
		eventually(t, func() error {
			n, _, err := app.Query(q.counts, state.UpTo(bound)).Get(t.Context(), "own")
			switch {
			case errors.Is(err, state.ErrNotUpTo):
				refused++
				return err
			case err != nil || n != i+1:
				t.Fatalf("read %d %v, want %d", n, err, i+1)
			}
			return nil
		})
		if i == 19 && refused == 0 {
			t.Log("no read was refused")
		}
	}
	_, _, err := app.Query(q.counts, state.UpTo(state.Position{}.With("in", 0, 1<<40).With("in", 1, 1<<40).With("in", 2, 1<<40))).Get(t.Context(), "own")
	if !errors.Is(err, state.ErrNotUpTo) {
		t.Errorf("far bound: %v", err)
	}
}

// produceAt writes one record and returns where it is.
func produceAt(t *testing.T, addrs []string, topic, key, value string, at time.Time) (partition int32, offset int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	r, err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: at}).First()
	if err != nil {
		t.Fatal(err)
	}
	return r.Partition, r.Offset
}
