package pebble

import (
	"errors"

	lsm "github.com/cockroachdb/pebble/v2"

	"github.com/ottla-streams/ottla/state/engine"
)

// maxBatch is the largest batch in bytes. Pebble panics at four times that.
const maxBatch = 1 << 30

// nodeBytes is what an entry takes in a memtable beside key and value, about.
const nodeBytes = 48

var (
	errNoBound  = errors.New("delete range: no upper bound")
	errEmptyKey = errors.New("set: empty key")
	errTooLarge = errors.New("batch larger than 1 GiB")
)

type batch struct {
	db    *DB
	batch *lsm.Batch // nil after its end
	err   error      // that Commit returns
}

// NewBatch returns an empty batch.
func (d *DB) NewBatch() engine.Batch {
	if d.closed {
		return &batch{db: d}
	}
	return &batch{db: d, batch: d.db.NewBatch()}
}

// takes tells whether another write may be added, and remembers why not.
func (b *batch) takes(a, c []byte) bool {
	if b.batch == nil {
		return false
	}
	if b.batch.Len()+len(a)+len(c) > maxBatch {
		b.err = errTooLarge
	}
	return b.err == nil
}

func (b *batch) Set(key, value []byte) {
	if len(key) == 0 {
		b.err = errEmptyKey
	}
	if b.takes(key, value) {
		b.err = b.batch.Set(key, value, nil)
	}
}

func (b *batch) Delete(key []byte) {
	if len(key) > 0 && b.takes(key, nil) {
		b.err = b.batch.Delete(key, nil)
	}
}

// smallest is the first key there can be.
var smallest = []byte{0}

func (b *batch) DeleteRange(lo, hi []byte) {
	if hi == nil {
		b.err = errNoBound
	}
	if len(lo) == 0 {
		lo = smallest
	}
	if b.takes(lo, hi) && string(lo) < string(hi) {
		b.err = b.batch.DeleteRange(lo, hi, nil)
	}
}

func (b *batch) Size() int {
	if b.batch == nil {
		return 0
	}
	return b.batch.Len()
}

func (b *batch) Discard() {
	if b.batch != nil {
		_ = b.batch.Close() // returns memory to a pool, and never an error
		b.batch = nil
	}
}

func (b *batch) Commit() error {
	d := b.db
	if err := d.usable("commit"); err != nil {
		return err
	}
	switch {
	case b.batch == nil:
		return storeError(d.dir, "batch used again", nil, engine.ErrClosed)
	case b.err != nil:
		return storeError(d.dir, "commit", nil, b.err)
	case b.batch.Empty():
		b.Discard()
		return nil
	}
	if err := d.admit(int64(b.batch.Len()) + nodeBytes*int64(b.batch.Count())); err != nil {
		return err
	}
	if err := d.apply(b.batch); err != nil {
		return err
	}
	b.Discard()
	return nil
}

// apply hands the batch to Pebble, which without a log does nothing that can
// fail.
func (d *DB) apply(b *lsm.Batch) (err error) {
	defer d.h.contain("commit", &err)
	if err := d.db.Apply(b, lsm.NoSync); err != nil {
		return storeError(d.dir, "commit", nil, err)
	}
	return d.h.stopped()
}
