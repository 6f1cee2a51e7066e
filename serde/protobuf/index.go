package protobuf

import (
	"encoding/binary"
	"errors"
)

// maxIndex is how deep a message may be defined inside others.
const maxIndex = 32

var errIndex = errors.New("message indexes: want a count and so many numbers after the schema id")

// appendIndex appends the place as the wire has it. The first message of a
// file has a form of its own.
func appendIndex(dst []byte, path []int) []byte {
	if len(path) == 1 && path[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(path)))
	for _, i := range path {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}

// splitIndex returns the place as it stands in src, and the message after it.
func splitIndex(src []byte) (index, payload []byte, err error) {
	_, n, err := readIndex(src)
	return src[:n], src[n:], err
}

// readIndex returns the place at the beginning of src, and how many bytes it
// takes. Each number is that of a message in its file or in the message around
// it, without the ones that map fields make, as in Java.
func readIndex(src []byte) (path []int, size int, err error) {
	count, n := binary.Varint(src)
	if n <= 0 || count < 0 || count > maxIndex {
		return nil, 0, errIndex
	}
	if count == 0 {
		return []int{0}, n, nil
	}
	for range count {
		i, k := binary.Varint(src[n:])
		if k <= 0 || i < 0 || i > 1<<20 {
			return nil, 0, errIndex
		}
		n += k
		path = append(path, int(i))
	}
	return path, n, nil
}
