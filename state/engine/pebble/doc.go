// Package pebble is the engine that keeps a task's state on disk, in Pebble.
//
// There are only a few types: [New] makes an [Opener] from [Options], which owns
// what all databases share, the block cache and the open files. It opens a [DB]
// per task, which belongs to the task's worker goroutine.
//
// # What a crash leaves
//
// There is no write-ahead log: the changelog topic is one. After a crash a DB
// comes up as it was after one of its commits, the last [DB.Flush] or a later
// one. A batch is there as a whole or not at all, and none without those before.
//
// # What goes wrong
//
// Pebble's own ways to end the process are closed. What would be fatal stops
// the DB: its files are frozen as they are, as a crash would leave them, and all
// later calls return the reason. A damaged block stops it with
// [engine.ErrDamaged]; so is every error of opening that is not about a lock,
// space, rights or the limits of the machine. On a full disk the writes fail
// with [engine.ErrNoSpace] while the reads go on, and go on themselves when there
// is space again. Keys never appear in an error.
//
// Commits wait while memtables are not flushed or level 0 not compacted fast
// enough, which bounds memory to five memtables and a batch.
package pebble
