package stream_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// An instance answers for what others have only if stale answers will do, and
// says how stale they are.
func TestQueryOfStandbys(t *testing.T) {
	addrs := fakeCluster(t, 2, "in")
	counts := state.KeyValue("counts", serde.String, serde.Int64)
	build := func() *topology.Topology {
		b := stream.NewBuilder()
		b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey().Count(counts)
		top, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return top
	}
	at := time.UnixMilli(1_700_000_000_000)
	for i := range 20 {
		produceAt(t, addrs, "in", fmt.Sprint("k", i), "v", at)
	}
	var apps []*stream.App
	for i := range 2 {
		app, _ := start(t, build(), stream.Config{
			ID: "copied", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: testLogger(t), CommitInterval: 20 * time.Millisecond,
			Standbys: 1, Advertise: fmt.Sprintf("127.0.0.1:%d", 1000+i),
		})
		apps = append(apps, app)
	}
	ctx := t.Context()
	far := 0
	eventually(t, func() error {
		far = 0
		for _, app := range apps {
			for i := range 20 {
				k := fmt.Sprint("k", i)
				n, ok, err := app.Query(counts).Get(ctx, k)
				var elsewhere *state.NotLocalError
				switch {
				case errors.As(err, &elsewhere):
					m, err := app.MetadataForKey(counts, k)
					if err != nil || m.Local || m.Host != elsewhere.Host || len(m.Standbys) != 1 {
						return fmt.Errorf("%s: %+v %v, want %s", k, m, err, elsewhere.Host)
					}
					far++
					n, ok, err = app.Query(counts, state.Stale(-1)).Get(ctx, k)
					if err != nil || !ok || n != 1 {
						return fmt.Errorf("stale %s: %d %v %v", k, n, ok, err)
					}
				case err != nil || !ok || n != 1:
					return fmt.Errorf("%s: %d %v %v", k, n, ok, err)
				}
			}
		}
		if far != 20 {
			return fmt.Errorf("%d keys are on the other instance, want each once", far)
		}
		return nil
	})
	copies, sum := 0, 0
	for _, a := range apps[0].Query(counts, state.Stale(-1)).Ask(ctx, count) {
		if a.Err != nil {
			t.Errorf("partition %d: %v", a.Partition, a.Err)
		}
		if sum += a.Value; a.Copy {
			copies++
		}
	}
	if copies != 1 || sum != 20 {
		t.Errorf("%d copies, %d entries", copies, sum)
	}
	failed := 0
	for _, a := range apps[0].Query(counts).Ask(ctx, count) {
		var elsewhere *state.NotLocalError
		if errors.As(a.Err, &elsewhere) {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d partitions are elsewhere, want 1", failed)
	}
}

func count(s *state.KeyValueStore[string, int64]) (n int, err error) {
	for _, err := range s.All() {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// A global store is on each instance.
func TestQueryOfGlobalStore(t *testing.T) {
	addrs := fakeCluster(t, 3, "in", "names")
	names := state.KeyValue("names", serde.String, serde.String)
	b := stream.NewBuilder()
	known := b.GlobalTable(topology.NewTopic("names", serde.String, serde.String), names)
	b.Stream(topology.NewTopic("in", serde.String, serde.String)).
		JoinGlobal(known, func(k, _ string) string { return k }, func(v, name string) string { return v + name }).
		To(topology.NewTopic("names", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		produceAt(t, addrs, "names", fmt.Sprint("k", i), fmt.Sprint("name ", i), time.UnixMilli(1))
	}
	app, _ := start(t, top, stream.Config{ID: "global", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: testLogger(t)})
	eventually(t, func() error {
		v, ok, err := app.Query(names).Get(t.Context(), "k7")
		if err != nil || !ok || v != "name 7" {
			return fmt.Errorf("%q %v %v", v, ok, err)
		}
		return nil
	})
	n := 0
	for _, err := range app.Query(names).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 9 {
		t.Errorf("%d entries, want 9", n)
	}
	for _, a := range app.Query(names).Ask(t.Context(), func(s *state.KeyValueStore[string, string]) (int, error) {
		return 0, s.Put("k1", "x")
	}) {
		if !errors.Is(a.Err, state.ErrReadOnly) {
			t.Errorf("put: %v", a.Err)
		}
	}
}
