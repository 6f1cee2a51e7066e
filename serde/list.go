package serde

import (
	"encoding/binary"
	"errors"
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

// The first byte of a list says how its elements are laid out.
const (
	listFixed    = 0 // count and indexes of nulls, count of elements, elements that aren't null
	listVariable = 1 // count of elements, for each its length or -1 for a null, and its bytes
)

var (
	errListLayout = errors.New("list: the first byte names no known layout")
	errListShort  = errors.New("list: the bytes end too early")
	errListLong   = errors.New("list: there are bytes after the last element")
	errListCount  = errors.New("list: the number of elements doesn't fit the number of bytes")
	errListNulls  = errors.New("list: the indexes of nulls aren't ascending indexes of elements")
	errListFixed  = errors.New("list: the elements are written with a fixed size, which their serde doesn't have")
)

type list[T any] struct {
	inner  Serde[T]
	size   int           // bytes of every element, 0 if they differ
	isNull func(*T) bool // nil if a T can't be null
}

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

func (l list[T]) appendFixed(dst []byte, vs []T) ([]byte, error) {
	dst = append(dst, listFixed)
	countAt, nulls := len(dst), 0
	dst = appendInt32(dst, 0)
	for i := range vs {
		if l.null(&vs[i]) {
			dst = appendInt32(dst, i)
			nulls++
		}
	}
	binary.BigEndian.PutUint32(dst[countAt:], uint32(nulls))
	dst = appendInt32(dst, len(vs))
	for i := range vs {
		if l.null(&vs[i]) {
			continue
		}
		var err error
		start := len(dst)
		if dst, err = l.inner.AppendTo(dst, vs[i]); err != nil {
			return nil, elementError(i, err)
		}
		if n := len(dst) - start; n != l.size {
			return nil, elementError(i, fmt.Errorf("its serde says %d bytes and wrote %d", l.size, n))
		}
	}
	return dst, nil
}

func (l list[T]) appendVariable(dst []byte, vs []T) ([]byte, error) {
	dst = append(dst, listVariable)
	dst = appendInt32(dst, len(vs))
	for i := range vs {
		if l.null(&vs[i]) {
			dst = appendInt32(dst, -1)
			continue
		}
		var err error
		lenAt := len(dst)
		dst = appendInt32(dst, 0)
		if dst, err = l.inner.AppendTo(dst, vs[i]); err != nil {
			return nil, elementError(i, err)
		}
		n := len(dst) - lenAt - 4
		if n > math.MaxInt32 {
			return nil, elementError(i, fmt.Errorf("%d bytes are more than the format can count", n))
		}
		binary.BigEndian.PutUint32(dst[lenAt:], uint32(n))
	}
	return dst, nil
}

func (l list[T]) Decode(src []byte) ([]T, error) {
	if len(src) == 0 {
		return nil, errListShort
	}
	switch layout, src := src[0], src[1:]; layout {
	case listFixed:
		return l.decodeFixed(src)
	case listVariable:
		return l.decodeVariable(src)
	}
	return nil, errListLayout
}

func (l list[T]) decodeFixed(src []byte) ([]T, error) {
	if l.size == 0 {
		return nil, errListFixed
	}
	nulls, src, ok := takeInt32(src)
	if !ok || nulls < 0 || nulls > len(src)/4 {
		return nil, errListShort
	}
	indexes := src[:4*nulls]
	n, src, ok := takeInt32(src[4*nulls:])
	if !ok {
		return nil, errListShort
	}
	if n < nulls || len(src)%l.size != 0 || len(src)/l.size != n-nulls {
		return nil, errListCount
	}
	vs := make([]T, n)
	null, indexes := nextNull(indexes)
	for i := range vs {
		if i == null {
			if l.isNull == nil {
				return nil, errNullElement[T](i)
			}
			null, indexes = nextNull(indexes)
			nulls--
			continue
		}
		if len(src) == 0 { // fewer indexes matched than were counted
			return nil, errListNulls
		}
		var err error
		if vs[i], err = l.inner.Decode(src[:l.size:l.size]); err != nil {
			return nil, elementError(i, err)
		}
		src = src[l.size:]
	}
	if nulls != 0 {
		return nil, errListNulls
	}
	return vs, nil
}

func (l list[T]) decodeVariable(src []byte) ([]T, error) {
	n, src, ok := takeInt32(src)
	if !ok {
		return nil, errListShort
	}
	if n < 0 || n > len(src)/4 { // before memory is made for what a damaged count claims
		return nil, errListCount
	}
	vs := make([]T, n)
	for i := range vs {
		var size int
		if size, src, ok = takeInt32(src); !ok {
			return nil, errListShort
		}
		if size == -1 {
			if l.isNull == nil {
				return nil, errNullElement[T](i)
			}
			continue
		}
		if size < 0 || size > len(src) {
			return nil, elementError(i, errListShort)
		}
		var err error
		if vs[i], err = l.inner.Decode(src[:size:size]); err != nil {
			return nil, elementError(i, err)
		}
		src = src[size:]
	}
	if len(src) > 0 {
		return nil, errListLong
	}
	return vs, nil
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

func appendInt32(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(int32(n)))
}

func takeInt32(src []byte) (int, []byte, bool) {
	if len(src) < 4 {
		return 0, nil, false
	}
	return int(int32(binary.BigEndian.Uint32(src))), src[4:], true
}

// nextNull takes the next index, which is -1, no index, at the end.
func nextNull(indexes []byte) (int, []byte) {
	i, rest, ok := takeInt32(indexes)
	if !ok {
		return -1, nil
	}
	return i, rest
}
