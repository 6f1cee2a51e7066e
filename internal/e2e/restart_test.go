package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// A restart reads again only what the local state lacks.
func TestRestart(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 3)
			s.Guarantee, s.StateDir = g, t.TempDir()
			l := newLoad(t, addr, s.In)
			l.send(1000)
			all := func(c *counted) bool { return len(c.ids) >= l.total() }

			i := start(t, s)
			collectUntil(t, addr, s.Out, 30*time.Second, all)
			i.stop()

			// Clean: nothing is missing.
			i = start(t, s)
			i.running()
			if n := i.restored(); n != 0 {
				t.Errorf("restored %d records after a clean stop, want none", n)
			}
			for range 10 { // several commits, each with every account
				l.send(accounts)
				time.Sleep(150 * time.Millisecond)
			}
			collectUntil(t, addr, s.Out, 30*time.Second, all)
			time.Sleep(3 * time.Second) // more than the age at which layers are written
			for range 2 {
				l.send(accounts)
				collectUntil(t, addr, s.Out, 30*time.Second, all)
				time.Sleep(300 * time.Millisecond) // the commit behind the output
			}
			i.kill()

			// Killed: the tail is missing, which holds each account once or twice.
			i = start(t, s)
			i.running()
			if n := i.restored(); n < 1 || n > 2*accounts {
				t.Errorf("restored %d records after a kill, want the tail of at most %d", n, 2*accounts)
			}
			i.stop()

			// Wiped: all is missing. The process id goes too.
			if err := os.RemoveAll(filepath.Join(s.StateDir, s.App)); err != nil {
				t.Fatal(err)
			}
			i = start(t, s)
			i.running()
			if n := i.restored(); n < 10*accounts {
				t.Errorf("restored %d records after a wipe, want all, at least %d", n, 10*accounts)
			}
			l.send(accounts)
			got := collectUntil(t, addr, s.Out, 30*time.Second, all)
			i.stop()
			got.check(t, g, l.total())
		})
	}
}

// The changelog's start moves to its end while the local state is whole: the
// app goes on. When the local state is gone too, it stops and says what is lost.
func TestChangelogEmptied(t *testing.T) {
	addr := broker.Start(t)
	s := names(t, addr, 2)
	s.Guarantee, s.StateDir = stream.ExactlyOnce, t.TempDir()
	l := newLoad(t, addr, s.In)
	all := func(c *counted) bool { return len(c.ids) >= l.total() }
	l.send(400)
	i := start(t, s)
	collectUntil(t, addr, s.Out, 30*time.Second, all)
	i.stop()
	empty(t, addr, s.App+"-counts-changelog")
	i = start(t, s)
	i.running()
	l.send(400)
	got := collectUntil(t, addr, s.Out, 30*time.Second, all)
	i.stop()
	got.check(t, s.Guarantee, l.total())

	empty(t, addr, s.App+"-counts-changelog")
	s.StateDir = t.TempDir()
	app := newApp(t, s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := app.Run(ctx); err == nil || !errors.Is(err, stream.ErrStateLost) {
		t.Errorf("run with an emptied changelog and no local state: %v", err)
	} else {
		t.Log(err)
	}
}

// empty deletes all records of a topic. The broker refuses that for topics that
// are compacted only, so that they are told otherwise for a moment.
func empty(t *testing.T, addr, topic string) {
	t.Helper()
	policy := func(ctx context.Context, adm *kadm.Client, value string) error {
		_, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: kadm.StringPtr(value)}}, topic)
		return err
	}
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		if err := policy(ctx, adm, "compact,delete"); err != nil {
			return err
		}
		ends, err := adm.ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		for err = errors.New("not tried"); err != nil && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
			var got kadm.DeleteRecordsResponses
			if got, err = adm.DeleteRecords(ctx, ends.Offsets()); err == nil {
				err = got.Error()
			}
		}
		return errors.Join(err, policy(ctx, adm, "compact"))
	})
}

// Two instances can't have one state folder.
func TestStateInUse(t *testing.T) {
	addr := broker.Start(t)
	s := names(t, addr, 1)
	s.StateDir = t.TempDir()
	i := start(t, s)
	i.running()
	app := newApp(t, s, nil)
	if err := app.Run(t.Context()); !errors.Is(err, stream.ErrStateInUse) {
		t.Errorf("second instance on the folder: %v", err)
	}
	i.stop()
}
