package global

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/topology"
)

// rig is a Global on a cluster of its own.
type rig struct {
	*testing.T
	cluster *kfake.Cluster
	cl      *kgo.Client
	c       Config
	g       *Global
	store   *graph.Store

	cancel context.CancelFunc
	ended  chan error

	mu       sync.Mutex
	log      strings.Builder
	restored map[int32]restore.Progress
}

// Write implements io.Writer for the log.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) logged(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(r.log.String(), text)
}

var counts = state.KeyValue("counts", serde.String, serde.Int64)

type counter struct{}

func (counter) Process(ctx *topology.Context[string, int64], r topology.Record[string, int64]) error {
	if r.Value < 0 {
		return errors.New("negative")
	}
	n, _, err := counts.In(ctx).Get(r.Key)
	if err != nil {
		return err
	}
	return counts.In(ctx).Put(r.Key, n+1)
}

// graphOf is a topology that counts the records of a topic by key.
func graphOf(t *testing.T, topic string) *graph.Topology {
	t.Helper()
	b := topology.NewBuilder()
	b.GlobalStore(counts, "source", topology.NewTopic(topic, serde.String, serde.Int64), "counter", func() counter { return counter{} })
	texts := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String, serde.String)
	}
	b.Source("in", texts("in")).To("out", texts("out"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top.Graph()
}

func setup(t *testing.T, partitions int32) *rig {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "facts", "others"), kfake.SeedTopics(1, "dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	e := pebble.New(pebble.Options{})
	t.Cleanup(func() { e.Close() })
	r := &rig{T: t, cluster: c, cl: cl, restored: make(map[int32]restore.Progress)}
	r.c = Config{
		App: "app", Topology: graphOf(t, "facts"), Dir: filepath.Join(t.TempDir(), "global"), Engine: e,
		MemoryBytes: 1 << 20, FlushAge: time.Minute, CheckInterval: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(r, nil)), Context: t.Context(),
		OnRestore: func(p restore.Progress) { r.restored[p.Partition] = p },
	}
	r.c.Client = client.Config{Brokers: c.ListenAddrs(), Name: "app", Logger: r.c.Logger}
	return r
}

func (r *rig) produce(topic string, partition int32, value int64, keys ...string) {
	r.Helper()
	b, err := serde.Int64.AppendTo(nil, value)
	if err != nil {
		r.Fatal(err)
	}
	for _, k := range keys {
		rec := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(k), Value: b}
		if err := r.cl.ProduceSync(r.Context(), rec).FirstErr(); err != nil {
			r.Fatal(err)
		}
	}
}

// load makes a Global and loads it.
func (r *rig) load() error {
	r.g = New(r.c)
	clear(r.restored)
	for _, s := range r.c.Topology.Stores {
		if s.Global {
			r.store = s
		}
	}
	return r.g.Load(r.Context())
}

// start loads and runs; the returned func stops it and returns its error.
func (r *rig) start() (stop func() error) {
	r.Helper()
	if err := r.load(); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.g.Run(ctx) }()
	r.cancel, r.ended = cancel, ended
	stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, r.g.Close())
	})
	r.Cleanup(func() { stop() })
	return stop
}

// records is how many records the last load read.
func (r *rig) records() (n int64) {
	for _, p := range r.restored {
		n += p.Restored
		if !p.Done {
			r.Errorf("partition %d: the load did not end", p.Partition)
		}
	}
	return n
}

func (r *rig) count(key string) int64 {
	r.Helper()
	v, err := r.g.Open(r.store, nil)
	if err != nil {
		r.Fatal(err)
	}
	n, _, err := v.(*state.KeyValueStore[string, int64]).Get(key)
	if err != nil {
		r.Fatal(err)
	}
	return n
}

func (r *rig) await(key string, want int64) {
	r.Helper()
	var n int64
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if n = r.count(key); n == want {
			return
		}
	}
	r.Fatalf("count of %s is %d, want %d", key, n, want)
}
