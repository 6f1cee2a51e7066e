package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
)

func open(t *testing.T, parent, app string) *Dir {
	t.Helper()
	d, err := Open(parent, app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestIdentityOutlivesProcess(t *testing.T) {
	parent := t.TempDir()
	d := open(t, parent, "app")
	id := d.ProcessName()
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("process id %s", id)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, parent, "app"); again.ProcessName() != id || again.Process() != d.Process() {
		t.Errorf("process id %s, want %s again", again.ProcessName(), id)
	}
	if other := open(t, parent, "other"); other.ProcessName() == id {
		t.Error("two apps have one process id")
	}
}

func TestDamagedIdentity(t *testing.T) {
	for _, text := range []string{"", "nonsense", "00000000-0000-0000-0000-00000000000", "zz000000-0000-4000-8000-000000000000"} {
		parent := t.TempDir()
		if err := os.Mkdir(filepath.Join(parent, "app"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(parent, "app", ".process"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, parent, "app")
		name := d.ProcessName()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if again := open(t, parent, "app"); again.ProcessName() != name || d.Process() == [16]byte{} {
			t.Errorf("%q: process id %s, then %s", text, name, again.ProcessName())
		}
	}
}

func TestLock(t *testing.T) {
	parent := t.TempDir()
	d := open(t, parent, "app")
	if _, err := Open(parent, "app"); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	open(t, parent, "other")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, parent, "app")
}

func TestModes(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "state")
	d := open(t, parent, "app")
	for path, want := range map[string]os.FileMode{parent: 0o700, d.Path(): 0o700, filepath.Join(d.Path(), ".lock"): 0o600, filepath.Join(d.Path(), ".process"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	if got, want := d.Task(graph.TaskID{Subtopology: 1, Partition: 2}), filepath.Join(parent, "app", "1_2"); got != want {
		t.Errorf("task folder %s, want %s", got, want)
	}
}

func TestNames(t *testing.T) {
	for _, app := range []string{"", ".", "..", "a/b", "../a", "a b", "a\x00b"} {
		if d, err := Open(t.TempDir(), app); err == nil {
			d.Close()
			t.Errorf("app %q was taken", app)
		}
	}
}

func TestOwners(t *testing.T) {
	d := open(t, t.TempDir(), "app")
	id, a, b := graph.TaskID{Subtopology: 1}, new(int), new(int)
	for range 2 {
		if !d.Acquire(id, a) {
			t.Error("a free task can't be had, or not kept")
		}
	}
	if d.Acquire(id, b) {
		t.Error("a task has two owners")
	}
	d.Release(id, b)
	if d.Acquire(id, b) {
		t.Error("a task was given up by another than its owner")
	}
	d.Release(id, a)
	if !d.Acquire(id, b) {
		t.Error("a task that was given up can't be had")
	}
}
