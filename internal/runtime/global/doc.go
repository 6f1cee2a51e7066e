// Package global keeps the global stores of an app: each instance has them
// whole, loaded before its workers start and followed from then on.
//
// There are only a few types. A [Global] owns a Kafka client that reads all
// partitions of the stores' topics, and the task whose processors fill the
// stores. A storage is the files below it: one engine for all persistent stores,
// with the offsets that they stand for in the same batch as their data. A view
// is what others see of a store: readers on many goroutines, while the owner
// applies a batch. It takes its answers from rows, a hash table that is read
// without a lock, or, where a store outgrew its memory, from a snapshot of the
// engine.
//
// Load and Run are called in turn, by one goroutine at a time; the other methods
// are safe for concurrent use.
package global
