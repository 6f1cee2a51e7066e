package measure

import (
	"sync"
	"sync/atomic"
	"time"
)

// Worker is what is counted of a worker. It outlives the worker when another
// takes its place.
type Worker struct {
	Index int
	State string
	Began time.Time
	At    time.Time // of the copy

	// What the loop spends its time on. Poll has the time it waits, too.
	Poll, Process, Punctuate, Commit, Restore, Other time.Duration

	Polls, Polled int64 // and the records of polls
	Commits       Histogram
	Outcomes      [len(outcomes)]int64
	Rebalances    int64
	Rebalancing   time.Duration
	Created       int64
	Closed        int64
	Lost          int64 // closed because others may have had them
	Revived       int64 // made anew from their last commit
	Quarantined   int64 // stores moved aside
	Restored      int64 // changelog records
	Failed        int64 // workers before this one that died

	Tasks []*Task
}

// Outcome is how a commit ended.
type Outcome uint8

// The outcomes of a commit.
const (
	Committed Outcome = iota
	Retried           // it was not possible then
	Fenced            // the group had given the tasks away
	Failed            // the worker ends
)

var outcomes = [...]string{"committed", "retried", "fenced", "failed"}

func (o Outcome) String() string { return outcomes[o] }

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Committed, Retried, Fenced, Failed} }

// Slot is where a worker lays its counts for others. Look is safe for concurrent
// use; all else is for the worker's goroutine.
type Slot struct {
	Debug bool
	Worker
	shown atomic.Pointer[Worker]
}

// Show lays a copy of the counts out, with those of the tasks.
func (s *Slot) Show(now time.Time, tasks []*Task) {
	w := s.Worker
	w.At = now
	w.Tasks = make([]*Task, len(tasks))
	for i, t := range tasks {
		w.Tasks[i] = t.copyOf()
	}
	s.shown.Store(&w)
}

// Hide takes the copy away: the worker is no more.
func (s *Slot) Hide() { s.shown.Store(nil) }

// Look returns the last copy, nil for none. It must not be written.
func (s *Slot) Look() *Worker { return s.shown.Load() }

// Board is the slots of all workers of an app. It is safe for concurrent use.
type Board struct {
	Debug bool

	mu    sync.Mutex
	slots []*Slot
}

// Slot returns the slot of the worker of an index from 1. Workers that take each
// other's place have one slot, one after the other.
func (b *Board) Slot(index int) *Slot {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.slots) < index {
		b.slots = append(b.slots, &Slot{Debug: b.Debug})
	}
	return b.slots[index-1]
}

// Look returns the last copies of the workers that are alive.
func (b *Board) Look() []*Worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	var alive []*Worker
	for _, s := range b.slots {
		if w := s.Look(); w != nil {
			alive = append(alive, w)
		}
	}
	return alive
}
