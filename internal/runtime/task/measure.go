package task

import (
	"github.com/ottla-streams/ottla/state/engine"
)

// Measure brings those counts up to date that are only looked up.
func (t *Task) Measure() {
	c := t.count
	c.StreamTime = t.stream
	for _, q := range t.queues {
		q.count.Buffered, q.count.BufferedBytes = int64(q.n), int64(q.bytes)
		q.count.Lag = -1
		if next := max(q.next, 0); q.end >= 0 {
			q.count.Lag = max(q.end-next, 0)
		}
	}
	for _, ss := range t.state.stores {
		all, uncommitted := ss.layers.Bytes()
		ss.count.Entries, ss.count.Bytes, ss.count.Uncommitted = int64(ss.layers.Len()), int64(all), int64(uncommitted)
	}
	if c.Engine.Open = t.state.engine != nil; !c.Engine.Open {
		return
	}
	c.Engine.Readers = int64(t.state.engine.OpenReaders())
	if m, ok := t.state.engine.(engine.Measured); ok {
		now := m.Metrics()
		c.Engine.Known = true
		c.Engine.DiskBytes, c.Engine.MemTableBytes = now.DiskBytes, now.MemTableBytes
		c.Engine.L0Files, c.Engine.L0Sublevels = now.L0Files, now.L0Sublevels
		c.Engine.Flushes, c.Engine.Compactions = now.Flushes, now.Compactions
	}
}
