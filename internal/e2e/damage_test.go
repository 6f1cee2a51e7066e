package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// Files of the state are flipped, cut or gone after a kill (faults 16, 17 and
// 18): what is damaged is found and moved aside, nobody has to help, and the
// results are whole.
func TestDamageAfterKill(t *testing.T) {
	addr := broker.Start(t)
	for _, damage := range []struct {
		name  string
		moved bool // a cut or missing file may leave an earlier state, and that is in order
		harm  func(data []byte) []byte
	}{
		{"flipped", true, func(data []byte) []byte {
			for i := len(data) / 3; i < len(data); i += 97 {
				data[i] ^= 0xff
			}
			return data
		}},
		{"cut", false, func(data []byte) []byte { return data[:len(data)/2] }},
		{"gone", false, func([]byte) []byte { return nil }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 2)
			s.Guarantee, s.StateDir = stream.ExactlyOnce, t.TempDir()
			l := newLoad(t, addr, s.In)
			l.run(300)
			i := start(t, s)
			i.await("files", 60*time.Second, func() bool { return len(stateFiles(t, s)) >= 4 })
			i.kill()
			files := stateFiles(t, s)
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if data = damage.harm(data); data == nil {
					err = os.Remove(f)
				} else {
					err = os.WriteFile(f, data, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			i = start(t, s)
			i.running()
			n := l.halt()
			got := collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			i.stop()
			got.check(t, s.Guarantee, n)
			if moved, _ := filepath.Glob(filepath.Join(s.StateDir, s.App, "*.corrupt-*")); damage.moved && len(moved) == 0 {
				t.Errorf("no folder was moved aside; damaged were %v", files)
			}
		})
	}
}

// stateFiles are the files that hold the counts of an app and that tell where
// they lie, of all tasks.
func stateFiles(t *testing.T, s spec) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.StateDir, s.App, "1_*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range all {
		if info, err := os.Stat(f); err == nil && info.Size() > 0 && (strings.HasSuffix(f, ".sst") || strings.Contains(f, "MANIFEST")) {
			files = append(files, f)
		}
	}
	return files
}
