package worker

import (
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/budget"
)

// unbounded is the budget of a worker that was not given one.
const unbounded = 1 << 30

// shared is what the worker last told and took of the budget.
type shared struct {
	tasks, layers int
	rested        time.Time
}

const restEvery = time.Second

func withBudget(c Config) Config {
	if c.Budget == nil {
		c.Budget = budget.New(unbounded, 1, nil)
	}
	c.ProducerBytes = min(c.ProducerBytes, c.Budget.Produced())
	return c
}

// fetchLimits bound what the consumer fetches ahead: one answer of each broker,
// of which there may be eight.
func (w *Worker) fetchLimits() (answer, partition int32) {
	n := min(fetchBytes, max(w.c.Budget.Fetched()/8, 256<<10))
	return int32(n), int32(min(partitionBytes, n))
}

// share tells the budget how many tasks there are, and the tasks what each may
// hold.
func (w *Worker) share() {
	if n := len(w.tasks) + len(w.standbys); n != w.shared.tasks {
		w.shared.tasks = n
		w.c.Budget.Tasks(w.c.Index, w.keepers())
	}
	layers := w.c.Budget.Layers()
	if w.c.LayerBytes > 0 {
		layers = min(layers, w.c.LayerBytes)
	}
	if layers == w.shared.layers {
		return
	}
	w.shared.layers = layers
	for _, e := range w.tasks {
		if e.task != nil {
			e.task.SetLayerBytes(layers)
		}
	}
}

// keepers counts the tasks that have stores in files.
func (w *Worker) keepers() int {
	n := len(w.standbys)
	for id := range w.tasks {
		if slices.ContainsFunc(w.layout.byID[id.Subtopology].Stores, inFiles) {
			n++
		}
	}
	return n
}

func inFiles(s *graph.Store) bool { return !s.Global && !s.InMemory && s.Kind != graph.BufferStore }

// cacheBytes is what the record caches of a new task may hold.
func (w *Worker) cacheBytes() int { return min(w.c.CacheBytes, w.c.Budget.Cache()) }

// queueBytes is what may wait for a task in one of its inputs.
func (w *Worker) queueBytes() int {
	inputs := 0
	for _, e := range w.order {
		inputs += len(e.inputs)
	}
	return min(w.c.BufferedBytes, w.c.Budget.Queued()/max(inputs, 1))
}

// restIdle lets tasks that have nothing to do write out what they hold and close
// their engines.
func (w *Worker) restIdle() error {
	if w.now().Sub(w.shared.rested) < restEvery || w.fenced {
		return nil
	}
	w.shared.rested = w.now()
	w.shared.tasks = -1 // which tasks there are may have changed
	w.share()
	for _, e := range slices.Clone(w.order) {
		if w.now().Before(e.retry) {
			continue
		}
		if err := w.settled(e, e.task.Rest()); err != nil {
			return err
		}
	}
	return nil
}
