package serde

// For returns the built-in Serde of the Go type T, and whether there is one.
// There is one for string, []byte, int16, int32, int64, float32, float64, bool
// and [UUID], and for [Null] of each of them. There is none for int, whose
// size differs between machines, none for types that are only defined as one
// of these (type Name string), and JSON is never assumed.
func For[T any]() (Serde[T], bool) {
	var builtin any
	switch t := any(new(T)).(type) {
	case *string:
		builtin = String
	case *[]byte:
		builtin = Bytes
	case *int16:
		builtin = Int16
	case *int32:
		builtin = Int32
	case *int64:
		builtin = Int64
	case *float32:
		builtin = Float32
	case *float64:
		builtin = Float64
	case *bool:
		builtin = Bool
	case *UUID:
		builtin = UUIDs
	case interface{ builtin() (Serde[T], bool) }:
		return t.builtin()
	}
	s, ok := builtin.(Serde[T])
	return s, ok
}

// builtin is For of a Null. Its result tells a Null from a type that embeds
// one.
func (*Null[T]) builtin() (Serde[Null[T]], bool) {
	inner, ok := For[T]()
	if !ok {
		return nil, false
	}
	return Nullable(inner), true
}
