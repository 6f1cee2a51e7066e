// Package budget divides what an app may keep in memory among those who keep
// something: its workers, its tasks and the engine of their stores.
//
// There is one type, [Budget]. It is safe for concurrent use. While apps run it
// also sees to it that the garbage collector has room.
package budget

import (
	"sync"
	"sync/atomic"
)

// Shares of the whole, in sixteenths. What a worker or a task gets is its part
// of a share.
const (
	engineShare   = 4 // block cache and memtables
	layersShare   = 5 // writes that the engine lacks
	cacheShare    = 1 // record caches
	fetchShare    = 2 // what the clients fetched and nobody took
	queueShare    = 2 // what tasks have waiting
	producedShare = 2 // what the brokers have not acknowledged
	shares        = 16
)

// least is what a part is not made smaller than: with less nothing goes on.
const least = 64 << 10

// Budget is the memory of one app.
type Budget struct {
	total   int64
	workers int64
	expect  func(stores int)

	mu      sync.Mutex
	byOwner map[int]int
	tasks   atomic.Int64
}

// New returns a Budget of total bytes for a number of workers. expect is told
// how many tasks with stores there are, when that changes; nil for nobody.
func New(total int64, workers int, expect func(stores int)) *Budget {
	if expect == nil {
		expect = func(int) {}
	}
	return &Budget{total: total, workers: int64(max(workers, 1)), expect: expect, byOwner: make(map[int]int)}
}

// Tasks tells how many tasks with stores a worker has.
func (b *Budget) Tasks(worker, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byOwner[worker] == n {
		return
	}
	b.byOwner[worker] = n
	sum := 0
	for _, n := range b.byOwner {
		sum += n
	}
	b.tasks.Store(int64(sum))
	b.expect(sum)
}

func (b *Budget) part(share, of int64) int {
	return int(max(b.total*share/shares/max(of, 1), least))
}

// Engine is what the engine may take for its block cache and memtables.
func (b *Budget) Engine() int64 { return b.total * engineShare / shares }

// Fetched is what the clients of a worker may hold of what they fetched.
func (b *Budget) Fetched() int { return b.part(fetchShare, b.workers) }

// Queued is what the tasks of a worker may have waiting in all their queues.
func (b *Budget) Queued() int { return b.part(queueShare, b.workers) }

// Produced is what a worker may have sent without acknowledgement.
func (b *Budget) Produced() int { return b.part(producedShare, b.workers) }

// Layers is what a task may hold of writes that its engine lacks.
func (b *Budget) Layers() int { return b.part(layersShare, b.tasks.Load()) }

// Cache is what the record caches of a task may hold.
func (b *Budget) Cache() int { return b.part(cacheShare, b.tasks.Load()) }
