package task

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// Changelog is a changelog partition that a task's store is restored from.
type Changelog struct {
	Store string
	Topic string
	From  int64 // the first offset that the local state lacks
	// Source is set when the topic is an input of the task: it is restored up to
	// the committed offset, not to its end.
	Source bool
}

// Changelogs returns what has to be restored before Start.
func (t *Task) Changelogs() []Changelog {
	var logs []Changelog
	for _, ss := range t.state.stores {
		if ss.store.Logged || ss.store.SourceTopic != nil {
			logs = append(logs, Changelog{ss.store.Name, ss.topic, ss.position, ss.store.SourceTopic != nil})
		}
	}
	return logs
}

// Restore applies changelog records to a store. next is the offset that the
// store stands for after them, which may be past control records.
func (t *Task) Restore(store string, records []overlay.Record, next int64) error {
	for _, ss := range t.state.stores {
		if ss.store.Name != store {
			continue
		}
		for i := range records {
			key, value, ok := ss.layers.Restore(&records[i])
			if ok && ss.store.OnRestore != nil {
				ss.store.OnRestore(t.typed(ss), key, value, &records[i])
			}
		}
		ss.position = max(ss.position, next)
		if err := errors.Join(t.state.settle(t.c.Clock()), t.republish()); err != nil {
			return fmt.Errorf("task %s: %w", t.c.ID, err)
		}
		return nil
	}
	return fmt.Errorf("task %s has no store %s", t.c.ID, store)
}

func (t *Task) typed(ss *storeState) any {
	v, err := t.binder.Store(ss.store)
	if err != nil {
		panic(err) // opened when the task was bound
	}
	return v
}

// Positions returns, per changelog topic, the offset that the local state stands for.
func (t *Task) Positions() map[string]int64 {
	p := make(map[string]int64, len(t.state.stores))
	for _, ss := range t.state.stores {
		if !ss.derived {
			p[ss.topic] = ss.position
		}
	}
	return p
}
