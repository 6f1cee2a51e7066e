// Package engine is the byte level of a task's state.
//
// An [Engine] keeps the sorted keys of all stores of one task; who uses it
// prefixes the keys. It belongs to the task's worker: only a [Snapshot] may be
// read by other goroutines. The engines are in the packages pebble and memory,
// and package storetest holds the test that each of them passes.
package engine

import "errors"

// ErrDamaged is wrapped by errors that mean that the engine's files can't be
// trusted: the caller moves them aside and rebuilds the state.
var ErrDamaged = errors.New("store files damaged")

// ErrLocked is wrapped by the error of opening files that another process has open.
var ErrLocked = errors.New("store files in use")

// ErrNoSpace is wrapped by errors of a full disk. The write may be tried again.
var ErrNoSpace = errors.New("no space left for store files")

// Reader reads sorted bytes.
type Reader interface {
	// Get appends the value of key to dst. ok is false when there is none.
	Get(dst, key []byte) (value []byte, ok bool, err error)

	// Scan iterates over the keys in [lo, hi), downwards if reverse. A nil hi is
	// the end. The iterator has to be closed.
	Scan(lo, hi []byte, reverse bool) (Iterator, error)
}

// Iterator walks over keys and values. Key and Value are valid until the next
// call of Next or Close and must not be written.
type Iterator interface {
	Next() bool
	Key() []byte
	Value() []byte
	Close() error // returns the error that ended the iteration, if any
}

// Batch collects writes that are applied at once or not at all. It copies what
// it is given.
type Batch interface {
	Set(key, value []byte)
	Delete(key []byte)
	DeleteRange(lo, hi []byte) // [lo, hi)
	Size() int                 // bytes, about
	Commit() error             // applies the writes; the batch must not be used again
	Discard()                  // drops the writes
}

// Snapshot is a view of one moment. It is safe for concurrent use.
type Snapshot interface {
	Reader
	Close() error
}

// Engine is the state of one task.
type Engine interface {
	Reader
	NewBatch() Batch
	Snapshot() (Snapshot, error)

	// Flush makes everything applied so far survive a crash of the machine.
	Flush() error

	// Close flushes and releases the files. Open iterators are an error.
	Close() error
}

// Opener opens the engine of a task. dir is the task's own folder, which need
// not exist yet; an engine without files ignores it.
type Opener interface {
	Open(dir string) (Engine, error)
}
