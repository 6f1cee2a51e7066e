// Package engine is the byte level of a task's state.
//
// An [Engine] keeps the sorted keys of all stores of one task; who uses it
// prefixes the keys, so that none is empty. It belongs to the task's worker: only a [Snapshot] may be
// read by other goroutines. The engines are in the packages pebble and memory,
// and package storetest holds the test that each of them passes.
//
// An error tells the owner what to do:
//
//   - [ErrNoSpace]: nothing is lost; the call may be made again later.
//   - [ErrDamaged]: close the engine, [Quarantine] its folder and rebuild.
//   - [ErrLocked]: somebody else has the files.
//   - [ErrClosed]: a mistake of the caller.
//   - any other: close the engine and open it again. It may come up with an
//     earlier state, but never with a part of a batch.
package engine

import "errors"

// ErrDamaged is wrapped by errors that mean that the engine's files can't be
// trusted: the caller moves them aside and rebuilds the state.
var ErrDamaged = errors.New("store files damaged")

// ErrLocked is wrapped by the error of opening files that are open already, in
// this or another process.
var ErrLocked = errors.New("store files in use")

// ErrNoSpace is wrapped by errors of a full disk. The call may be made again.
var ErrNoSpace = errors.New("no space left for store files")

// ErrClosed is wrapped by the errors of what is used after its end: an engine,
// opener, iterator or snapshot that was closed, or a batch that was committed.
var ErrClosed = errors.New("store closed")

// Reader reads sorted bytes.
type Reader interface {
	// Get appends the value of key to dst. ok is false, and dst is returned as
	// it was, when there is none. An empty value is a value.
	Get(dst, key []byte) (value []byte, ok bool, err error)

	// Scan iterates over the keys in [lo, hi), downwards if reverse. A nil lo is
	// the begin, a nil hi the end. The iterator starts before its first key, sees
	// the state as it is now, whatever is written later, and has to be closed.
	Scan(lo, hi []byte, reverse bool) (Iterator, error)
}

// Iterator walks over keys and values. Key and Value are valid until the next
// call of Next or Close and must not be written.
type Iterator interface {
	Next() bool // false at the end and after an error
	Key() []byte
	Value() []byte
	Close() error // returns the error that ended the iteration, if any
}

// Batch collects writes that are applied at once or not at all, a later one over
// an earlier one. It copies what it is given.
type Batch interface {
	Set(key, value []byte) // an empty key makes Commit fail
	Delete(key []byte)
	DeleteRange(lo, hi []byte) // [lo, hi); a nil hi makes Commit fail
	Size() int                 // bytes, about

	// Commit applies the writes. The batch must not be used again, unless the
	// error wraps [ErrNoSpace]: then nothing was applied and Commit may be
	// called again. A commit survives a crash only after a [Engine.Flush].
	Commit() error

	// Discard drops the writes. It does nothing after a successful Commit.
	Discard()
}

// Snapshot is a view of one moment. It is safe for concurrent use, Close included.
type Snapshot interface {
	Reader
	Close() error
}

// Engine is the state of one task.
type Engine interface {
	Reader
	NewBatch() Batch
	Snapshot() (Snapshot, error)

	// Flush makes everything committed so far survive a crash of the machine.
	Flush() error

	// OpenReaders counts the iterators and snapshots that wait for their Close.
	OpenReaders() int

	// Close flushes and releases the files. Open iterators and snapshots are an
	// error; the files are then released with the last of them. An engine is
	// closed whatever Close returns, and closing it again does nothing.
	Close() error
}

// Metrics is the size and work of an engine. Counts are since it was opened.
type Metrics struct {
	DiskBytes     int64 // of all files
	MemTableBytes int64 // allocated, whether filled or not
	L0Files       int64 // tables that compactions have not merged yet
	L0Sublevels   int64 // sorted runs that these make; one read looks into each
	Flushes       int64
	Compactions   int64
}

// Measured is implemented by engines that have [Metrics]. Metrics returns at
// once: what it says may be a little old.
type Measured interface{ Metrics() Metrics }

// Opener opens the engine of a task. dir is the task's own folder, which need
// not exist yet; an engine without files ignores it. Open is safe for concurrent
// use.
type Opener interface {
	Open(dir string) (Engine, error)
}
