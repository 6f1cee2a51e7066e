package serde

// Copier is implemented by a Serde whose decoded values never alias the bytes
// they came from, so that a store may use the memory again.
type Copier interface{ Copies() bool }

// Copies says whether values decoded by s never alias their bytes.
func Copies[T any](s Serde[T]) bool {
	c, ok := s.(Copier)
	return ok && c.Copies()
}
