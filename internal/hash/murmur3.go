package hash

import (
	"encoding/binary"
	"math/bits"
)

const (
	murmur3C1 = 0x87c37b91114253d5
	murmur3C2 = 0x4cf5ad432745937f
)

// Murmur3 is the x64 variant of MurmurHash3 with 128 bits and the seed that
// Kafka Streams gives it, 104729. The first result is the upper half.
func Murmur3(b []byte) (uint64, uint64) {
	const seed = 104729
	h1, h2, n := uint64(seed), uint64(seed), uint64(len(b))
	for ; len(b) >= 16; b = b[16:] {
		h1 ^= mixFirst(binary.LittleEndian.Uint64(b))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= mixSecond(binary.LittleEndian.Uint64(b[8:]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	// Mixing a zero half is neutral, so a short tail is one that ends in zeros.
	var tail [16]byte
	copy(tail[:], b)
	h1 ^= mixFirst(binary.LittleEndian.Uint64(tail[:]))
	h2 ^= mixSecond(binary.LittleEndian.Uint64(tail[8:]))

	h1 ^= n
	h2 ^= n
	h1 += h2
	h2 += h1
	h1, h2 = finish(h1), finish(h2)
	h1 += h2
	h2 += h1
	return h1, h2
}

func mixFirst(k uint64) uint64 { return bits.RotateLeft64(k*murmur3C1, 31) * murmur3C2 }

func mixSecond(k uint64) uint64 { return bits.RotateLeft64(k*murmur3C2, 33) * murmur3C1 }

func finish(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
