// Package worker runs tasks against Kafka.
//
// There are only a few types: a [Worker] is one goroutine that owns a consumer,
// a producer and its tasks (Kafka Streams' StreamThread); [Config] is what it
// needs; an [Error] says whether the application can go on without it.
//
// The group's callbacks run on goroutines of the client. They only hand over to
// the loop and wait for it, so that nothing in a task takes a lock: a revoked
// partition is given up when the loop has committed and closed its task.
package worker
