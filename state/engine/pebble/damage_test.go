package pebble_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// original makes a DB with several tables and closes it.
func original(t *testing.T, dir string) (*vfs.MemFS, *workload) {
	t.Helper()
	mem := vfs.NewMem()
	o := newOpener(t, pebble.Options{FS: mem, MemTableBytes: 1})
	w := newWorkload(7)
	for range 2 {
		e := open(t, o, dir)
		w.run(t, e, 60)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return mem, w
}

func readFile(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, fs vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(slices.Clone(data)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// damages are what may happen to a file. A nil result is a file that is gone.
func damages(rnd *rand.Rand, data []byte) map[string][]byte {
	out := map[string][]byte{
		"gone":       nil,
		"empty":      {},
		"half":       data[:len(data)/2],
		"last byte":  data[:max(0, len(data)-1)],
		"zeros":      make([]byte, len(data)),
		"tail added": append(slices.Clone(data), "tail"...),
	}
	flips := []int{0, len(data) / 10, len(data) / 2, len(data) * 9 / 10, len(data) - 1}
	for range 10 {
		flips = append(flips, rnd.IntN(max(1, len(data))))
	}
	for _, at := range flips {
		if at < 0 || at >= len(data) {
			continue
		}
		flipped := slices.Clone(data)
		flipped[at] ^= byte(1 << rnd.IntN(8))
		out[fmt.Sprintf("flip at %d", at)] = flipped
	}
	return out
}

// Whatever happens to a file, the data is right, as of one of the batches, or
// the error wraps ErrDamaged. No text of an error has a key in it.
func TestDamage(t *testing.T) {
	const dir = "db"
	mem, w := original(t, dir)
	names, err := mem.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	rnd := rand.New(rand.NewPCG(3, 4))
	kinds := map[string]int{}
	found := map[string]int{}
	for _, name := range names {
		if name == "LOCK" {
			continue
		}
		kind := strings.TrimLeft(name, "0123456789")
		kind, _, _ = strings.Cut(kind, "-")
		if kinds[kind]++; kinds[kind] > 3 {
			continue
		}
		data := readFile(t, mem, mem.PathJoin(dir, name))
		for what, bad := range damages(rnd, data) {
			t.Run(name+" "+what, func(t *testing.T) {
				fs := vfs.NewMem()
				if ok, err := vfs.Clone(mem, fs, dir, dir); !ok || err != nil {
					t.Fatal(ok, err)
				}
				path := fs.PathJoin(dir, name)
				if bad == nil {
					if err := fs.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else {
					writeFile(t, fs, path, bad)
				}
				if useDamaged(t, fs, dir, w) {
					found[kind]++
				}
			})
		}
	}
	t.Log("damages found:", found)
	// How much of a MANIFEST still counts depends on compactions in the
	// background; one that is gone, empty or all zeros always does.
	for kind, least := range map[string]int{".sst": 20, "MANIFEST": 3, "OPTIONS": 1} {
		if found[kind] < least {
			t.Errorf("%d damages of %s found", found[kind], kind)
		}
	}
}

// useDamaged reads all, writes enough for compactions and reads again. It tells
// whether the damage was found.
func useDamaged(t *testing.T, fs vfs.FS, dir string, w *workload) (found bool) {
	t.Helper()
	o := newOpener(t, pebble.Options{FS: fs, MemTableBytes: 1})
	e, err := o.Open(dir)
	if err != nil {
		mustBeDamage(t, "open", err)
		return true
	}
	n, err := w.check(e)
	if err == nil {
		again := &workload{rnd: rand.New(rand.NewPCG(1, 1)), states: slices.Clone(w.states[:n+1])}
		err = again.tryRun(e, 30)
		if err == nil {
			_, err = again.check(e)
		}
	}
	if err != nil {
		mustBeDamage(t, "use", err)
		found = true
		// The DB stays as it is: stopped.
		_, _, getErr := e.Get(nil, []byte("any"))
		mustBeDamage(t, "get", getErr)
		mustBeDamage(t, "flush", e.Flush())
		_, scanErr := e.Scan(nil, nil, false)
		mustBeDamage(t, "scan", scanErr)
	}
	if n := e.OpenReaders(); n != 0 {
		t.Errorf("%d readers left open", n)
	}
	if err := e.Close(); err != nil {
		mustBeDamage(t, "close", err)
		found = true
	}
	return found
}

func mustBeDamage(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("%s: %v, want %v", what, err, engine.ErrDamaged)
	}
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v %s %q", err, err, err, err), secret) {
		t.Errorf("%s: a key in the error: %v", what, err)
	}
}

// tryRun commits n batches and flushes after each third.
func (w *workload) tryRun(e engine.Engine, n int) error {
	for i := range n {
		b := e.NewBatch()
		w.fill(b)
		if err := b.Commit(); err != nil {
			return err
		}
		if i%3 == 0 {
			if err := e.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
