package serde

import "errors"

// Null is a value that may be null, for types that can't say so themselves, as
// [database/sql.Null] is for columns. Pointers, slices, maps and interfaces
// say it as nil and need no Null.
//
// The zero Null is null.
type Null[T any] struct {
	V     T
	Valid bool // V is a value; if not set, this is a null
}

// Some returns v as a Null that isn't null.
func Some[T any](v T) Null[T] { return Null[T]{V: v, Valid: true} }

// IsNull says whether n is null.
func (n Null[T]) IsNull() bool { return !n.Valid }

var errNullValue = errors.New("null value: a null has no encoding of its own")
