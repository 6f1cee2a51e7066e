package task

import (
	"errors"
	"fmt"
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

// Position returns the offset after the last record of an input that was
// processed, -1 if there is none.
func (t *Task) Position(topic string) int64 {
	if q := t.queues[topic]; q != nil {
		return q.next
	}
	return -1
}
