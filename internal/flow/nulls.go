package flow

import (
	"reflect"
	"strings"
	"unsafe"

	"github.com/ottla-streams/ottla/serde"
)

// Nulls tells which values of T are null: nil for pointers, slices, maps,
// functions, channels and interfaces, and those of [serde.Null] that are not
// valid. Other types can't say null. The zero Nulls is of such a type.
type Nulls[T any] struct {
	kind   nullKind
	offset uintptr
}

type nullKind uint8

const (
	neverNull nullKind = iota
	nilIsNull
	invalidIsNull
)

var serdePath = reflect.TypeFor[serde.Header]().PkgPath()

// NullsOf returns the Nulls of T.
func NullsOf[T any]() Nulls[T] {
	t := reflect.TypeFor[T]()
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.Interface, reflect.UnsafePointer:
		return Nulls[T]{kind: nilIsNull}
	case reflect.Struct:
		if t.PkgPath() == serdePath && strings.HasPrefix(t.Name(), "Null[") {
			f, _ := t.FieldByName("Valid")
			return Nulls[T]{kind: invalidIsNull, offset: f.Offset}
		}
	}
	return Nulls[T]{}
}

// Possible says whether T can say null at all.
func (n Nulls[T]) Possible() bool { return n.kind != neverNull }

// Is says whether *v is null. The first word of every kind of value that can
// be nil is zero just when it is nil. Reading it in place, rather than through
// an interface, keeps v off the heap.
func (n Nulls[T]) Is(v *T) bool {
	switch n.kind {
	case nilIsNull:
		return *(*unsafe.Pointer)(unsafe.Pointer(v)) == nil
	case invalidIsNull:
		return !*(*bool)(unsafe.Add(unsafe.Pointer(v), n.offset))
	}
	return false
}
