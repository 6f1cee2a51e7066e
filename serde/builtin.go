package serde

// For returns the built-in Serde of the Go type T, and whether there is one.
// There is one for string, []byte, int16, int32, int64, float32, float64, bool
// and [UUID], and for [Null] of each of them. There is none for int, whose
// size differs between machines, none for types that are only defined as one
// of these (type Name string), and JSON is never assumed.
func For[T any]() (Serde[T], bool) {
	var builtin any
	switch t := any((*T)(nil)).(type) {
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
	case interface{ builtin() any }:
		builtin = t.builtin()
	}
	s, ok := builtin.(Serde[T])
	return s, ok
}

// builtin is the Serde of a Null of a type that has one, else nil. It has a
// pointer receiver to be found through a nil pointer.
func (*Null[T]) builtin() any {
	if inner, ok := For[T](); ok {
		return Nullable(inner)
	}
	return nil
}
