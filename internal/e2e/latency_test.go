package e2e

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// watch reads an output as it comes and keeps the longest time from a record's
// production to its result.
type watch struct {
	mu    sync.Mutex
	worst time.Duration
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newWatch(t *testing.T, addr, topic string) *watch {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{stop: cancel}
	w.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				w.mu.Lock()
				w.worst = max(w.worst, time.Since(r.Timestamp))
				w.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() { cancel(); w.done.Wait() })
	return w
}

// since returns the longest time since the last call.
func (w *watch) since() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	worst := w.worst
	w.worst = 0
	return worst
}

// TestHandOver tells how long records wait while tasks change hands. It checks
// generous bounds only: the figures are in the log.
func TestHandOver(t *testing.T) {
	if os.Getenv("OTTLA_LATENCY") == "" {
		t.Skip("needs OTTLA_LATENCY=1: it wants the machine for itself")
	}
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			s := names(t, addr, 6)
			s.Guarantee = g
			on := func() spec { s := s; s.StateDir = t.TempDir(); return s }
			l := newLoad(t, addr, s.In)
			l.run(500)
			sa, sb := on(), on()
			a := start(t, sa)
			a.running()
			time.Sleep(3 * time.Second)
			w := newWatch(t, addr, s.Out)
			time.Sleep(2 * time.Second)
			w.since() // what was there before
			time.Sleep(3 * time.Second)
			t.Logf("undisturbed: %s", w.since())
			phase := func(name string, bound time.Duration, do func()) {
				t.Helper()
				do()
				time.Sleep(6 * time.Second)
				worst := w.since()
				t.Logf("%s: %s", name, worst)
				if worst > bound {
					t.Errorf("%s: %s", name, worst)
				}
			}
			var b *instance
			phase("second instance joins", 5*time.Second, func() { b = start(t, sb); b.running() })
			phase("second instance stops", 5*time.Second, func() { b.stop() })
			phase("second instance is back", 5*time.Second, func() { b = start(t, sb); b.running() })
			phase("second instance bounces", 5*time.Second, func() { b.stop(); time.Sleep(time.Second); b = start(t, sb); b.running() })
			phase("second instance is killed and back after 3 s", 12*time.Second, func() { b.kill(); time.Sleep(3 * time.Second); b = start(t, sb); b.running() })
			phase("second instance is killed", 15*time.Second, func() { b.kill(); time.Sleep(8 * time.Second) })
			l.halt()
			a.stop()
		})
	}
}
