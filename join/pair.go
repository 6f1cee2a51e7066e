package join

// Pair is the two sides of an outer join. At least one of them is there; the
// other is a zero value.
type Pair[L, R any] struct {
	Left     L
	Right    R
	HasLeft  bool
	HasRight bool
}
