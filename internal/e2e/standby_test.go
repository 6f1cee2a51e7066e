package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// tellTasks prints a line with the tasks of an instance whenever they change: how
// many work, and how many copies lack little.
func tellTasks(ctx context.Context, app *stream.App) {
	last := ""
	for ctx.Err() == nil {
		count := make(map[string]int)
		for _, task := range app.Tasks() {
			lag := int64(0)
			for _, s := range task.Stores {
				lag += s.Lag
			}
			if task.Phase == "processing" || task.Phase == "tailing" && len(task.Stores) > 0 && lag <= 200 {
				count[task.Role]++
			}
		}
		if line := fmt.Sprintf("tasks %d %d %d", count["active"], count["standby"], count["warm-up"]); line != last {
			fmt.Println(line)
			last = line
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tasks returns the last such line.
func (i *instance) tasks() (active, standbys, warmups int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, l := range i.lines {
		if strings.HasPrefix(l, "tasks ") {
			fmt.Sscanf(l, "tasks %d %d %d", &active, &standbys, &warmups)
		}
	}
	return active, standbys, warmups
}

// logged is how many offsets the changelog of an app's counts has.
func logged(t *testing.T, addr string, s spec) int {
	t.Helper()
	n := 0
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		ends, err := adm.ListEndOffsets(ctx, s.App+"-counts-changelog")
		ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
		return err
	})
	return n
}

// abortedChanges writes a transaction that is aborted to the changelog: nobody
// may ever see what it holds.
func abortedChanges(t *testing.T, addr string, s spec, partitions int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID(s.App+"-stranger"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	var records []*kgo.Record
	for p := range partitions {
		for a := range accounts {
			records = append(records, &kgo.Record{
				Topic: s.App + "-counts-changelog", Partition: p, Key: fmt.Appendf(nil, "a%d", a), Value: []byte("99999 none"),
			})
		}
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

// An instance that vanished is followed by its standbys, which restore what they
// lack and no more.
func TestStandby(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 4)
			s.Guarantee, s.Standbys, s.Interval = g, 1, 100*time.Millisecond
			dirs := []string{t.TempDir(), t.TempDir()}
			on := func(n int) spec { s := s; s.StateDir = dirs[n]; return s }
			l := newLoad(t, addr, s.In)
			l.run(500)
			a, b := start(t, on(0)), start(t, on(1))
			for _, i := range []*instance{a, b} {
				i.await("standbys", 2*time.Minute, func() bool { n, m, _ := i.tasks(); return n == 4 && m == 2 })
			}
			b.await("changes", 3*time.Minute, func() bool { time.Sleep(time.Second); return logged(t, addr, s) > 25*accounts })
			if g == stream.ExactlyOnce {
				abortedChanges(t, addr, s, 4)
			}
			cold, before := logged(t, addr, s), b.restored()
			a.kill()
			b.await("all tasks", 2*time.Minute, func() bool { n, _, _ := b.tasks(); return n == 8 })
			// Each store lacks what was written since the last commit that was read, of which
			// there are ten a second, each with each account at most.
			if n := b.restored() - before; n > 5*accounts || n > cold/5 {
				t.Errorf("restored %d records; the changelogs have %d", n, cold)
			} else {
				t.Logf("restored %d records of %d", n, cold)
			}
			a = start(t, on(0))
			a.await("half of the tasks", 2*time.Minute, func() bool { n, m, _ := a.tasks(); return n == 4 && m == 2 })
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 2*time.Minute, func(c *counted) bool { return len(c.ids) >= n })
			got.check(t, g, n)
			a.stop()
			b.stop()
		})
	}
}

// Three instances come one by one. Tasks move when their warm-ups have caught up,
// and nothing stands still for it.
func TestWarmup(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 6)
			s.Guarantee, s.WarmupLag, s.Interval = g, 200, 100*time.Millisecond
			l := newLoad(t, addr, s.In)
			l.run(1000)
			var all []*instance
			for n := range 3 {
				s.StateDir = t.TempDir()
				if n > 0 {
					time.Sleep(6 * time.Second) // changes to catch up with
				}
				i := start(t, s)
				all = append(all, i)
				i.await("its share", 2*time.Minute, func() bool { m, _, _ := i.tasks(); return m == 12/(n+1) })
			}
			for n, i := range all[1:] {
				if r := i.restored(); r > 6*200 {
					t.Errorf("instance %d restored %d records while its tasks stood still", n+2, r)
				}
			}
			if r := all[0].restored(); r > 0 {
				t.Errorf("the first instance restored %d records of tasks that did not move", r)
			}
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 2*time.Minute, func(c *counted) bool { return len(c.ids) >= n })
			got.check(t, g, n)
			for _, i := range all {
				i.stop()
			}
		})
	}
}
