package stream

import (
	"context"
	"fmt"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/state"
)

// Query returns the queries of a store: of a handle from [state.KeyValue] a
// [state.KeyValueView], and so on. They show exactly what was committed, while
// the app goes on. Errors, such as that of a store that the topology does not
// have, are those of each query. A query sees the partitions that this instance
// has; for others see [state.NotLocalError] and [App.MetadataForKey]. The first
// query of a store makes its tasks publish what they commit, until there was none
// for a minute.
func (a *App) Query[V any](store state.Queryable[V], opts ...state.QueryOption) V {
	return store.View(&queries{a, store.StoreName()}, opts...)
}

// querying is what an App knows of the tasks that can be queried.
type querying struct {
	shelf   *task.Shelf
	hosts   hosts
	workers workerSet
	live    live
}

func newQuerying() querying { return querying{shelf: task.NewShelf()} }

// queries implements [graph.Queries] for one store of an app.
type queries struct {
	a    *App
	name string
}

// find returns the store and its sub-topology.
func (q *queries) find() (*graph.Store, *graph.Subtopology, error) {
	for _, sub := range q.a.g.Subtopologies {
		for _, s := range sub.Stores {
			if s.Name == q.name {
				return s, sub, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("store %s: %w", q.name, state.ErrNoStore)
}

// ready returns the store and the number of its partitions.
func (q *queries) ready() (*graph.Store, *graph.Subtopology, int32, error) {
	s, sub, err := q.find()
	if err != nil {
		return nil, nil, 0, err
	}
	switch q.a.State() {
	case Running, Rebalancing:
	default:
		return nil, nil, 0, fmt.Errorf("store %s: %w: it is %s", q.name, state.ErrNotRunning, q.a.State())
	}
	if s.Global {
		return s, sub, 1, nil
	}
	n := q.a.query.shelf.Tasks(sub.ID)
	if n == 0 {
		return nil, nil, 0, fmt.Errorf("store %s: %w", q.name, state.ErrNotReady)
	}
	return s, sub, n, nil
}

// Partitions implements graph.Queries.
func (q *queries) Partitions(context.Context) (int32, error) {
	_, _, n, err := q.ready()
	return n, err
}

// Local implements graph.Queries.
func (q *queries) Local(_ context.Context, copies bool) ([]int32, error) {
	s, sub, n, err := q.ready()
	if err != nil {
		return nil, err
	}
	var local []int32
	for p := range n {
		id := graph.TaskID{Subtopology: sub.ID, Partition: p}
		reads, _ := q.a.query.shelf.Get(id)
		if s.Global || reads != nil && (copies || reads.Live() || q.a.query.workers.role(id) == worker.Active) {
			local = append(local, p)
		}
	}
	return local, nil
}

// Open implements graph.Queries.
func (q *queries) Open(ctx context.Context, partition int32, copies bool, lag int64) (*graph.Reading, error) {
	s, sub, n, err := q.ready()
	switch {
	case err != nil:
		return nil, err
	case partition < 0 || partition >= n:
		return nil, fmt.Errorf("store %s: partition %d: there are %d", q.name, partition, n)
	case s.Global:
		return q.openGlobal(s)
	}
	id := graph.TaskID{Subtopology: sub.ID, Partition: partition}
	for {
		reads, ask := q.a.query.shelf.Get(id)
		if reads == nil {
			return nil, q.elsewhere(id)
		}
		live := reads.Live()
		if !live && !copies {
			return nil, q.elsewhere(id)
		}
		var behind int64
		if !live {
			if behind = q.a.query.workers.lag(id, q.name); lag >= 0 && behind > lag {
				return nil, fmt.Errorf("store %s: partition %d: %w: it is behind by %d records", q.name, partition, state.ErrNotReady, behind)
			}
		}
		if e := reads.Edition(q.name); e != nil {
			return q.reading(s, e, !live, behind), nil
		}
		ok, err := ask(ctx, q.name)
		if err != nil {
			return nil, fmt.Errorf("store %s: partition %d: %w", q.name, partition, err)
		}
		if !ok || reads.Gone() {
			return nil, fmt.Errorf("store %s: partition %d: %w", q.name, partition, state.ErrNotReady)
		}
	}
}

func (q *queries) reading(s *graph.Store, e *task.Edition, replica bool, lag int64) *graph.Reading {
	changelog := graph.Topic{Name: s.Name + "-changelog", Internal: true}
	if s.SourceTopic != nil {
		changelog = *s.SourceTopic
	}
	r := &graph.Reading{
		Store: s, Layers: e.View(q.name).Store(), Changelog: changelog.Full(q.a.c.ID), Position: e.Position(), Next: e.Next(),
		Copy: replica, Lag: lag,
	}
	r.Release = func() {
		if err := e.Release(); err != nil {
			q.a.log.Warn("snapshot of the state was not closed", "store", q.name, "error", err)
		}
	}
	return r
}

// openGlobal opens a store that each instance has whole.
func (q *queries) openGlobal(s *graph.Store) (*graph.Reading, error) {
	return &graph.Reading{Store: s, Release: func() {}, Open: func() (any, error) { return q.a.globalStore(s, nil) }}, nil
}

// elsewhere says why a partition can't be read here: another instance has it, or
// it is on its way.
func (q *queries) elsewhere(id graph.TaskID) error {
	host, standbys, known := q.a.query.hosts.of(id)
	if reads, _ := q.a.query.shelf.Get(id); reads != nil && q.a.query.workers.role(id) == worker.Active ||
		known && host != "" && host == q.a.c.Advertise || !known && q.a.State() != Running {
		return fmt.Errorf("store %s: partition %d: %w", q.name, id.Partition, state.ErrNotReady)
	}
	return &state.NotLocalError{Store: q.name, Partition: id.Partition, Host: host, Standbys: slices.Clone(standbys)}
}
