// Package batch reads what a broker answers to a fetch without a client's
// record objects: batches are checked and inflated as they come in, their
// records decoded one by one where a task takes them.
//
// A [Reader] splits the bytes of one partition into values of [Batch], and
// leaves out markers and aborted transactions ([Aborted]). [Batch.Decode]
// decodes a record into a flow.Origin that its caller owns. [Error] tells which
// batch is bad.
//
// A Reader belongs to the goroutine that fetches. A Batch belongs to whoever
// was handed it; its payload, which may be the very bytes of the answer, is
// never written again, as keys, values and headers are parts of it.
package batch
