package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream"
)

// What is done to the state folders of two stopped instances does no harm: they
// carry what they hold and how far it goes, and the changelogs have the rest.
func TestStateFolders(t *testing.T) {
	for _, f := range []struct {
		name string
		do   func(t *testing.T, a, b, old string)
	}{
		{"exchanged", func(t *testing.T, a, b, old string) { // fault 20
			other := filepath.Join(t.TempDir(), "other")
			move(t, a, other)
			move(t, b, a)
			move(t, other, b)
		}},
		{"old copy", func(t *testing.T, a, b, old string) { // fault 19
			if err := os.RemoveAll(a); err != nil {
				t.Fatal(err)
			}
			move(t, old, a)
		}},
	} {
		for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
			t.Run(f.name+"/"+g.String(), func(t *testing.T) {
				t.Parallel()
				_, s := fake(t, 4)
				s.Guarantee = g
				a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
				l := newLoad(t, s.Brokers, s.In)
				all := func(c *counted) bool { return len(c.ids) >= l.total() }
				// both runs two instances through some load, and stops them.
				both := func() {
					var stops []func()
					for _, s.StateDir = range []string{a, b} {
						stops = append(stops, run(t, s, func(c *stream.Config) { c.LayerAge = 100 * time.Millisecond }))
					}
					for range 5 {
						l.send(4 * accounts)
						time.Sleep(100 * time.Millisecond)
					}
					collectUntil(t, s.Brokers, s.Out, 60*time.Second, all)
					for _, stop := range stops {
						stop()
					}
				}
				both()
				old := filepath.Join(t.TempDir(), "old")
				if err := os.CopyFS(old, os.DirFS(a)); err != nil {
					t.Fatal(err)
				}
				both()
				f.do(t, a, b, old)
				both()
				got := collectUntil(t, s.Brokers, s.Out, 60*time.Second, all)
				got.check(t, stream.ExactlyOnce, l.total()) // nothing crashed: at least once too
			})
		}
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
