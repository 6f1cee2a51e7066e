package pebble

import (
	lsm "github.com/cockroachdb/pebble/v2"

	"github.com/ottla-streams/ottla/state/engine"
)

// Metrics is the size and work of a DB. Counts are since it was opened.
type Metrics = engine.Metrics

var _ engine.Measured = (*DB)(nil)

// Metrics returns the metrics as they were at the call before, and takes them
// anew in the background: that may have to wait for the disk.
func (d *DB) Metrics() Metrics {
	if !d.closed {
		d.measure()
	}
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return d.h.metrics
}

// measure takes the metrics in the background, unless that is going on.
func (d *DB) measure() {
	if !d.h.measuring.CompareAndSwap(false, true) {
		return
	}
	d.background.Go(func() {
		var err error
		defer d.h.contain("metrics", &err)
		m := d.db.Metrics()
		d.h.measuring.Store(false)
		d.h.measured(m)
	})
}

func (h *health) measured(m *lsm.Metrics) {
	h.update(func() {
		h.metrics = Metrics{
			DiskBytes:     int64(m.DiskSpaceUsage()),
			MemTableBytes: int64(m.MemTable.Size + m.MemTable.ZombieSize),
			L0Files:       m.Levels[0].TablesCount,
			L0Sublevels:   int64(m.Levels[0].Sublevels),
			Flushes:       m.Flush.Count,
			Compactions:   m.Compact.Count,
		}
		h.newRuns = 0
	})
}

// sublevels returns how many sorted runs level 0 has at most: those that were
// measured, and one for each flush since.
func (h *health) sublevels() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.metrics.L0Sublevels + h.newRuns
}
