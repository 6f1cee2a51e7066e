// Package restore reads changelogs into the stores of tasks.
//
// There are only a few types: a [Job] names the changelog partition of a store
// and where to begin, a [Batch] is what was read of it, and a [Restorer] turns
// one into the other, with a client and a goroutine of its own.
//
// A Job ends at the end that its topic had when the Job started, whatever lies
// before it: nothing, transaction markers, aborted records or offsets that
// compaction emptied. Who takes the batches applies them; at most two answers
// of brokers wait for that, so more records than fit in memory are no problem.
package restore
