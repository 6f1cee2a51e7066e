package task

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// A commit goes in this order: Flush, ReleaseResults, WriteChangelog, then the
// worker waits for the producer and commits Offsets, and only then Committed
// makes the writes part of the committed layer. Abort drops them instead. With
// Hold the producer is waited for before WriteChangelog too.

// Flush forwards what the caches hold.
func (t *Task) Flush() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	for _, f := range t.flushes {
		if err := f.run(); err != nil {
			return fmt.Errorf("store %s: %w", f.store.Name, err)
		}
	}
	return nil
}

// WriteChangelog sends the last value of each entry that changed since the
// last commit to its changelog. The changes of grouped tables that were held go
// along: the less time lies between a change and the row that it comes from, the
// less likely it is that a crash leaves just one of them.
func (t *Task) WriteChangelog() error {
	if err := t.changes.release(t.c.Emit); err != nil {
		return fmt.Errorf("held changes: %w", err)
	}
	out := graph.Output{Partition: t.c.ID.Partition, Changelog: true}
	for _, ss := range t.state.stores {
		if !ss.store.Logged || ss.store.SourceTopic != nil {
			continue
		}
		err := ss.layers.Changes(func(r *overlay.Record) error {
			out.Topic, out.Key, out.Value, out.Headers = ss.topic, r.Key, r.Value, r.Headers
			out.Time, out.NoTime = r.Time, r.Time == overlay.ProducerTime
			ss.count.Logged++
			ss.count.LoggedBytes += int64(len(r.Key) + len(r.Value))
			return t.c.Emit(&out)
		})
		if err != nil {
			return fmt.Errorf("store %s: %w", ss.store.Name, err)
		}
	}
	return nil
}

// Offset is what a commit says of an input partition.
type Offset struct {
	Topic    string
	Next     int64  // the offset to go on from
	Metadata string // partition time and progress, see EncodeMetadata
}

// Offsets returns the positions of the inputs that moved since the last commit,
// and all that are known if none did but the progress of a store has to be kept.
func (t *Task) Offsets() []Offset {
	var offsets []Offset
	moved := t.moved()
	for _, q := range t.queues {
		if q.moved || !moved && t.progressed && q.next >= 0 {
			offsets = append(offsets, Offset{q.topic, q.next, EncodeMetadata(q.time, t.progress)})
		}
	}
	return offsets
}

// Committed makes the uncommitted writes part of the committed state. end
// gives for a changelog topic the offset after the last record written to the
// task's partition, if any was.
func (t *Task) Committed(end func(topic string) (int64, bool)) error {
	for _, ss := range t.state.stores {
		switch {
		case ss.store.SourceTopic != nil:
			if q := t.queues[ss.topic]; q != nil {
				ss.position = max(ss.position, q.next)
			}
		case ss.store.Logged:
			if n, ok := end(ss.topic); ok {
				ss.position = max(ss.position, n)
			}
		}
		ss.layers.Commit()
	}
	for _, q := range t.queues {
		q.moved = false
	}
	t.commit, t.progressed = false, false
	if err := errors.Join(t.state.settle(t.c.Clock()), t.republish()); err != nil {
		return fmt.Errorf("task %s: %w", t.c.ID, err)
	}
	return nil
}

// Abort drops the uncommitted writes and all buffered records. The task's
// operators may hold what they derived from them, so it has to be closed and
// made anew.
func (t *Task) Abort() {
	for _, ss := range t.state.stores {
		ss.layers.Abort()
	}
	for _, q := range t.queues {
		q.clear()
	}
	t.order.clear()
	t.results.clear()
	t.changes.clear()
	clear(t.behind)
}

// Dirty says whether a commit would have anything to do.
func (t *Task) Dirty() bool {
	for _, ss := range t.state.stores {
		if ss.layers.Dirty() > 0 {
			return true
		}
	}
	return t.moved() || t.progressed || len(t.results.outputs)+len(t.changes.outputs) > 0 || t.commit
}

func (t *Task) moved() bool {
	for _, q := range t.queues {
		if q.moved {
			return true
		}
	}
	return false
}
