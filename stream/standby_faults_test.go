package stream

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/readback"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/topology"
)

// faulty is an engine whose writes fail with an error while there is one.
type faulty struct {
	engine.Opener
	err  atomic.Pointer[error]
	hits atomic.Int64
}

type faultyEngine struct {
	engine.Engine
	f *faulty
}

type faultyBatch struct {
	engine.Batch
	f *faulty
}

func (f *faulty) Open(dir string) (engine.Engine, error) {
	e, err := f.Opener.Open(dir)
	if err != nil {
		return nil, err
	}
	return &faultyEngine{e, f}, nil
}

func (e *faultyEngine) NewBatch() engine.Batch { return &faultyBatch{e.Engine.NewBatch(), e.f} }

func (b *faultyBatch) Commit() error {
	if err := b.f.err.Load(); err != nil {
		b.f.hits.Add(1)
		return fmt.Errorf("batch: %w", *err)
	}
	return b.Batch.Commit()
}

// A full disk lets a standby wait, damage lets it begin anew. Neither ends the
// worker, whose active tasks have no state on disk here.
func TestStandbyFaults(t *testing.T) {
	for _, fault := range []error{engine.ErrNoSpace, engine.ErrDamaged} {
		t.Run(strings.ReplaceAll(fault.Error(), " ", "-"), func(t *testing.T) {
			t.Parallel()
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			top, addrs := countingTwice(t), c.ListenAddrs()
			f := newFeeder(t, addrs)
			f.feed(1000)
			config := Config{ID: "app", Standbys: 1, CommitInterval: 20 * time.Millisecond, LayerAge: 5 * time.Millisecond}
			a := startPod(t, addrs, top, config)
			a.await("all records", f.committed)
			o := pebble.New(pebble.Options{})
			t.Cleanup(func() { o.Close() })
			disk := &faulty{Opener: o}
			config.Engine = disk
			b := startPod(t, addrs, top, config)
			b.await("a standby", b.has(0, 1))
			disk.err.Store(&fault)
			f.feed(1000)
			b.await("the fault", func() bool { return disk.hits.Load() > 1 && !b.has(0, 1)() })
			disk.err.Store(nil)
			f.feed(1000)
			a.await("all records", f.committed)
			b.await("a standby again", b.has(0, 1))
			b.await("a standby that follows", b.follows(a, f))
			before := b.restored.Load()
			a.stop()
			b.await("the task", b.has(1, 0))
			if n := b.restored.Load() - before; n > 100 {
				t.Errorf("restored %d records, which the standby had", n)
			}
			f.feed(10)
			b.await("all records", f.committed)
			if got, want := sumOf(t, addrs), int64(f.n); got != want {
				t.Errorf("counts add up to %d, want %d", got, want)
			}
		})
	}
}

// sumOf adds up the last values in the changelog of the counts.
func sumOf(t *testing.T, addrs []string) int64 {
	t.Helper()
	last := make(map[string]int64)
	readback.Committed(t, addrs, "app-counts-changelog", func(r *kgo.Record) {
		var err error
		if last[string(r.Key)], err = serde.Int64.Decode(r.Value); err != nil {
			t.Fatal(err)
		}
	})
	sum := int64(0)
	for _, n := range last {
		sum += n
	}
	return sum
}

// Instances of two workers each come and go. Nothing is counted twice or not at
// all, and no two copies of a task are in one process.
func TestStandbyChurn(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	top, addrs := countingTwice(t), c.ListenAddrs()
	f := newFeeder(t, addrs)
	config := Config{ID: "app", Guarantee: ExactlyOnce, Standbys: 1, CommitInterval: 20 * time.Millisecond, WarmupLag: 200}
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	start := func(n int) *pod {
		config.StateDir = dirs[n]
		return startPod(t, addrs, top, config)
	}
	pods := []*pod{start(0), start(1), start(2)}
	for round := range 6 {
		n := round % 3
		for range 30 {
			f.feed(50)
			time.Sleep(10 * time.Millisecond)
			for _, p := range pods {
				seen := make(map[string]bool)
				for _, task := range p.w.Tasks() {
					if seen[task.ID.String()] {
						t.Errorf("task %s is there twice", task.ID)
					}
					seen[task.ID.String()] = true
				}
			}
		}
		pods[n].stop()
		f.feed(500)
		pods[n] = start(n)
	}
	pods[0].await("all records", f.committed)
	pods[0].await("all tasks and standbys", func() bool {
		active, standbys, lag := 0, 0, int64(0)
		for _, p := range pods {
			a, _ := p.count(worker.Active)
			s, l := p.count(worker.Standby)
			active, standbys, lag = active+a, standbys+s, lag+l
		}
		return active == 4 && standbys == 4 && lag == 0
	})
	if got, want := sumOf(t, addrs), int64(f.n); got != want {
		t.Errorf("counts add up to %d, want %d", got, want)
	}
}

// A table that is read again from its input has standbys too. They are never
// ahead of what the task has committed.
func TestStandbyOfSource(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := NewBuilder(ReuseSourceTopics())
	in := topology.NewTopic("in", serde.String, serde.String)
	b.Table(in).Materialize(state.KeyValue("rows", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	addrs := c.ListenAddrs()
	f := newFeeder(t, addrs)
	f.feed(5000)
	config := Config{ID: "app", Standbys: 1, CommitInterval: 20 * time.Millisecond}
	x := startPod(t, addrs, top, config)
	x.await("all records", f.committed)
	y := startPod(t, addrs, top, config)
	y.await("a standby", y.has(1, 1))
	f.feed(5000)
	x.await("all records", f.committed)
	caught := func() bool {
		n := int64(0)
		for _, task := range y.w.Tasks() {
			for _, s := range task.Stores {
				if s.Changelog != "in" {
					t.Errorf("store %s is restored from %s", s.Name, s.Changelog)
				}
				n += s.Position
			}
		}
		return n == int64(f.n)
	}
	y.await("all of the input", caught)
	before := y.restored.Load()
	x.stop()
	y.await("both tasks", y.has(2, 0))
	if n := y.restored.Load() - before; n > 0 {
		t.Errorf("restored %d records, which the standby had", n)
	}
}
