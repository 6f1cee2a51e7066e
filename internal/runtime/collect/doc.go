// Package collect sends what tasks emit to Kafka.
//
// There are only a few types: a [Collector] is the far end of a worker's tasks,
// over the producer of that worker; a [Failure] is a record that Kafka did not
// take. Records and their bytes lie in slabs that are used again, so that a record
// costs well under one allocation.
//
// A Collector belongs to its worker's goroutine. Only the client's own
// goroutine, which tells of acknowledgements, works beside it.
package collect
