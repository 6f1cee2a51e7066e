package pebble

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
)

// worker stands for a DB that has work to compact. As Pebble it asks once and
// then waits to be told.
type worker struct {
	t       *testing.T
	turns   *turns
	mu      sync.Mutex
	left    int
	waits   bool
	done    chan struct{}
	now     *atomic.Int64 // running in all
	most    *atomic.Int64
	failing atomic.Bool
	tries   atomic.Int64
}

func (w *worker) GetAllowedWithoutPermission() int { return 1 }

func (w *worker) GetWaitingCompaction() (bool, lsm.WaitingCompaction) {
	return w.waits, lsm.WaitingCompaction{}
}

func (w *worker) Schedule(h lsm.CompactionGrantHandle) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waits || w.left == 0 {
		w.waits = false
		return false
	}
	w.run(h)
	return true
}

func (w *worker) ask() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.waits && w.left > 0 {
		ok, h := w.turns.TrySchedule()
		if !ok {
			w.waits = true
			return
		}
		w.run(h)
	}
}

func (w *worker) run(h lsm.CompactionGrantHandle) {
	w.left--
	go func() {
		now := w.now.Add(1)
		for most := w.most.Load(); now > most && !w.most.CompareAndSwap(most, now); {
			most = w.most.Load()
		}
		time.Sleep(time.Millisecond)
		w.tries.Add(1)
		failed := w.failing.Load()
		w.turns.h.update(func() { w.turns.h.compactErr = nil })
		w.mu.Lock()
		if failed {
			w.turns.h.update(func() { w.turns.h.compactErr = errors.New("failed") })
			w.left++
		}
		end := w.left == 0
		w.mu.Unlock()
		w.now.Add(-1)
		h.Done()
		if end {
			close(w.done)
			return
		}
		w.ask()
	}()
}

func newWorkers(t *testing.T, limit, n, work int) ([]*worker, *atomic.Int64) {
	all := &compactions{limit: limit}
	var now, most atomic.Int64
	var workers []*worker
	for range n {
		w := &worker{t: t, left: work, done: make(chan struct{}), now: &now, most: &most}
		w.turns = &turns{all: all, h: newHealth("", slog.New(slog.DiscardHandler), &atomic.Bool{})}
		w.turns.Register(1, w)
		workers = append(workers, w)
	}
	return workers, &most
}

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal(what, "did not end")
	}
}

// All DBs have their turn, and never more than the limit at once.
func TestCompactionsLimit(t *testing.T) {
	for _, limit := range []int{1, 2, 3} {
		workers, most := newWorkers(t, limit, 8, 20)
		for _, w := range workers {
			go w.ask()
		}
		for _, w := range workers {
			wait(t, "work", w.done)
		}
		if got := most.Load(); got != int64(limit) {
			t.Errorf("%d at once, want %d", got, limit)
		}
		for _, w := range workers {
			w.turns.Unregister()
			if ok, _ := w.turns.TrySchedule(); ok {
				t.Error("a compaction of a closed DB")
			}
		}
		all := workers[0].turns.all
		all.mu.Lock()
		if all.running != 0 || len(all.waiting) != 0 {
			t.Errorf("%d running and %d waiting at the end", all.running, len(all.waiting))
		}
		all.mu.Unlock()
	}
}

// What fails is tried again after a while, and others go on meanwhile.
func TestCompactionsFailure(t *testing.T) {
	workers, _ := newWorkers(t, 1, 2, 50)
	bad, good := workers[0], workers[1]
	bad.failing.Store(true)
	go bad.ask()
	go good.ask()
	wait(t, "the good one", good.done)
	time.Sleep(2 * retryEvery)
	if n := bad.tries.Load(); n > 20 {
		t.Errorf("%d tries of what fails", n)
	}
	bad.failing.Store(false)
	wait(t, "the bad one", bad.done)
}

// A DB that stopped gets no turn.
func TestCompactionsStopped(t *testing.T) {
	workers, _ := newWorkers(t, 1, 1, 1)
	w := workers[0]
	if err := w.turns.h.kill("test", nil, errors.New("stop")); err == nil {
		t.Fatal("no reason")
	}
	w.ask()
	time.Sleep(5 * time.Millisecond)
	if n := w.tries.Load(); n != 0 {
		t.Errorf("%d compactions of a stopped DB", n)
	}
}
