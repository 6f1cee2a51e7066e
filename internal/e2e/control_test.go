package e2e

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// newApp makes an app of a topology, or of the counting one if build is nil.
func newApp(t *testing.T, s spec, build func(*stream.Builder), set ...func(*stream.Config)) *stream.App {
	t.Helper()
	var top *topology.Topology
	var err error
	if build == nil {
		top, err = counting(s.In, s.Out)
	} else {
		b := stream.NewBuilder()
		build(b)
		top, err = b.Build()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := s.config(testLog(t))
	for _, f := range set {
		f(&c)
	}
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// goRun runs an app until the test ends and returns what gets its error.
func goRun(t *testing.T, app *stream.App) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- app.Run(context.Background())
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		defer cancel()
		if err := app.Close(ctx); err != nil {
			t.Error(err)
		}
		<-done
	})
	return ended
}

func eventually(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}

// spread says that so many workers of an app have so many tasks that work.
func spread(app *stream.App, workers, tasks int) func() bool {
	return func() bool {
		n, sum := make(map[int]bool), 0
		for _, task := range app.Tasks() {
			if task.Role == "active" && task.Phase == "processing" {
				n[task.Worker] = true
				sum++
			}
		}
		return len(n) == workers && sum == tasks
	}
}

// Workers are added and removed under load: tasks spread over those there are,
// and nothing is lost.
func TestWorkersComeAndGo(t *testing.T) {
	everywhere(t, 6, func(t *testing.T, s spec) {
		if err := newApp(t, s, nil).AddWorker(); !errors.Is(err, stream.ErrNotRunning) {
			t.Errorf("a worker for an app that does not run: %v", err)
		}
		l := newLoad(t, s.Brokers, s.In)
		l.run(400)
		app := newApp(t, s, nil)
		goRun(t, app)
		eventually(t, "one worker has all tasks", 20*time.Second, spread(app, 1, 12))
		for range 2 {
			if err := app.AddWorker(); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "three workers have tasks", 20*time.Second, spread(app, 3, 12))
		time.Sleep(500 * time.Millisecond)
		for range 2 {
			if err := app.RemoveWorker(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "one worker has all tasks again", 20*time.Second, spread(app, 1, 12))
		if err := app.AddWorker(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "two workers have tasks", 20*time.Second, spread(app, 2, 12))
		eventually(t, "the app runs", 20*time.Second, func() bool { return app.State() == stream.Running })
		n := l.halt()
		s.until(t, n).check(t, s.Guarantee, n)
	})
}

// Nothing is processed while an app is paused, and it stays in the group.
func TestPause(t *testing.T) {
	everywhere(t, 2, func(t *testing.T, s spec) {
		l := newLoad(t, s.Brokers, s.In)
		l.send(100)
		var mu sync.Mutex
		var states []string
		app := newApp(t, s, nil, func(c *stream.Config) {
			c.StateListener = func(_, to stream.State) {
				mu.Lock()
				defer mu.Unlock()
				states = append(states, to.String())
			}
		})
		goRun(t, app)
		s.until(t, 100)
		app.Pause()
		time.Sleep(1500 * time.Millisecond) // until Tasks tells it
		before := app.Tasks()
		l.send(3000)
		time.Sleep(7 * time.Second) // longer than the session
		if !app.Paused() || app.State() != stream.Running {
			t.Errorf("paused %t in state %s", app.Paused(), app.State())
		}
		after := app.Tasks()
		for i := range before {
			for j, in := range before[i].Inputs {
				if len(after) <= i || after[i].Inputs[j].Position != in.Position {
					t.Errorf("task %s went on: %+v", before[i].Task, after)
				}
			}
		}
		app.Resume()
		s.until(t, 3100).check(t, s.Guarantee, 3100)
		mu.Lock()
		defer mu.Unlock()
		if n := slices.Index(states, "running"); n < 0 || n != len(states)-1 {
			t.Errorf("states %v, want no rebalance", states)
		}
	})
}

// The tasks of an app are told with how far they are.
func TestTasks(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 2)
	l := newLoad(t, s.Brokers, s.In)
	l.send(200)
	app := newApp(t, s, nil)
	if n := len(app.Tasks()); n != 0 {
		t.Errorf("%d tasks before it runs", n)
	}
	goRun(t, app)
	s.until(t, 200)
	eventually(t, "all is committed", 10*time.Second, func() bool {
		sum, stores := int64(0), 0
		for _, task := range app.Tasks() {
			if task.Role != "active" || task.Worker != 1 || task.Parked {
				t.Fatalf("task %+v", task)
			}
			for _, in := range task.Inputs {
				if in.Topic == s.In && in.Committed == in.End && in.Lag() == 0 {
					sum += in.Committed
				}
			}
			for _, l := range task.Stores {
				if l.Store == "counts" && l.Position > 0 && l.Lag == 0 {
					stores++
				}
			}
		}
		return sum == 200 && stores == 2 && len(app.Tasks()) == 4
	})
}

// Local state is deleted, and not under a running app.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 2)
	s.Guarantee = stream.ExactlyOnce
	l := newLoad(t, s.Brokers, s.In)
	l.send(200)
	app := newApp(t, s, nil)
	ended := goRun(t, app)
	s.until(t, 200)
	if err := app.CleanUp(); !errors.Is(err, stream.ErrRunning) {
		t.Errorf("clean-up of a running app: %v", err)
	}
	if err := newApp(t, s, nil).CleanUp(); !errors.Is(err, stream.ErrStateInUse) {
		t.Errorf("clean-up beside a running app: %v", err)
	}
	if err := app.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := app.CleanUp(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(s.StateDir, s.App, "[^.]*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	l.send(100)
	goRun(t, newApp(t, s, nil))
	s.until(t, 300).check(t, s.Guarantee, 300)
}
