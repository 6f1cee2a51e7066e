//go:build !synctests

package simulate

// durable says that fake time goes on while a goroutine of the Kafka client
// waits for a lock. It does not: the client's locks are Go's.
const durable = false
