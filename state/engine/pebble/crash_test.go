package pebble_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ottla-streams/ottla/state/engine/pebble"
)

var crashes = flag.Int("crashes", 100, "simulated crashes of TestCrash")

// A simulated crash of the machine before a random write to the files: the state
// after it is that of a batch between the last flush and the last commit.
func TestCrash(t *testing.T) {
	runs := *crashes
	if testing.Short() {
		runs = min(runs, 15)
	}
	lost := 0
	for seed := range runs {
		unsynced := 50 * (seed % 3)
		// Each by itself: what it opened is given up at its end.
		ok := t.Run(fmt.Sprintf("%d/%d", seed, unsynced), func(t *testing.T) { lost += crash(t, uint64(seed), unsynced) })
		if !ok {
			return
		}
	}
	t.Logf("%d crashes, %d batches lost, none torn", runs, lost)
}

// crash returns how many committed batches were lost.
func crash(t *testing.T, seed uint64, unsynced int) int {
	const dir = "state/app/0_1"
	rnd := rand.New(rand.NewPCG(seed, uint64(unsynced)))
	mem := vfs.NewCrashableMem()
	var (
		countdown atomic.Int64
		once      sync.Once
		after     *vfs.MemFS
		flushed   atomic.Int64 // the last batch that has to be there
		committed atomic.Int64 // the last one that may be there
		least     int
		most      int
	)
	countdown.Store(1 + rnd.Int64N(500))
	strike := func() {
		once.Do(func() {
			least = int(flushed.Load())
			after = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rnd})
			most = int(committed.Load())
		})
	}
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && countdown.Add(-1) == 0 {
			strike()
		}
		return nil
	}))
	o := newOpener(t, pebble.Options{FS: fs, MemTableBytes: 1})
	w := newWorkload(seed)
	for range 2 {
		e := open(t, o, dir)
		for range 40 {
			b := e.NewBatch()
			w.fill(b)
			committed.Store(int64(w.batches()))
			if err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			if w.rnd.IntN(12) == 0 {
				if err := e.Flush(); err != nil {
					t.Fatal(err)
				}
				flushed.Store(int64(w.batches()))
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		flushed.Store(int64(w.batches()))
	}
	strike()

	survivor := newOpener(t, pebble.Options{FS: after, MemTableBytes: 1})
	e := open(t, survivor, dir)
	n, err := w.check(e)
	if err != nil {
		t.Fatal(err)
	}
	if n < least || n > most {
		t.Fatalf("state after batch %d, want one from %d to %d", n, least, most)
	}
	// Life goes on.
	w.states = w.states[:n+1]
	w.run(t, e, 20)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, survivor, dir)
	w.mustHold(t, e, w.batches())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return most - n
}

// All goroutines of a DB end with it.
func TestNoGoroutineLeft(t *testing.T) {
	o := newOpener(t, pebble.Options{FS: vfs.NewMem()})
	before := runtime.NumGoroutine()
	for i := range 10 {
		e := open(t, o, fmt.Sprint("task-", i))
		newWorkload(uint64(i)).run(t, e, 20)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantGoroutines(t, before)
}

func wantGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}
