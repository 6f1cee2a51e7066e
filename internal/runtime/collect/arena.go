package collect

const (
	chunkBytes   = 64 << 10
	slabRecords  = 128
	headersChunk = 64
)

// arena copies bytes into big chunks. A chunk is garbage when none of the
// records in it is in flight any more.
type arena struct{ free []byte }

// copy returns a copy of b; nil stays nil and empty stays empty.
func (a *arena) copy(b []byte) []byte {
	switch n := len(b); {
	case b == nil:
		return nil
	case n > chunkBytes/4:
		return append([]byte(nil), b...)
	case n > len(a.free):
		a.free = make([]byte, chunkBytes)
	}
	n := copy(a.free, b)
	c := a.free[:n:n]
	a.free = a.free[n:]
	return c
}
