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
// A panic in a goroutine of Pebble's own, which would be a mistake in Pebble, ends
// the process; one in a call from here stops the DB.
//
// Commits wait while flushes or compactions are behind, which bounds the memory
// of a DB to about four memtables and two batches.
//
// # What it costs
//
// An open DB that does nothing costs 2 goroutines, 7 file descriptors beside
// those of the shared tables, and 160 to 190 KiB of resident memory, most of it
// the 230 KiB of Go heap, which are not all touched. Memtables come to that when
// it writes. Measured by BenchmarkIdle as the second hundred of 200 DBs with ten
// flushed entries each, Linux on amd64. To open and close one takes 1.5 ms.
//
// With 200,000 entries of 116 bytes, all in the cache, a Get takes 1.9 µs and
// allocates 16 bytes in Pebble; one of a key that is not there takes 0.2 µs and
// allocates nothing. An entry of a batch of 1000 in order takes 0.6 µs, and one of
// a scan 0.12 µs.
package pebble
