package pebble_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/state/storetest"
)

// newOpener returns an Opener that is closed at the end of the test.
func newOpener(t testing.TB, o pebble.Options) *pebble.Opener {
	t.Helper()
	opener := pebble.New(o)
	t.Cleanup(func() {
		if err := opener.Close(); err != nil {
			t.Error(err)
		}
	})
	return opener
}

func open(t testing.TB, o *pebble.Opener, dir string) *pebble.DB {
	t.Helper()
	e, err := o.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return e.(*pebble.DB)
}

func TestEngine(t *testing.T) {
	for name, opts := range map[string]pebble.Options{
		"defaults": {},
		"small":    {CacheBytes: 1 << 20, MemTableBytes: 1, MaxOpenFiles: 10},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpener(t, opts)
			var mu sync.Mutex
			dirs := map[engine.Engine]string{}
			openIn := func(t *testing.T, dir string) engine.Engine {
				e := open(t, o, dir)
				mu.Lock()
				defer mu.Unlock()
				dirs[e] = dir
				return e
			}
			storetest.Run(t,
				func(t *testing.T) engine.Engine { return openIn(t, filepath.Join(t.TempDir(), "task", "0_1")) },
				storetest.Reopen(func(t *testing.T, e engine.Engine) engine.Engine {
					if err := e.Close(); err != nil {
						t.Fatal(err)
					}
					mu.Lock()
					dir := dirs[e]
					delete(dirs, e)
					mu.Unlock()
					return openIn(t, dir)
				}))
		})
	}
}

func TestFileModes(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	dir := filepath.Join(state, "app", "0_1")
	o := newOpener(t, pebble.Options{})
	for range 2 {
		e := open(t, o, dir)
		b := e.NewBatch()
		b.Set([]byte("k"), make([]byte, 10<<20))
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		checkModes(t, state)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		checkModes(t, state)
	}
	// A folder that was open to others is closed to them.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	e := open(t, o, dir)
	defer e.Close()
	checkModes(t, dir)
}

func checkModes(t *testing.T, root string) {
	t.Helper()
	files := 0
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: mode %o, want %o", path, got, want)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
}
