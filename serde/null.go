package serde

import (
	"errors"
	"fmt"
)

// Null is a value that may be null, for types that can't say so themselves, as
// [database/sql.Null] is for columns. Pointers, slices, maps and interfaces
// say it as nil and need no Null. The zero Null is null.
type Null[T any] struct {
	V     T
	Valid bool // V is a value; if not set, this is a null
}

// Some returns v as a Null that isn't null.
func Some[T any](v T) Null[T] { return Null[T]{V: v, Valid: true} }

// IsNull says whether n is null.
func (n Null[T]) IsNull() bool { return !n.Valid }

// test is nullTest of a Null. Its result tells a Null from a type that embeds
// one.
func (*Null[T]) test() func(*Null[T]) bool {
	return func(n *Null[T]) bool { return !n.Valid }
}

// Nullable is the Serde of values that may be null, with the bytes of inner
// for those that aren't. A null has no bytes: the record's key or value is
// null, and in a [List] the element is. So AppendTo returns an error for a
// null, and what Decode returns is never null.
func Nullable[T any](inner Serde[T]) Serde[Null[T]] {
	if err := check(inner); err != nil {
		return broken[Null[T]]{fmt.Errorf("nullable: %w", err)}
	}
	if aware, ok := inner.(HeaderAware[T]); ok {
		return nullableRecord[T]{nullable[T]{inner}, aware}
	}
	return nullable[T]{inner}
}

// Void is the Serde of a key or value that is always null, as Java's Void.
// There are no bytes to it: AppendTo and Decode always return an error.
var Void Serde[Null[struct{}]] = void{}

var (
	errNullValue = errors.New("nullable: a null has no bytes")
	errVoid      = errors.New("void: want a null, got a value")
)

type nullable[T any] struct{ inner Serde[T] }

func (n nullable[T]) AppendTo(dst []byte, v Null[T]) ([]byte, error) {
	if !v.Valid {
		return dst, errNullValue
	}
	return n.inner.AppendTo(dst, v.V)
}

func (n nullable[T]) Decode(src []byte) (Null[T], error) { return valid(n.inner.Decode(src)) }

func (n nullable[T]) FixedSize() int { return fixedSize(n.inner) }

func (n nullable[T]) Copies() bool { return Copies(n.inner) }

func (n nullable[T]) InnerKey(encoded []byte) []byte {
	if k, ok := n.inner.(InnerKeyer); ok {
		return k.InnerKey(encoded)
	}
	return encoded
}

func (n nullable[T]) ForTopic(topic string, key bool) Serde[Null[T]] {
	return Nullable(Bind(n.inner, topic, key))
}

type nullableRecord[T any] struct {
	nullable[T]
	aware HeaderAware[T]
}

func (n nullableRecord[T]) AppendRecord(dst []byte, v Null[T], h *Headers) ([]byte, error) {
	if !v.Valid {
		return dst, errNullValue
	}
	return n.aware.AppendRecord(dst, v.V, h)
}

func (n nullableRecord[T]) DecodeRecord(src []byte, h Headers) (Null[T], error) {
	return valid(n.aware.DecodeRecord(src, h))
}

func valid[T any](v T, err error) (Null[T], error) {
	if err != nil {
		return Null[T]{}, err
	}
	return Some(v), nil
}

type void struct{}

func (void) AppendTo(dst []byte, v Null[struct{}]) ([]byte, error) {
	if v.Valid {
		return dst, errVoid
	}
	return dst, errNullValue
}

func (void) Decode([]byte) (Null[struct{}], error) { return Null[struct{}]{}, errVoid }
