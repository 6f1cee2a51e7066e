// Package hash has the two hashes that Kafka's clients agree on: [Murmur2]
// decides the partition of a key, [Murmur3] tells versions of a left value
// apart in a foreign-key join. Both are pure and don't allocate.
package hash

import "encoding/binary"

// Murmur2 is the hash of Kafka's default partitioner, with its seed.
func Murmur2(b []byte) int32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
	)
	h := seed ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return int32(h ^ h>>15)
}

// Partition is the partition of n that Kafka's default partitioner gives to a
// record with the serialized key. It is -1, no partition, when n isn't
// positive. A null key has no partition of its own: the producer picks one.
func Partition(key []byte, n int32) int32 {
	if n <= 0 {
		return -1
	}
	return (Murmur2(key) & 0x7fffffff) % n
}
