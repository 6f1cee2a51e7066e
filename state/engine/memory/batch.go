package memory

import (
	"errors"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/state/engine"
)

type kind uint8

const (
	set kind = iota
	remove
	removeRange
)

// op is a write; a range has its bounds as key and value.
type op struct {
	entry
	kind kind
}

type batch struct {
	db   *DB
	ops  []op
	size int
	done bool
	err  error // that Commit returns
}

// opOverhead is what an op adds to the size of a batch, in bytes.
const opOverhead = 8

var (
	errNoBound  = errors.New("memory: delete range: no upper bound")
	errEmptyKey = errors.New("memory: set: empty key")
)

// maxSpare bounds the writes for which a DB keeps room between two batches.
const maxSpare = 1 << 16

// NewBatch returns an empty batch.
func (d *DB) NewBatch() engine.Batch {
	b := &batch{db: d, ops: d.spare}
	d.spare = nil
	return b
}

func (b *batch) add(k kind, key, value []byte) {
	if b.done {
		return
	}
	b.ops = append(b.ops, op{newEntry(key, value), k})
	b.size += len(key) + len(value) + opOverhead
}

func (b *batch) Set(key, value []byte) {
	if len(key) == 0 {
		b.err = errEmptyKey
		return
	}
	b.add(set, key, value)
}

func (b *batch) Delete(key []byte) { b.add(remove, key, nil) }

func (b *batch) DeleteRange(lo, hi []byte) {
	if hi == nil {
		b.err = errNoBound
		return
	}
	b.add(removeRange, lo, hi)
}

func (b *batch) Size() int { return b.size }

func (b *batch) Discard() {
	if n := cap(b.ops); n > cap(b.db.spare) && n <= maxSpare && !b.db.closed {
		clear(b.ops)
		b.db.spare = b.ops[:0]
	}
	b.ops, b.size, b.done = nil, 0, true
}

func (b *batch) Commit() error {
	switch {
	case b.done || b.db.closed:
		return errClosed
	case b.err != nil:
		return b.err
	}
	if len(b.ops) > 0 {
		apply(b.db.writable(), b.ops)
	}
	b.Discard()
	return nil
}

func apply(tree *btree.BTreeG[entry], ops []op) {
	for _, o := range ops {
		switch o.kind {
		case set:
			tree.Set(o.entry)
		case remove:
			tree.Delete(o.entry)
		case removeRange:
			if o.key < o.value {
				tree.DeleteRange(entry{key: o.key}, entry{key: o.value}, &btree.DeleteRangeOptions{NoReturn: true})
			}
		}
	}
}
