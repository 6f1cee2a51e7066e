package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/budget"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// resident is the memory of the process that the machine keeps, 0 where that
// can't be had.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// settled is resident after a collection.
func settled() int {
	debug.FreeOSMemory()
	return resident()
}

// fleet is many counting tasks over one engine, with one budget.
type fleet struct {
	tasks  []*harness
	budget *budget.Budget
	opener *pebble.Opener
	now    int64
}

func newFleet(t testing.TB, n int, bytes int64) *fleet {
	t.Helper()
	f := &fleet{}
	f.budget = budget.New(bytes, 1, func(n int) { f.opener.Expect(n) })
	f.opener = pebble.New(pebble.Options{CacheBytes: f.budget.Engine()})
	t.Cleanup(func() {
		if err := f.opener.Close(); err != nil {
			t.Error(err)
		}
	})
	f.budget.Tasks(1, n)
	dir := t.TempDir()
	for i := range n {
		h := harnessOver(t, counting, func(c *task.Config) {
			c.Persistent, c.Dir = f.opener, fmt.Sprintf("%s/0_%d", dir, i)
			c.LayerBytes, c.LayerMillis, c.Clock = f.budget.Layers(), 30_000, func() int64 { return f.now }
		}, "events")
		f.tasks = append(f.tasks, h)
	}
	return f
}

// write counts n new keys in each task, committing when asked for.
func (f *fleet) write(t testing.TB, from, n int) {
	t.Helper()
	records := make([]flow.Origin, n) // for all tasks: what is measured is theirs
	for i, h := range f.tasks {
		for j := range records {
			records[j] = flow.Origin{Topic: "events", Offset: int64(from + j), Time: 0, Key: fmt.Appendf(nil, "user-%d-%08d", i, from+j), Value: []byte("v")}
		}
		if err := h.t.Add("events", records, -1); err != nil {
			t.Fatal(err)
		}
		for h.t.HasRecords() {
			if _, err := h.t.Process(256); err != nil {
				t.Fatal(err)
			}
			if h.t.CommitRequested() {
				h.commit(t)
			}
		}
		h.commit(t)
	}
}

func (f *fleet) rest(t testing.TB, millis int64) {
	t.Helper()
	f.now += millis
	for _, h := range f.tasks {
		if err := h.t.Rest(); err != nil {
			t.Fatal(err)
		}
	}
}

// 100 stores with far more in them than the limit stay under it together. The
// garbage collector needs room beside, so that twice the limit is what the
// process may grow by.
func TestStoresStayUnderOneLimit(t *testing.T) {
	if resident() == 0 {
		t.Skip("the memory of the process can't be measured here")
	}
	const stores, limit, rounds, keys = 100, 96 << 20, 20, 1000
	f := newFleet(t, stores, limit)
	before, peak := settled(), 0
	for i := range rounds {
		f.write(t, i*keys, keys)
		f.rest(t, 1000)
		peak = max(peak, resident()-before)
	}
	// 2 M keys of 19 bytes with their counts take 400 MB as they lie in the layers.
	t.Logf("%d stores of %d keys took %d MiB at most", stores, rounds*keys, peak>>20)
	if peak > 2*limit {
		t.Errorf("%d stores took %d MiB, more than twice the limit of %d MiB", stores, peak>>20, limit>>20)
	}
}

// TestIdleTasks tells what tasks cost that have nothing to do. Their engines are closed.
func TestIdleTasks(t *testing.T) {
	if resident() == 0 || testing.Short() {
		t.Skip("measures memory for a while")
	}
	sizes := []int{60}
	if os.Getenv("OTTLA_SOAK") != "" {
		sizes = append(sizes, 600)
	}
	for _, n := range sizes {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			before, goroutines := settled(), runtime.NumGoroutine()
			f := newFleet(t, n, 1<<30)
			tasks := settled() - before
			f.write(t, 0, 10)
			f.rest(t, 1000)
			f.rest(t, 31_000) // written out
			open, busy := settled()-before, runtime.NumGoroutine()-goroutines
			f.rest(t, 1000)
			f.rest(t, 61_000)
			rested, left := settled()-before, runtime.NumGoroutine()-goroutines
			t.Logf("%d tasks: %d KiB each without state, %d KiB and %.1f goroutines with an open engine, %d KiB and %.1f goroutines at rest",
				n, tasks/n>>10, open/n>>10, float64(busy)/float64(n), rested/n>>10, float64(left)/float64(n))
			if rested > open*2/3 {
				t.Errorf("tasks at rest take %d KiB, with open engines %d KiB", rested>>10, open>>10)
			}
		})
	}
}
