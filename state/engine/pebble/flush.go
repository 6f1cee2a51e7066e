package pebble

import (
	"time"
)

// maxMemTables is how much unflushed memory commits may leave, in memtables.
const maxMemTables = 4

// recheck is how often a waiting commit looks by itself.
const recheck = 50 * time.Millisecond

// admit waits until n more bytes may be committed, as Pebble would, but ends
// with an error when the flush or compaction that it waits for fails.
func (d *DB) admit(n int64) error {
	if _, err := d.h.flushState(); err != nil {
		return d.h.backgroundError("commit", err)
	}
	d.sinceCheck += n
	if d.sinceCheck < d.memTable/2 {
		return nil
	}
	for {
		changed := d.h.watch()
		full, err := d.full()
		if err != nil {
			return err
		}
		if !full {
			d.sinceCheck = n
			return nil
		}
		select {
		case <-changed:
		case <-time.After(recheck):
		}
	}
}

// full tells whether Pebble is behind. An error says that it won't catch up.
func (d *DB) full() (full bool, err error) {
	defer d.h.contain("commit", &err)
	if err := d.h.stopped(); err != nil {
		return false, err
	}
	m := d.db.Metrics()
	if int64(m.MemTable.Size) > maxMemTables*d.memTable {
		if _, err := d.h.flushState(); err != nil {
			return false, d.h.backgroundError("commit", err)
		}
		return true, nil
	}
	if m.Levels[0].Sublevels > maxSublevels {
		if err := d.h.compaction(); err != nil {
			return false, d.h.backgroundError("commit", err)
		}
		return true, nil
	}
	return false, nil
}

// Flush writes all memtables to files and syncs these. After an error the flush
// is tried again in the background, and by the next Flush.
func (d *DB) Flush() (err error) {
	if err := d.usable("flush"); err != nil {
		return err
	}
	defer d.h.contain("flush", &err)
	changed := d.h.watch()
	fails, _ := d.h.flushState()
	if d.unflushed {
		if d.flushing, err = d.db.AsyncFlush(); err != nil {
			return storeError(d.dir, "flush", nil, err)
		}
		d.unflushed = false
		d.sinceCheck = d.memTable // each flush adds to level 0
	}
	if d.flushing == nil {
		return nil
	}
	for {
		select {
		case <-d.flushing:
			d.flushing = nil
			return nil
		case <-changed:
		}
		changed = d.h.watch()
		if err := d.h.stopped(); err != nil {
			return err
		}
		if n, err := d.h.flushState(); err != nil && n > fails {
			return d.h.backgroundError("flush", err)
		}
	}
}
