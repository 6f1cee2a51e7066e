// Package measure is what the runtime counts about itself.
//
// There are only a few types: a [Worker] has the counts of a worker's loop and
// of each [Task]; a [Task] those of its inputs, outputs, nodes and stores, and
// the [Value] of each metric of the user; a [Slot] is where a worker lays a copy
// for others to read.
//
// Counts are plain fields of the worker's goroutine: to count costs an addition,
// and nobody else looks. A copy is made a few times per second, and only if the
// app's metrics are on. The copy is never written again.
package measure
