package stream_test

import (
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// copied is the stores of a job's task that stay open, as those of a standby,
// while another owner has the task.
type copied struct {
	task *task.Task
	dir  string
}

// move commits, and gives the task to another owner, which restores it from the
// changelogs; the first one keeps a copy that follows them. If there is one
// already, it becomes the task again. moved runs in between.
func (j *job) move(moved func()) {
	j.t.Helper()
	j.commit()
	if j.copy == nil {
		c := j.config()
		c.Nodes, c.CacheBytes, c.LayerBytes = nil, 0, 5000
		t, err := j.task.Deactivate(c)
		j.check(err)
		for _, log := range t.Changelogs() {
			if kept := !rebuilt(j.store(log.Store)); kept != (log.From == int64(len(j.log[log.Topic]))) && len(j.log[log.Topic]) > 0 {
				j.t.Fatalf("store %s: the copy begins at %d of %d", log.Store, log.From, len(j.log[log.Topic]))
			}
		}
		j.copy = &copied{t, j.dir}
		j.follow()
		j.start(true)
	} else {
		j.follow()
		j.check(j.task.Close(true))
		j.task, j.dir, j.copy = j.copy.task, j.copy.dir, nil
		j.check(j.task.Activate(j.config()))
		j.ready()
	}
	moved()
}

// follow restores what the copy lacks.
func (j *job) follow() {
	j.t.Helper()
	if j.copy == nil {
		return
	}
	for _, c := range j.copy.task.Changelogs() {
		log := j.log[c.Topic]
		j.check(j.copy.task.Restore(c.Store, log[c.From:], int64(len(log))))
	}
}

func (j *job) store(name string) *graph.Store {
	stores := j.graph.Subtopologies[0].Stores
	return stores[slices.IndexFunc(stores, func(s *graph.Store) bool { return s.Name == name })]
}

// rebuilt says that a store has an order of its entries that is made while it is
// restored, and lies in memory.
func rebuilt(s *graph.Store) bool {
	return s.Kind == graph.BufferStore || s.Kind == graph.KeyValueStore && s.InMemory && s.OnRestore != nil
}
