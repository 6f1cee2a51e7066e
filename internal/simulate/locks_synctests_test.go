//go:build synctests

package simulate

// durable says that fake time goes on while a goroutine of the Kafka client
// waits for a lock. With the build tag synctests the client makes its locks of
// channels.
const durable = true
