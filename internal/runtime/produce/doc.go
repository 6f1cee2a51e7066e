// Package produce sends records to Kafka as idempotent produce requests whose
// batches it builds by itself, in transactions or outside of them. That takes
// half the CPU of the client's own producer, which keeps an object for each
// record.
//
// There are only a few types: a [Producer] has an open batch for each partition
// that is written, and at most one request on the way to each broker; a
// [Record] is appended to the batch of its partition; a [Result] tells what
// became of a batch. What is appended while a request is on its way leaves in
// the next one, so that batches are as small as the load is light.
//
// A partition has at most one batch on the way. It is sent again with the same
// producer id and sequence until a broker took or refused it, so that nothing is
// written twice or overtaken. When a batch was refused, or a broker lost what it
// knew of the sequence, the partition goes on with a new producer id.
//
// In transactions (see [Transactional]) nothing goes on after that: the first
// failure breaks the Producer. All that waits is refused, and a new Producer with
// the same transactional id fences this one, whatever is still on its way. So
// there is no state from which a transaction would have to be recovered.
//
// Append, Push, Flush, Commit and Abort are for one goroutine, the worker's.
// Everything else is done by goroutines of the Producer.
package produce
