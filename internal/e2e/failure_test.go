package e2e

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// A worker that dies is replaced, or ends its instance, or all of them.
func TestOnFailure(t *testing.T) {
	for _, response := range []stream.Response{stream.ReplaceWorker, stream.StopApp, stream.StopAll} {
		for _, where := range []string{"fake", "kafka"} {
			t.Run(response.String()+"/"+where, func(t *testing.T) {
				var s spec
				if where == "fake" {
					t.Parallel()
					_, s = fake(t, 4)
				} else {
					s = names(t, broker.Start(t), 4)
					s.StateDir = t.TempDir()
				}
				s.Guarantee = stream.ExactlyOnce
				var broken atomic.Bool
				var died atomic.Pointer[stream.WorkerError]
				build := func(b *stream.Builder) {
					b.Stream(in(s.In)).MapValues(func(v string) string {
						if v == "a0 77" && broken.Load() {
							panic("asked for")
						}
						return v
					}).To(in(s.Out))
				}
				set := func(c *stream.Config) {
					c.OnFailure = func(e *stream.WorkerError) stream.Response {
						died.Store(e)
						return response
					}
				}
				first := newApp(t, s, build, set)
				s.StateDir = t.TempDir()
				second := newApp(t, s, build, set)
				ends := []<-chan error{goRun(t, first), goRun(t, second)}
				eventually(t, "both have tasks", 30*time.Second, func() bool { return len(first.Tasks()) == 2 && len(second.Tasks()) == 2 })
				l := newLoad(t, s.Brokers, s.In)
				l.send(50)
				broken.Store(true)
				bad := at(1, "a0 77")
				put(t, s.Brokers, s.In, bad)
				eventually(t, "a worker dies", 20*time.Second, func() bool { return died.Load() != nil })
				e, ok := errors.AsType[*stream.RecordError](died.Load())
				if !ok || e.Topic != s.In || !strings.Contains(e.Place, "failure_test.go:") {
					t.Errorf("died of %v", died.Load())
				}
				switch response {
				case stream.ReplaceWorker:
					broken.Store(false)
					eventually(t, "both work again", 20*time.Second, func() bool {
						return first.State() == stream.Running && second.State() == stream.Running
					})
					l.send(50)
					s.values(t, 101)
				case stream.StopApp:
					broken.Store(false)
					err := either(t, ends)
					if !strings.Contains(err.Error(), "panic: asked for") {
						t.Errorf("ended with %v", err)
					}
					l.send(50)
					s.values(t, 101) // by the other one
				case stream.StopAll:
					a, b := <-ends[0], <-ends[1]
					if errors.Is(b, stream.ErrShutdown) {
						a, b = b, a
					}
					if !errors.Is(a, stream.ErrShutdown) || b == nil || !strings.Contains(b.Error(), "panic: asked for") {
						t.Errorf("ended with %v and %v", a, b)
					}
					if first.State() != stream.Failed || second.State() != stream.Failed {
						t.Errorf("states are %s and %s", first.State(), second.State())
					}
				}
			})
		}
	}
}

// A worker that dies again and again is replaced with pauses in between, which
// grow: after 1 s, 2 s and so on.
func TestReplacedWithPauses(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	var died []time.Time
	enough := make(chan struct{})
	app := newApp(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In)).ForEach(func(string, string) { panic("asked for") })
	}, func(c *stream.Config) {
		c.OnFailure = func(*stream.WorkerError) stream.Response {
			if len(died) < 3 {
				if died = append(died, time.Now()); len(died) == 3 {
					close(enough)
				}
			}
			return stream.ReplaceWorker
		}
	})
	put(t, s.Brokers, s.In, at(1, "x"))
	goRun(t, app)
	await(t, "a worker died three times", 30*time.Second, enough)
	if a, b := died[1].Sub(died[0]), died[2].Sub(died[1]); a < time.Second || b < 2*time.Second || b > 15*time.Second {
		t.Errorf("workers died %s and %s after the one before", a, b)
	}
	if state := app.State(); state == stream.Failed || state == stream.NotRunning {
		t.Errorf("the app is %s", state)
	}
}

func either(t *testing.T, ends []<-chan error) (err error) {
	t.Helper()
	select {
	case err = <-ends[0]:
	case err = <-ends[1]:
	case <-time.After(20 * time.Second):
	}
	if err == nil {
		t.Fatal("none ended with an error")
	}
	return err
}

// values waits for n records in the output and returns what they are.
func (s *spec) values(t *testing.T, n int) (values []string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.ConsumeTopics(s.Out), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(values) < n {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d records in the output, want %d", len(values), n)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// Stops while stores are restored, while the group changes, twice and from
// inside of user code return in time (fault 42).
func TestStops(t *testing.T) {
	soon := func(t *testing.T, ended <-chan error, within time.Duration) {
		t.Helper()
		began := time.Now()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
			t.Log("stopped after", time.Since(began))
		case <-time.After(within):
			t.Errorf("not stopped within %s", within)
		}
	}
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run("in a restore/"+g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 1)
			s.Guarantee = g
			newLoad(t, s.Brokers, s.In).send(2000)
			stop := run(t, s)
			s.until(t, 2000)
			stop()
			s.StateDir = t.TempDir()
			restoring := make(chan struct{}, 100)
			app := newApp(t, s, nil, func(c *stream.Config) {
				c.RestoreListener = func(stream.RestoreProgress) {
					restoring <- struct{}{}
					time.Sleep(100 * time.Millisecond)
				}
			})
			ended := goRun(t, app)
			await(t, "a restore", 10*time.Second, restoring)
			go app.Close(context.Background())
			go app.Close(context.Background())
			soon(t, ended, 5*time.Second)
		})
		t.Run("in a rebalance/"+g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 6)
			s.Guarantee = g
			// Now and then the fake cluster waits for a member that went, as long as
			// this says.
			patience := func(c *stream.Config) { c.RebalanceTimeout = 10 * time.Second }
			l := newLoad(t, s.Brokers, s.In)
			l.send(100)
			stop := run(t, s, patience)
			s.until(t, 100)
			for _, after := range []time.Duration{0, 10, 50, 100, 300} {
				other := s
				other.StateDir, other.Workers = t.TempDir(), 2
				app := newApp(t, other, nil, patience)
				ended := goRun(t, app)
				time.Sleep(after * time.Millisecond)
				go app.Close(context.Background())
				soon(t, ended, 5*time.Second)
			}
			l.send(100)
			s.until(t, 200).check(t, g, 200)
			stop()
		})
		t.Run("from user code/"+g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 1)
			s.Guarantee = g
			put(t, s.Brokers, s.In, at(1, "stop"), at(2, "next"))
			var app *stream.App
			ready := make(chan struct{})
			app = newApp(t, s, func(b *stream.Builder) {
				b.Stream(in(s.In)).ForEach(func(_, v string) {
					<-ready
					if v == "stop" {
						ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
						defer cancel()
						if err := app.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("close waited for itself: %v", err)
						}
					}
				})
			})
			close(ready)
			soon(t, goRun(t, app), 10*time.Second)
		})
	}
	t.Run("before the start", func(t *testing.T) {
		_, s := fake(t, 1)
		app := newApp(t, s, nil)
		if err := app.Close(t.Context()); err != nil {
			t.Error(err)
		}
		soon(t, goRun(t, app), 5*time.Second)
		if err := app.Run(t.Context()); !errors.Is(err, stream.ErrStarted) {
			t.Errorf("second run: %v", err)
		}
	})
}
