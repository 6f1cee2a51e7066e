package task

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
)

// A standby is a Task without nodes: it is made with none, its stores are kept
// current with Restore, and Activate gives it the nodes when it is to process
// records. Its engine stays open meanwhile.

// Activate makes a standby an active task: it gets the nodes and the sizes of c.
// What its stores still lack has to be restored, and its inputs added, before
// Start.
func (t *Task) Activate(c Config) error {
	t.c.Nodes, t.c.LayerBytes, t.c.CacheBytes = c.Nodes, c.LayerBytes, c.CacheBytes
	if err := t.bind(); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	return nil
}

// Deactivate makes a standby of a task whose work is committed: its processors
// and queues end, and the standby, a Task of its own with the nodes and sizes of
// c, goes on with the open engine and with what the layers hold. After an error
// the task is still to be closed.
func (t *Task) Deactivate(c Config) (*Task, error) {
	switch {
	case t.closed:
		return nil, errors.New("task is closed")
	case t.Dirty():
		return nil, fmt.Errorf("task %s: its work is not committed", t.c.ID)
	case !slices.Equal(t.c.Stores, c.Stores):
		return nil, fmt.Errorf("task %s: the standby has other stores", t.c.ID)
	}
	if err := errors.Join(t.closeNodes(), t.endReads()); err != nil {
		return nil, fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	s := newTask(c)
	t.state.handOver(&s.c, s.log)
	s.state = t.state
	if err := s.bind(); err != nil {
		return nil, fmt.Errorf("task %s: %w", c.ID, err)
	}
	t.closed = true
	s.shelve()
	return s, nil
}

// handOver gives the state to another task of the same stores.
func (s *State) handOver(c *Config, log *slog.Logger) {
	all := s.stores
	s.c, s.log, s.stores, s.byStore = c, log, nil, make(map[*graph.Store]*storeState)
	for _, ss := range all {
		switch {
		case ss.derived:
		case opensOver(ss.store):
			s.keep(ss, all)
		default:
			s.add(ss.store)
		}
	}
}

// keep goes on with a store as it is, and with what is derived from it.
func (s *State) keep(ss *storeState, all []*storeState) {
	ss.layers.AtCommit(nil)
	ss.count = s.c.Measure.Store(ss.store.Name)
	ss.layers.CountIn(ss.count)
	s.stores = append(s.stores, ss)
	s.byStore[ss.store] = ss
	for _, d := range all {
		if d.derived && d.layers == ss.index {
			s.stores = append(s.stores, d)
		}
	}
}

// opensOver says whether a typed store can be opened anew over the layers of the
// one before, as over the files of an earlier run. Those that keep an order of
// their entries in memory make it while they are restored.
func opensOver(st *graph.Store) bool {
	return onDisk(st) || st.OnRestore == nil || st.Kind != graph.KeyValueStore && st.Kind != graph.BufferStore
}

// Settle writes what Restore left in memory out, if it is full or old. A
// standby that has nothing to restore calls it now and then.
func (t *Task) Settle() error {
	if t.closed {
		return errors.New("task is closed")
	}
	if err := t.state.settle(t.c.Clock()); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	return nil
}

// Position returns the offset up to which an input is done with, -1 if it is not
// known.
func (t *Task) Position(topic string) int64 {
	if q := t.queues[topic]; q != nil {
		return q.next
	}
	return -1
}
