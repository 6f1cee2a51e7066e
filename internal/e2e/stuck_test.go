package e2e

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream"
)

// A stop does not wait for a rebalance that waits for somebody else: here for an
// instance whose user code stands still.
func TestStopWhileOthersAreStuck(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 4)
	l := newLoad(t, s.Brokers, s.In)
	l.send(40)
	stuck, entered := make(chan struct{}), make(chan struct{}, 1)
	build := func(b *stream.Builder) {
		b.Stream(in(s.In)).ForEach(func(_, _ string) {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-stuck
		})
	}
	stopA := runTopology(t, s, build)
	<-entered
	// The second to join makes the first give partitions up, which it can't, and
	// the third makes the second join again and wait for the first.
	stops := []func() error{stopA}
	for n := 2; n <= 3; n++ {
		s.StateDir = t.TempDir()
		stops = append(stops, runTopology(t, s, build))
		for until := time.Now().Add(20 * time.Second); members(t, s.Brokers, s.App) < n && time.Now().Before(until); {
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(3 * time.Second / time.Duration(n-1)) // for the heartbeat by which the first learns of it
	}
	began := time.Now()
	if err := stops[2](); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	} else {
		t.Logf("the stop took %s", took)
	}
	close(stuck)
	for _, stop := range stops {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}
