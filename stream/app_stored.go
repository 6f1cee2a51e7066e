package stream

import (
	"errors"
	"sync"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/state/engine"
)

// lookAtState reads how far the state of each task on disk goes, so that the
// group gives tasks to whom has most of their state. What can't be read is left
// to the worker that gets the task.
func (a *App) lookAtState(dir *statedir.Dir, e engine.Opener) error {
	ids, err := dir.Tasks()
	if err != nil {
		return err
	}
	subs := make(map[int32]*graph.Subtopology)
	for _, s := range a.g.Subtopologies {
		subs[s.ID] = s
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, id := range ids {
		sub := subs[id.Subtopology]
		if sub == nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			positions, err := task.StoredPositions(task.Config{ID: id, App: a.c.ID, Dir: dir.Task(id), Persistent: e})
			if err != nil {
				if !errors.Is(err, engine.ErrDamaged) {
					a.log.Warn("state on disk is left out of account", "error", err)
				}
				return
			}
			dir.SetStored(id, worker.Sum(sub, a.c.ID, positions))
		})
	}
	wg.Wait()
	return nil
}
