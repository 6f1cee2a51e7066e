package pebble

import (
	"slices"
	"sync"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
)

// compactions bounds how many compactions run at once in all DBs of an Opener.
// Pebble's own scheduler bounds those of one DB, ticks ten times a second and
// tries again at once what failed.
type compactions struct {
	mu      sync.Mutex
	limit   int
	running int
	waiting []*turns // that were refused, the longest wait first
}

// turns is one DB among the compactions. Its locks come after Pebble's: those
// that Pebble calls with locks held call nothing of it.
type turns struct {
	all     *compactions
	h       *health
	db      lsm.DBForCompaction
	calls   sync.WaitGroup // of db
	closed  bool
	running int
	notYet  time.Time // after a failure
}

func (t *turns) Register(_ int, db lsm.DBForCompaction) { t.db = db }

func (t *turns) Unregister() {
	t.all.mu.Lock()
	t.closed = true
	t.all.waiting = slices.DeleteFunc(t.all.waiting, func(w *turns) bool { return w == t })
	t.all.mu.Unlock()
	t.calls.Wait()
}

// TrySchedule begins a compaction or notes that the DB waits for one.
func (t *turns) TrySchedule() (bool, lsm.CompactionGrantHandle) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	if t.closed || t.h.stop.Load() != nil {
		return false, nil
	}
	if t.all.running < t.all.limit && t.mayRun() {
		t.count(1)
		return true, t
	}
	if !slices.Contains(t.all.waiting, t) {
		t.all.waiting = append(t.all.waiting, t)
	}
	return false, nil
}

// mayRun tells whether the DB itself allows another compaction now.
func (t *turns) mayRun() bool {
	return t.running < t.db.GetAllowedWithoutPermission() && !time.Now().Before(t.notYet)
}

func (t *turns) count(n int) {
	t.running += n
	t.all.running += n
}

// UpdateGetAllowedWithoutPermission is not needed: the number never changes.
func (t *turns) UpdateGetAllowedWithoutPermission() {}

// Started, MeasureCPU and CumulativeStats are about a compaction under way.
func (t *turns) Started()                                         {}
func (t *turns) MeasureCPU(lsm.CompactionGoroutineKind)           {}
func (t *turns) CumulativeStats(s lsm.CompactionGrantHandleStats) {}

// Done ends a compaction.
func (t *turns) Done() {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.count(-1)
	if t.h.compaction() != nil {
		t.notYet = time.Now().Add(retryEvery)
		time.AfterFunc(retryEvery, t.all.grant)
	}
	go t.all.grant() // it may have to wait for another DB's lock
}

// grant begins compactions of waiting DBs.
func (c *compactions) grant() {
	for {
		t := c.next()
		if t == nil {
			return
		}
		accepted := t.db.Schedule(t)
		c.mu.Lock()
		if !accepted {
			t.count(-1)
		} else if !t.closed && !slices.Contains(c.waiting, t) { // for Pebble it still waits
			c.waiting = append(c.waiting, t)
		}
		c.mu.Unlock()
		t.calls.Done()
	}
}

// next takes the DB whose turn it is from the waiting ones, counted as if it ran.
func (c *compactions) next() *turns {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running >= c.limit {
		return nil
	}
	i := slices.IndexFunc(c.waiting, func(t *turns) bool { return t.h.stop.Load() == nil && t.mayRun() })
	if i < 0 {
		return nil
	}
	t := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	t.count(1)
	t.calls.Add(1)
	return t
}
