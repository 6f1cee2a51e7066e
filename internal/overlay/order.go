package overlay

import "encoding/binary"

// head is the first bytes of a key as numbers. In stores by time these are the
// segment, which most entries share, a short key and a time: comparisons so
// hardly ever need the key itself, which lies elsewhere in memory.
type head [4]uint64

func headOf(key string) head {
	if len(key) >= 32 {
		return head{word(key), word(key[8:]), word(key[16:]), word(key[24:])}
	}
	var b [32]byte
	copy(b[:], key)
	be := binary.BigEndian
	return head{be.Uint64(b[:]), be.Uint64(b[8:]), be.Uint64(b[16:]), be.Uint64(b[24:])}
}

// word is the number that the first 8 bytes of s make.
func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
		uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
}

// before compares two heads; same says that the keys have to decide.
func (h *head) before(o *head) (less, same bool) {
	for i := range h {
		if h[i] != o[i] {
			return h[i] < o[i], false
		}
	}
	return false, true
}

// item is an entry in the tree.
type item struct {
	head head
	e    *entry
}

func itemOf(e *entry) item { return item{headOf(e.key), e} }

func (x item) less(y item) bool {
	less, same := x.head.before(&y.head)
	return less || same && x.e.key < y.e.key
}

func (x item) compare(y item) int {
	switch {
	case x.less(y):
		return -1
	case y.less(x):
		return 1
	}
	return 0
}
