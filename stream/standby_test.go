package stream

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/topology"
)

// pod is an instance with one worker, whose tasks a test can look at.
type pod struct {
	t        *testing.T
	w        *worker.Worker
	restored atomic.Int64 // records
	stop     func()
}

func startPod(t *testing.T, addrs []string, top *topology.Topology, c Config) *pod {
	t.Helper()
	if c.StateDir == "" {
		c.StateDir = t.TempDir()
	}
	c.Brokers, c.Workers = addrs, 1
	c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	p := &pod{t: t}
	c.RestoreListener = func(r RestoreProgress) {
		if r.Done {
			p.restored.Add(r.Restored)
		}
	}
	a, err := NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := statedir.Open(a.c.StateDir, a.c.ID)
	if err != nil {
		t.Fatal(err)
	}
	e, closeEngine := a.engine()
	clients := client.Config{Brokers: addrs, Name: "pod-" + dir.ProcessName(), Logger: a.log}
	layout, err := a.ensureTopics(t.Context(), clients, false)
	if err != nil {
		t.Fatal(err)
	}
	config := a.workerConfig(dir, clients, layout.Partitions(), e)
	config.Index = 1
	ctx, cancel := context.WithCancel(context.Background())
	config.Context = ctx
	p.w = worker.New(config)
	ended := make(chan error, 1)
	go func() { ended <- p.w.Run(ctx) }()
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
		if err := closeEngine(); err != nil {
			t.Errorf("engine: %v", err)
		}
		if err := dir.Close(); err != nil {
			t.Errorf("state folder: %v", err)
		}
	}
	t.Cleanup(p.stop)
	return p
}

// count counts the tasks of a role that are where they should be, and what they
// lack.
func (p *pod) count(role worker.Role) (n int, lag int64) {
	for _, task := range p.w.Tasks() {
		if task.Role != role || task.Parked || task.Phase != worker.Processing && task.Phase != worker.Tailing {
			continue
		}
		n++
		lag += task.Lag()
	}
	return n, lag
}

func (p *pod) await(what string, ok func() bool) {
	p.t.Helper()
	for until := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			p.t.Fatalf("%s: not in time; tasks %+v", what, p.w.Tasks())
		}
	}
}

// has says that the pod has so many active tasks and so many standbys that lack
// nothing.
func (p *pod) has(active, standbys int) func() bool {
	return func() bool {
		a, _ := p.count(worker.Active)
		s, lag := p.count(worker.Standby)
		return a == active && s == standbys && lag == 0
	}
}

// follows says that the standbys of a pod have all that the active tasks of
// another one wrote of what was fed. What they say are snapshots: only ones of
// after the last commit count.
func (p *pod) follows(other *pod, f *feeder) func() bool {
	return func() bool {
		done := int64(0)
		for _, task := range append(slices.Clone(other.w.Tasks()), p.w.Tasks()...) {
			for _, in := range task.Inputs {
				done += in.Committed
			}
		}
		if done < int64(f.n) {
			return false
		}
		has := make(map[string]int64)
		for _, task := range p.w.Tasks() {
			for _, s := range task.Stores {
				has[task.ID.String()+s.Name] = s.Position
			}
		}
		for _, task := range other.w.Tasks() {
			for _, s := range task.Stores {
				if task.Role == worker.Active && has[task.ID.String()+s.Name] < s.Position {
					return false
				}
			}
		}
		return true
	}
}

// countingTwice has a store on disk and one in memory.
func countingTwice(t *testing.T) *topology.Topology {
	t.Helper()
	b := NewBuilder()
	in := topology.NewTopic("in", serde.String, serde.String)
	counts := b.Stream(in).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64))
	Of(counts).GroupByKey().Count(state.KeyValue("memory", serde.String, serde.Int64, state.InMemory()))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

type feeder struct {
	t  *testing.T
	cl *kgo.Client
	n  int
}

func newFeeder(t *testing.T, addrs []string) *feeder {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &feeder{t: t, cl: cl}
}

func (f *feeder) feed(n int) {
	f.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		f.n++
		records[i] = &kgo.Record{Topic: "in", Key: fmt.Append(nil, f.n%5000), Value: []byte("v")}
	}
	if err := f.cl.ProduceSync(f.t.Context(), records...).FirstErr(); err != nil {
		f.t.Fatal(err)
	}
}

// committed says that the app has committed all that was fed.
func (f *feeder) committed() bool {
	got, _ := kadm.NewClient(f.cl).FetchOffsets(f.t.Context(), "app")
	n := int64(0)
	got.Each(func(o kadm.OffsetResponse) { n += o.At })
	return n >= int64(f.n)
}

// opens counts how often each folder was opened.
type opens struct {
	engine.Opener
	mu sync.Mutex
	by map[string]int
}

func (o *opens) Open(dir string) (engine.Engine, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by[filepath.Base(dir)]++
	return o.Opener.Open(dir)
}

func (o *opens) check(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for dir, n := range o.by {
		if n > 1 {
			t.Errorf("folder %s was opened %d times", dir, n)
		}
	}
}

// A standby takes over with the tail that it lacks, and the one that gives tasks
// up keeps their stores.
func TestStandbyTakesOver(t *testing.T) {
	for _, g := range []Guarantee{AtLeastOnce, ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "in"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			top, addrs := countingTwice(t), c.ListenAddrs()
			f := newFeeder(t, addrs)
			f.feed(20_000)
			config := Config{ID: "app", Guarantee: g, Standbys: 1, CommitInterval: 20 * time.Millisecond}
			files := &opens{Opener: pebble.New(pebble.Options{}), by: make(map[string]int)}
			onFiles := config
			onFiles.Engine = files
			a := startPod(t, addrs, top, onFiles)
			a.await("all records", f.committed)
			b := startPod(t, addrs, top, config)
			b.await("two standbys of b", b.has(2, 2))
			a.await("two standbys of a", a.has(2, 2))
			files.check(t)
			cold := b.restored.Load()
			f.feed(5000)
			a.await("all records", f.committed)
			b.await("standbys of b that follow", b.follows(a, f))
			a.stop()
			b.await("all tasks of a", b.has(4, 0))
			if warm := b.restored.Load() - cold; warm > 100 {
				t.Errorf("restored %d records, which the standbys had", warm)
			}
			f.feed(100)
			b.await("all records", f.committed)
		})
	}
}

// A task moves when its warm-up has caught up. Until then its owner works.
func TestWarmup(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	top, addrs := countingTwice(t), c.ListenAddrs()
	f := newFeeder(t, addrs)
	f.feed(20_000)
	config := Config{ID: "app", Guarantee: ExactlyOnce, CommitInterval: 20 * time.Millisecond, WarmupLag: 50, MaxWarmups: 1}
	a := startPod(t, addrs, top, config)
	a.await("all records", f.committed)
	before := a.restored.Load()

	b := startPod(t, addrs, top, config)
	most := 0
	b.await("half of the tasks", func() bool {
		f.feed(100)
		warm, _ := b.count(worker.Warmup)
		most = max(most, warm)
		n, _ := a.count(worker.Active)
		m, _ := b.count(worker.Active)
		if n+m < 2 {
			t.Errorf("only %d tasks work", n+m)
		}
		return n == 2 && m == 2
	})
	if most < 1 || most > 2 { // one, and one that has caught up and waits for its owner
		t.Errorf("%d warm-ups at a time", most)
	}
	// Of some 10,000 records each task has, those of the last commits are left.
	if n := b.restored.Load(); n > 2000 {
		t.Errorf("%d records were restored while the tasks stood still", n)
	}
	if n := a.restored.Load() - before; n > 0 {
		t.Errorf("a task that stays was restored: %d records", n)
	}
	a.await("all records", f.committed)
}

// Standbys are kept where the tags say something else.
func TestRackTags(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	top, addrs := countingTwice(t), c.ListenAddrs()
	config := Config{ID: "app", Standbys: 1, RackTags: []string{"zone"}, CommitInterval: 20 * time.Millisecond}
	zones := []string{"a", "a", "b", "b"}
	var pods []*pod
	for _, zone := range zones {
		config.Tags = map[string]string{"zone": zone}
		pods = append(pods, startPod(t, addrs, top, config))
	}
	apart := func() bool {
		where := make(map[string]string)
		for i, p := range pods {
			for _, task := range p.w.Tasks() {
				if task.Role == worker.Active {
					where[task.ID.String()] = zones[i]
				}
			}
		}
		copies := 0
		for i, p := range pods {
			for _, task := range p.w.Tasks() {
				if task.Role == worker.Standby {
					if where[task.ID.String()] == zones[i] {
						return false
					}
					copies++
				}
			}
		}
		return len(where) == 6 && copies == 6
	}
	pods[0].await("standbys in the other zone", apart)
}

func TestStandbySettings(t *testing.T) {
	c := Config{ID: "a"}.withDefaults()
	if c.Standbys != 0 || c.MaxWarmups != 2 || c.WarmupLag != 10_000 || c.ProbingInterval != 10*time.Minute {
		t.Errorf("defaults %+v", c)
	}
	none := Config{ID: "a", MaxWarmups: -1, WarmupLag: -1}.withDefaults()
	if none.MaxWarmups != 0 || none.WarmupLag != 0 {
		t.Errorf("negative values: %d, %d", none.MaxWarmups, none.WarmupLag)
	}
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Standbys: -1}, "Standbys"},
		{Config{Standbys: 101}, "Standbys"},
		{Config{RackTags: []string{"zone"}}, `"zone" is not a key of Tags`},
		{Config{Tags: map[string]string{"zone": "a"}, RackTags: []string{"zone", "zone"}}, "twice"},
		{Config{Tags: map[string]string{"": "a"}}, "key"},
		{Config{Tags: map[string]string{"zone": ""}}, "value"},
		{Config{ProbingInterval: -1}, "ProbingInterval"},
	} {
		c.config.ID = "a"
		if err := c.config.withDefaults().validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error with %s", c.config, err, c.want)
		}
	}
}
