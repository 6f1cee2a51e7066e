package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// Two, three and one instance under load, with clean stops and kills.
func TestScale(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 4)
			s.Guarantee = g
			dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
			on := func(n int) spec { s := s; s.StateDir = dirs[n]; return s }

			l := newLoad(t, addr, s.In)
			l.run(1000)
			a, b := start(t, on(0)), start(t, on(1))
			a.running()
			b.running()
			c := start(t, on(2))
			c.running()
			time.Sleep(3 * time.Second)
			b.kill()
			time.Sleep(2 * time.Second)
			b = start(t, on(1))
			b.running()
			time.Sleep(2 * time.Second)
			c.stop()
			time.Sleep(2 * time.Second)
			b.kill()
			time.Sleep(8 * time.Second)
			a.alive()
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			got.check(t, g, n)
			a.stop()
		})
	}
}

// Three instances are killed at once and come back (fault 2), and then are
// stopped and started one after the other, as a new version of an app is rolled
// out (fault 4): an instance that is back runs before the next one goes.
func TestAllInTurn(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 6)
			s.Guarantee = g
			l := newLoad(t, addr, s.In)
			l.run(400)
			all, specs := make([]*instance, 3), []spec{s, s, s}
			for i := range all {
				specs[i].StateDir = t.TempDir()
				all[i] = start(t, specs[i])
			}
			for _, i := range all {
				i.running()
			}
			time.Sleep(3 * time.Second) // some state is on disk
			for _, i := range all {
				i.cmd.Process.Kill()
			}
			for i := range all {
				<-all[i].done
				all[i] = start(t, specs[i])
			}
			for _, i := range all {
				i.running()
			}
			for i := range all {
				all[i].stop()
				all[i] = start(t, specs[i])
				all[i].running()
			}
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			for _, i := range all {
				i.stop()
			}
			got.check(t, g, n)
		})
	}
}

// An instance that stands still for longer than the session lasts loses its
// tasks, finds out when it goes on, and is a member again by itself.
func TestZombie(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 4)
			s.Guarantee = g
			l := newLoad(t, addr, s.In)
			l.run(500)
			all := startTwo(t, s)
			time.Sleep(2 * time.Second)
			all[0].signal(syscall.SIGSTOP)
			time.Sleep(9 * time.Second)
			all[0].signal(syscall.SIGCONT)
			time.Sleep(5 * time.Second)
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			got.check(t, g, n)
			for _, i := range all {
				i.alive()
				i.stop()
			}
		})
	}
}
