package batch

import "math"

// malformed is the place after a varint that is none: no place in any bytes,
// so that the check of what comes next finds it.
const malformed = math.MaxInt

// short decodes the zigzag varint of one or two bytes at place i of src, before
// its last byte. n is how many they are, 0 for others. It is for inlining:
// varint and varlong take them all.
func short(src []byte, i int) (v int64, n int) {
	if uint(i)+1 < uint(len(src)) {
		c := src[i]
		if c < 0x80 {
			return int64(c>>1) ^ -int64(c&1), 1
		}
		if d := src[i+1]; d < 0x80 {
			return (int64(c&0x7f)>>1 | int64(d)<<6) ^ -int64(c&1), 2
		}
	}
	return 0, 0
}

// varint decodes the zigzag varint of 32 bits at place i of src.
func varint(src []byte, i int) (v int64, next int) {
	u, next := uvarint(src, i, 5)
	if u > math.MaxUint32 {
		return 0, malformed
	}
	return int64(u>>1) ^ -int64(u&1), next
}

// varlong decodes the zigzag varint of 64 bits at place i of src.
func varlong(src []byte, i int) (v int64, next int) {
	u, next := uvarint(src, i, 10)
	return int64(u>>1) ^ -int64(u&1), next
}

// uvarint decodes a varint of at most n bytes.
func uvarint(src []byte, i, n int) (u uint64, next int) {
	for shift := 0; i < len(src) && shift < 7*n; shift += 7 {
		c := src[i]
		i++
		if u |= uint64(c&0x7f) << shift; c < 0x80 {
			if shift == 63 && c > 1 {
				break
			}
			return u, i
		}
	}
	return 0, malformed
}
