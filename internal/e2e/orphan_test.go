package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// long is a transaction's timeout that no test waits for.
const long = 10 * time.Minute

// All instances are killed in the middle of a transaction and come back without
// their folders, as containers do: no member is left that knew of them. Their
// transactions hold up what others read, and are ended by who takes the tasks.
func TestAllVanish(t *testing.T) {
	addr := broker.Start(t)
	s := names(t, addr, 3)
	s.Guarantee, s.Interval, s.TxnLasts = stream.ExactlyOnce, 3*time.Second, long
	l := newLoad(t, addr, s.In)
	l.run(400)
	all := startTwo(t, s)
	collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) > 0 })
	eventually(t, "both have a transaction open", 60*time.Second, func() bool { return open(t, addr, s.App) == 2 })
	for _, i := range all {
		i.kill()
	}
	if n := open(t, addr, s.App); n == 0 {
		t.Fatal("nothing was left open: the test shows nothing")
	}
	s.StateDir = t.TempDir()
	began := time.Now()
	i := start(t, s)
	n := l.halt()
	got := collectUntil(t, addr, s.Out, 3*time.Minute, func(c *counted) bool { return len(c.ids) >= n })
	t.Logf("all results %s after the start", time.Since(began).Round(time.Millisecond))
	i.stop()
	got.check(t, s.Guarantee, n)
}

// One of two instances is killed in the middle of a transaction and does not come
// back. The one that stays gets its tasks and ends its transaction: nobody waits
// for the timeout of that.
func TestOneVanishes(t *testing.T) {
	addr := broker.Start(t)
	s := names(t, addr, 4)
	s.Guarantee, s.Interval, s.TxnLasts = stream.ExactlyOnce, 2*time.Second, long
	l := newLoad(t, addr, s.In)
	l.run(300)
	all := startTwo(t, s)
	eventually(t, "both have a transaction open", 60*time.Second, func() bool { return open(t, addr, s.App) == 2 })
	all[0].kill()
	if n := open(t, addr, s.App); n != 2 {
		t.Fatalf("%d transactions are open after the kill, want that of the one killed too", n)
	}
	began := time.Now()
	n := l.halt()
	got := collectUntil(t, addr, s.Out, 3*time.Minute, func(c *counted) bool { return len(c.ids) >= n })
	t.Logf("all results %s after the kill", time.Since(began).Round(time.Millisecond))
	all[1].stop()
	got.check(t, s.Guarantee, n)
}

// open counts the open transactions of an app.
func open(t *testing.T, addr, app string) int {
	n := 0
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		listed, err := adm.ListTransactions(ctx, nil, []string{"Ongoing"})
		for id, tx := range listed {
			if strings.HasPrefix(id, app+"-") && tx.State == "Ongoing" {
				n++
			}
		}
		return err
	})
	return n
}

// Only transactions of the app itself are ended: others are strangers' business,
// even if their names begin alike.
func TestOrphanedTransaction(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	s.Guarantee = stream.ExactlyOnce
	const process = "01234567-89ab-4cde-8f01-23456789abcd"
	leave := func(id, topic string) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic), kgo.TransactionTimeout(long))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Key: []byte("0"), Value: []byte("a0 0")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	l := newLoad(t, s.Brokers, s.In)
	leave(s.App+"-"+process+"-1", s.In)
	l.send(50)
	stop := run(t, s)
	s.until(t, 50) // behind it
	stop()
	leave(s.App+"-other-"+process+"-1", s.Out)
	leave(s.App+"-else", s.Out)
	if n := open(t, s.Brokers, s.App); n != 2 {
		t.Fatalf("%d transactions are open, want 2", n)
	}
	s.StateDir = t.TempDir()
	var log appLog
	stop = run(t, s, log.set)
	eventually(t, "it runs", 30*time.Second, func() bool { return log.has("worker is running") })
	leave(s.App+"-"+process+"-2", s.In)
	s.StateDir = t.TempDir()
	stopOther := run(t, s)
	eventually(t, "the app's own is ended", 30*time.Second, func() bool { return open(t, s.Brokers, s.App) <= 2 })
	stop()
	stopOther()
	if n := open(t, s.Brokers, s.App); n != 2 {
		t.Errorf("%d transactions of strangers are open, want 2", n)
	}
}
