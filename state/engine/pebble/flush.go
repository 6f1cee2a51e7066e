package pebble

import "time"

// flushPeriod is after how many memtables of commits a flush is made to happen,
// which the next but one waits for.
const flushPeriod = 2

// recheck is how often a commit that waits for compactions looks by itself.
const recheck = 50 * time.Millisecond

// admit waits until n more bytes may be committed. Pebble itself would wait for
// memory and level 0, too, but without end when the flush or compaction that it
// waits for fails.
func (d *DB) admit(n int64) error {
	fails, err := d.h.flushState()
	if err != nil {
		return d.h.backgroundError("commit", err)
	}
	if d.since > flushPeriod*d.memTable {
		if err := d.await("commit", fails); err != nil {
			return err
		}
		if err := d.startFlush(); err != nil {
			return err
		}
	}
	if err := d.awaitLevel0(); err != nil {
		return err
	}
	d.since += n
	return nil
}

// Flush writes all memtables to files and syncs these. After an error the flush
// is tried again in the background, and by the next Flush.
func (d *DB) Flush() error {
	if err := d.usable("flush"); err != nil {
		return err
	}
	fails, _ := d.h.flushState()
	if d.since > 0 {
		if err := d.startFlush(); err != nil {
			return err
		}
	}
	return d.await("flush", fails)
}

// startFlush begins to flush all that was committed so far.
func (d *DB) startFlush() (err error) {
	defer d.h.contain("flush", &err)
	flushing, err := d.db.AsyncFlush()
	if err != nil {
		return storeError(d.dir, "flush", nil, err)
	}
	d.flushing, d.since = flushing, 0
	return nil
}

// await waits for the end of the flush that was started last, or for a failure
// after the first fails ones.
func (d *DB) await(what string, fails int) error {
	if d.flushing == nil {
		return nil
	}
	for {
		changed := d.h.watch()
		if err := d.h.stopped(); err != nil {
			return err
		}
		if n, err := d.h.flushState(); err != nil && n > fails {
			return d.h.backgroundError(what, err)
		}
		select {
		case <-d.flushing:
			d.flushing = nil
			return nil
		case <-changed:
		}
	}
}

// awaitLevel0 waits until level 0 has few enough sorted runs.
func (d *DB) awaitLevel0() error {
	for {
		changed := d.h.watch()
		if d.h.sublevels() <= maxSublevels {
			return nil
		}
		if err := d.h.stopped(); err != nil {
			return err
		}
		if _, err := d.h.flushState(); err != nil {
			return d.h.backgroundError("commit", err)
		}
		if err := d.h.compaction(); err != nil {
			return d.h.backgroundError("commit", err)
		}
		d.measure()
		select {
		case <-changed:
		case <-time.After(recheck):
		}
	}
}
