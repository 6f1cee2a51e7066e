package e2e

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// The broker is killed and restarted, and stopped and restarted, under load.
func TestBrokerRestart(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			b := broker.StartOwn(t)
			s := names(t, b.Addr(), 3)
			s.Guarantee = g
			l := newLoad(t, b.Addr(), s.In)
			l.run(500)
			all := startTwo(t, s)
			time.Sleep(2 * time.Second)
			b.Kill()
			time.Sleep(3 * time.Second)
			b.Restart()
			time.Sleep(4 * time.Second)
			b.Stop()
			b.Restart()
			time.Sleep(4 * time.Second)
			n := l.halt()
			for _, i := range all {
				i.alive()
			}
			if g == stream.ExactlyOnce && b.LostMarkers() > 0 {
				t.Skip("SKIPPED: the broker lost the end of a transaction: see the fault 10 in docs/reliability.md")
			}
			got := collectUntil(t, b.Addr(), s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			for _, i := range all {
				i.stop()
			}
			got.check(t, g, n)
		})
	}
}
