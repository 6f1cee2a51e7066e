package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
)

// until waits for n distinct ids in the output.
func (s *spec) until(t *testing.T, n int) *counted {
	t.Helper()
	return collectUntil(t, s.Brokers, s.Out, 40*time.Second, func(c *counted) bool { return len(c.ids) >= n })
}

// Damaged files are moved aside and the state is rebuilt: nobody has to help.
func TestDamagedState(t *testing.T) {
	for _, damage := range []struct {
		name  string
		moved bool // a cut manifest is an earlier state, and that is in order
		harm  func(data []byte) []byte
	}{
		{"flipped", true, func(data []byte) []byte {
			for i := len(data) / 3; i < len(data); i += 97 {
				data[i] ^= 0xff
			}
			return data
		}},
		{"cut", false, func(data []byte) []byte { return data[:len(data)/2] }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 2)
			s.Guarantee = stream.ExactlyOnce
			l := newLoad(t, s.Brokers, s.In)
			l.send(400)
			stop := run(t, s)
			s.until(t, 400)
			stop()
			files, err := filepath.Glob(filepath.Join(s.StateDir, s.App, "1_*", "*"))
			if err != nil {
				t.Fatal(err)
			}
			hit := 0
			for _, f := range files {
				if !strings.HasSuffix(f, ".sst") && !strings.Contains(f, "MANIFEST") {
					continue
				}
				data, err := os.ReadFile(f)
				if err != nil || len(data) == 0 {
					continue
				}
				if err := os.WriteFile(f, damage.harm(data), 0o600); err != nil {
					t.Fatal(err)
				}
				hit++
			}
			if hit == 0 {
				t.Fatalf("nothing to damage in %v", files)
			}
			stop = run(t, s)
			l.send(400)
			got := s.until(t, 800)
			stop()
			got.check(t, s.Guarantee, 800)
			if moved, _ := filepath.Glob(filepath.Join(s.StateDir, s.App, "*.corrupt-*")); damage.moved && len(moved) == 0 {
				t.Error("no folder was moved aside")
			}
		})
	}
}

// fullDisk is an engine whose disk is full for a while.
type fullDisk struct {
	engine.Opener
	full atomic.Bool
	hits atomic.Int64
}

func (f *fullDisk) Open(dir string) (engine.Engine, error) {
	e, err := f.Opener.Open(dir)
	if err != nil {
		return nil, err
	}
	return &fullEngine{e, f}, nil
}

type fullEngine struct {
	engine.Engine
	disk *fullDisk
}

func (e *fullEngine) NewBatch() engine.Batch { return &fullBatch{e.Engine.NewBatch(), e.disk} }

type fullBatch struct {
	engine.Batch
	disk *fullDisk
}

func (b *fullBatch) Commit() error {
	if b.disk.full.Load() {
		b.disk.hits.Add(1)
		return fmt.Errorf("batch: %w", engine.ErrNoSpace)
	}
	return b.Batch.Commit()
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 2)
	s.Guarantee = stream.ExactlyOnce
	o := pebble.New(pebble.Options{})
	defer o.Close()
	disk := &fullDisk{Opener: o}
	l := newLoad(t, s.Brokers, s.In)
	stop := run(t, s, func(c *stream.Config) { c.Engine, c.LayerAge = disk, time.Millisecond })
	l.send(400)
	s.until(t, 400)
	disk.full.Store(true)
	l.send(400)
	time.Sleep(1500 * time.Millisecond)
	disk.full.Store(false)
	l.send(400)
	got := s.until(t, 1200)
	stop()
	got.check(t, s.Guarantee, 1200)
	if disk.hits.Load() == 0 {
		t.Error("the disk was never full")
	}
}

// An app that waits for brokers ends when it is told to.
func TestNoBroker(t *testing.T) {
	s := spec{App: "app", Brokers: "127.0.0.1:1", In: "in", Out: "out", Workers: 1, StateDir: t.TempDir()}
	stop := run(t, s)
	time.Sleep(500 * time.Millisecond)
	began := time.Now()
	stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// The brokers go away while the app runs, and do not come back: it stops all
// the same, within its time.
func TestStopWithoutBroker(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			cluster, s := fake(t, 2)
			s.Guarantee = g
			l := newLoad(t, s.Brokers, s.In)
			stop := run(t, s, func(c *stream.Config) { c.CloseTimeout = 2 * time.Second })
			l.send(400)
			s.until(t, 400)
			l.send(400)
			cluster.Close()
			time.Sleep(300 * time.Millisecond)
			began := time.Now()
			stop()
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %s to stop", took)
			}
		})
	}
}

// A stop in the middle of a restore, and one from inside user code.
func TestStopAnywhere(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 2)
	l := newLoad(t, s.Brokers, s.In)
	l.send(2000)
	stop := run(t, s)
	s.until(t, 2000)
	stop()
	if err := os.RemoveAll(filepath.Join(s.StateDir, s.App)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	c := s.config(testLog(t))
	c.RestoreListener = func(stream.RestoreProgress) { cancel() }
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(ctx); err != nil {
		t.Errorf("stopped in a restore: %v", err)
	}
	if app.State() != stream.NotRunning {
		t.Errorf("state %s", app.State())
	}
	if err := app.Run(context.Background()); err != stream.ErrStarted {
		t.Errorf("second run: %v", err)
	}

	s.App = "other"
	ctx, cancel = context.WithCancel(context.Background())
	b := stream.NewBuilder()
	b.Stream(in(s.In)).ForEach(func(string, string) { cancel() })
	if top, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	if app, err = stream.NewApp(top, s.config(testLog(t))); err != nil {
		t.Fatal(err)
	}
	if err := app.Run(ctx); err != nil {
		t.Errorf("stopped from user code: %v", err)
	}
}

// An input that gets more partitions gets more tasks, if it has no state.
func TestMorePartitions(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	var saw seen
	stop := runTopology(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).ForEach(saw.add) }, func(c *stream.Config) {
		c.Client = []kgo.Opt{kgo.MetadataMaxAge(time.Second)}
	})
	put(t, s.Brokers, s.In, at(1, "a"))
	saw.await(t, 10*time.Second, 1)
	grow(t, s.Brokers, s.In, 3)
	r := at(2, "b")
	r.Partition = 2
	put(t, s.Brokers, s.In, r)
	saw.await(t, 30*time.Second, 2)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// With state it is an error that says so: keys would be in other partitions.
func TestMorePartitionsOfState(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	c := s.config(testLog(t))
	c.Client = []kgo.Opt{kgo.MetadataMaxAge(time.Second)}
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	l := newLoad(t, s.Brokers, s.In)
	l.send(100)
	time.AfterFunc(time.Second, func() { grow(t, s.Brokers, s.In, 3) })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := app.Run(ctx); err == nil || !strings.Contains(err.Error(), "partitions") {
		t.Errorf("run: %v", err)
	}
}
