// Package collect sends what tasks emit to Kafka.
//
// There are only a few types: a [Collector] is the far end of a worker's tasks,
// over a producer that it owns; a [Failure] is a record that Kafka did not take.
// It chooses partitions as Kafka's clients do, by the hash of the key.
//
// A Collector belongs to its worker's goroutine. Only the producer's own
// goroutines, which tell of acknowledgements, work beside it.
package collect
