package task

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// Reads is what other goroutines may read of a task: its stores as the last
// commit left them. The task's goroutine publishes an [Edition] with each commit,
// of the stores that somebody has asked for lately. It is safe for concurrent use.
type Reads struct {
	ID   graph.TaskID
	now  atomic.Pointer[Edition]
	live atomic.Bool  // the stores are restored and the task processes
	gone atomic.Bool  // the task has ended
	used atomic.Int64 // when somebody read last, in milliseconds
}

// Live says whether the task is restored and processes records.
func (r *Reads) Live() bool { return r.live.Load() && !r.gone.Load() }

// Gone says whether the task has ended.
func (r *Reads) Gone() bool { return r.gone.Load() }

// Edition returns the last edition if it has the store, else nil. Its caller
// has to release it.
func (r *Reads) Edition(store string) *Edition {
	for {
		e := r.now.Load()
		if e == nil || e.views[store] == nil {
			return nil
		}
		if e.hold() {
			r.used.Store(time.Now().UnixMilli())
			return e
		}
	}
}

// Edition is the published stores of a task after one commit. It never changes.
type Edition struct {
	views    map[string]*overlay.View
	position map[string]int64
	base     *overlay.Base // nil without an engine
	next     chan struct{}
	holders  atomic.Int64
}

// View returns the view of a store, nil if it is not published.
func (e *Edition) View(store string) *overlay.View { return e.views[store] }

// Position returns, per input topic, the offset up to which records of the
// task's partition are part of the state. It must not be changed. It is nil
// unless the task is active.
func (e *Edition) Position() map[string]int64 { return e.position }

// Next is closed when there is another edition, or none any more.
func (e *Edition) Next() <-chan struct{} { return e.next }

func (e *Edition) hold() bool {
	for {
		n := e.holders.Load()
		if n == 0 {
			return false
		}
		if e.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends the caller's use of the edition.
func (e *Edition) Release() error {
	if e.holders.Add(-1) == 0 && e.base != nil {
		return e.base.Release()
	}
	return nil
}

// readsIdle is how long nobody has to read before a task stops to publish.
const readsIdle = 60_000 // milliseconds

// Reads returns what others may read of the task. It is safe for concurrent use.
func (t *Task) Reads() *Reads { return t.reads }

// Publish lets others read a store, from now on and until nobody does for a
// minute. It is the task's goroutine's.
func (t *Task) Publish(store string) error {
	if t.closed {
		return nil
	}
	for _, ss := range t.state.stores {
		if ss.store.Name == store {
			ss.shown = true
			t.reads.used.Store(time.Now().UnixMilli())
			return t.publish()
		}
	}
	return errors.New("task " + t.c.ID.String() + " has no store " + store)
}

// republish publishes what is read after it changed.
func (t *Task) republish() error {
	if t.hideIdle(); t.reads.now.Load() == nil {
		return nil
	}
	return t.publish()
}

// hideIdle ends publishing if nobody has read for a while.
func (t *Task) hideIdle() {
	if t.reads.now.Load() != nil && time.Now().UnixMilli()-t.reads.used.Load() > readsIdle {
		t.hide()
	}
}

func (t *Task) publish() error {
	base, err := t.state.snapshot()
	if err != nil {
		return err
	}
	e := &Edition{views: make(map[string]*overlay.View), base: base, next: make(chan struct{})}
	e.holders.Store(1)
	if base != nil {
		base.Hold()
	}
	for _, ss := range t.state.stores {
		if ss.shown {
			below := base
			if ss.id == 0 {
				below = nil
			}
			e.views[ss.store.Name] = ss.layers.Publish(below)
		}
	}
	if t.reads.live.Load() {
		e.position = make(map[string]int64, len(t.queues))
		for topic, q := range t.queues {
			e.position[topic] = q.next
		}
	}
	return t.replace(e)
}

// replace makes e the edition that is read; nil is none.
func (t *Task) replace(e *Edition) error {
	old := t.reads.now.Swap(e)
	if old == nil {
		return nil
	}
	close(old.next)
	return old.Release()
}

// hide ends publishing.
func (t *Task) hide() {
	for _, ss := range t.state.stores {
		ss.shown = false
		ss.layers.Hide()
	}
	// The engine can rest when nobody has a snapshot of it.
	if err := errors.Join(t.replace(nil), t.state.outdate()); err != nil {
		t.log.Warn("snapshot of the state was not closed", "error", err)
	}
}

// shelve lets others find the reads of the task.
func (t *Task) shelve() {
	if t.c.Shelf == nil {
		return
	}
	t.c.Shelf.Put(t.reads, func(ctx context.Context, store string) (bool, error) {
		var err error
		if !t.c.Call(ctx, func() { err = t.Publish(store) }) {
			return false, ctx.Err()
		}
		return true, err
	})
}

// endReads is the end of all reads: those under way are waited for.
func (t *Task) endReads() error {
	t.reads.gone.Store(true)
	if t.c.Shelf != nil {
		t.c.Shelf.Remove(t.reads)
	}
	t.hide()
	return t.state.endSnapshots()
}

// snapshot returns the engine's state for views, nil without an engine. It is
// good until the next write-out.
func (s *State) snapshot() (*overlay.Base, error) {
	if s.base != nil || s.engine == nil && !s.use.rests {
		return s.base, nil
	}
	e, err := s.used()
	if err != nil {
		return nil, err
	}
	snap, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	s.base = overlay.NewBase(snap)
	alive := s.bases[:0]
	for _, b := range s.bases {
		if !b.Ended() {
			alive = append(alive, b)
		}
	}
	s.bases = append(alive, s.base)
	return s.base, nil
}

// outdate lets go of a snapshot that the engine has gone beyond.
func (s *State) outdate() error {
	if s.base == nil {
		return nil
	}
	b := s.base
	s.base = nil
	return b.Release()
}

func (s *State) endSnapshots() error {
	var errs []error
	for _, b := range s.bases {
		errs = append(errs, b.End())
	}
	s.base, s.bases = nil, nil
	return errors.Join(errs...)
}

// Shelf is where the workers of an app put what may be read of their tasks. It
// is safe for concurrent use.
type Shelf struct {
	mu    sync.RWMutex
	tasks map[graph.TaskID]shelved
	count map[int32]int32 // tasks by sub-topology
}

type shelved struct {
	reads *Reads
	ask   Ask
}

// Ask has the owner of a task publish a store, and waits until it did. It
// returns false if that may never be: the context or the owner has ended.
type Ask func(ctx context.Context, store string) (bool, error)

// NewShelf returns an empty Shelf.
func NewShelf() *Shelf {
	return &Shelf{tasks: make(map[graph.TaskID]shelved), count: make(map[int32]int32)}
}

// SetTasks tells the number of tasks of a sub-topology.
func (s *Shelf) SetTasks(sub, n int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[sub] = n
}

// Tasks returns the number of tasks of a sub-topology, 0 if it is not known yet.
func (s *Shelf) Tasks(sub int32) int32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.count[sub]
}

// Put puts the reads of a task into the shelf.
func (s *Shelf) Put(r *Reads, ask Ask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[r.ID] = shelved{r, ask}
}

// Remove takes the reads of a task out of the shelf, unless others took their place.
func (s *Shelf) Remove(r *Reads) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks[r.ID].reads == r {
		delete(s.tasks, r.ID)
	}
}

// Get returns the reads of a task that this instance has, nil for none, and how
// to ask its owner.
func (s *Shelf) Get(id graph.TaskID) (*Reads, Ask) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.tasks[id]
	return t.reads, t.ask
}
