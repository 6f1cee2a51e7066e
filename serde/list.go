package serde

import (
	"fmt"
	"math"
	"reflect"
)

// FixedSizer is implemented by a Serde whose encodings all have the same
// length: it decides the layout that [List] writes. Java's list serializer
// does this for Short, Integer, Long, Float, Double and UUID only, so a Serde
// whose lists Java shall read must not implement it.
type FixedSizer interface {
	// FixedSize is the length in bytes, or 0 if there is no such length.
	FixedSize() int
}

// List is the Serde of a slice, with the bytes of Java's ListSerde. Elements
// of fixed size (see [FixedSizer]) are written one after the other, others
// with their lengths. Decode reads both layouts.
//
// An element that is null stays null if T can say so: if it is a pointer, a
// slice, a map, an interface, or a [Null] such as that of
// List([Nullable]([Int64])). A null element of another T is an error. Decode
// never returns a nil slice: the list itself is no null. Elements don't see
// the headers of a record.
func List[T any](inner Serde[T]) Serde[[]T] {
	if err := check(inner); err != nil {
		return broken[[]T]{fmt.Errorf("list: %w", err)}
	}
	return list[T]{inner: inner, size: fixedSize(inner), isNull: nullTest[T]()}
}

type list[T any] struct {
	inner  Serde[T]
	size   int           // bytes of every element, 0 if they differ
	isNull func(*T) bool // nil if a T can't be null
}

func (l list[T]) Copies() bool { return Copies(l.inner) }

func (l list[T]) ForTopic(topic string, key bool) Serde[[]T] {
	return List(Bind(l.inner, topic, key))
}

func (l list[T]) AppendTo(dst []byte, vs []T) ([]byte, error) {
	if len(vs) > math.MaxInt32 {
		return dst, fmt.Errorf("list: %d elements are more than the format can count", len(vs))
	}
	b, layout := dst, l.appendVariable
	if l.size > 0 {
		layout = l.appendFixed
	}
	b, err := layout(b, vs)
	if err != nil {
		return dst, err
	}
	return b, nil
}

func (l list[T]) null(v *T) bool { return l.isNull != nil && l.isNull(v) }

// nullTest returns what tells the nulls of T, or nil if T can't be null. The
// null of a type is its zero value.
func nullTest[T any]() func(*T) bool {
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return func(v *T) bool { return reflect.ValueOf(v).Elem().IsNil() }
	}
	if n, ok := any(new(T)).(interface{ test() func(*T) bool }); ok {
		return n.test()
	}
	return nil
}

func fixedSize[T any](s Serde[T]) int {
	if f, ok := s.(FixedSizer); ok {
		return f.FixedSize()
	}
	return 0
}

func elementError(i int, err error) error { return fmt.Errorf("list: element %d: %w", i, err) }

func errNullElement[T any](i int) error {
	return elementError(i, fmt.Errorf("null, which Go type %v can't be: use Nullable", reflect.TypeFor[T]()))
}
