package avro

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

var (
	errEncode = errors.New("the value doesn't fit the schema")
	errDecode = errors.New("the data doesn't fit the Go type")
	errPanic  = errors.New("the codec panicked")
)

// encoder appends values by one schema.
type encoder[T any] struct {
	name    string
	schema  *Schema
	fn      func(dst []byte, v any) ([]byte, error)
	scratch sync.Pool // of *T, which would be allocated for each value otherwise
}

func newEncoder[T any](name string, s *Schema, o options) (e *encoder[T], err error) {
	defer recoverTo(&err)
	fn, err := o.codec.Encoder(s, reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	e = &encoder[T]{name: name, schema: s, fn: fn}
	// What no value of T fits shows with the zero one.
	var zero T
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Pointer {
		zero, _ = reflect.New(t.Elem()).Interface().(T)
	}
	if bad, ok := errors.AsType[*TypeError](e.call(nil, &zero)); ok && bad.Always {
		return nil, bad
	}
	return e, nil
}

func (e *encoder[T]) call(dst []byte, v *T) (err error) {
	defer recoverTo(&err)
	_, err = e.fn(dst, v)
	return err
}

func (e *encoder[T]) appendTo(dst []byte, v T) (b []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			b, err = dst, fmt.Errorf("%s: %w", e.name, errPanic)
		}
	}()
	x, ok := e.scratch.Get().(*T)
	if !ok {
		x = new(T)
	}
	*x = v
	b, err = e.fn(dst, x)
	var zero T
	*x = zero // keep nothing of the caller's alive
	e.scratch.Put(x)
	if err == nil && e.schema.maps {
		b, err = order(b, len(dst), e.schema.root)
	}
	if err != nil {
		return dst, shown(e.name, err, errEncode)
	}
	return b, nil
}

// decoder decodes values that were written by one schema.
type decoder[T any] struct {
	name    string
	written *Schema
	limits  Limits
	fn      func(src []byte, v any) error
	fresh   bool // a value may keep the pointer it is decoded through
	scratch sync.Pool
}

func newDecoder[T any](name string, written, reader *Schema, o options) (d *decoder[T], err error) {
	defer recoverTo(&err)
	t := reflect.TypeFor[T]()
	fn, err := o.codec.Decoder(written, reader, t)
	if err != nil {
		return nil, err
	}
	return &decoder[T]{name: name, written: written, limits: o.limits, fn: fn, fresh: keeps(t, nil)}, nil
}

func (d *decoder[T]) decode(src []byte) (v T, err error) {
	if err := check(src, d.written.root, &d.limits); err != nil {
		return v, fmt.Errorf("%s: %w", d.name, err)
	}
	defer func() {
		if r := recover(); r != nil {
			var zero T
			v, err = zero, fmt.Errorf("%s: %w", d.name, errPanic)
		}
	}()
	x, ok := d.scratch.Get().(*T)
	if !ok {
		x = new(T)
	}
	err = d.fn(src, x)
	v = *x
	var zero T
	if !d.fresh {
		*x = zero
		d.scratch.Put(x)
	}
	if err != nil {
		return zero, shown(d.name, err, errDecode)
	}
	return v, nil
}

// shown is an error without data: the codec's own might quote it.
func shown(name string, err, otherwise error) error {
	if e, ok := errors.AsType[*TypeError](err); ok {
		return fmt.Errorf("%s: %w", name, e)
	}
	return fmt.Errorf("%s: %w", name, otherwise)
}

func recoverTo(err *error) {
	if r := recover(); r != nil {
		*err = errPanic
	}
}

// keeps says whether a method of the type might keep a pointer into the value
// that it is called for, so that its memory can't be used again.
func keeps(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	if seen == nil {
		seen = make(map[reflect.Type]bool)
	}
	seen[t] = true
	if t.PkgPath() == "time" || t.PkgPath() == "math/big" {
		return false
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if keeps(t.Field(i).Type, seen) {
				return true
			}
		}
	case reflect.Array:
		return keeps(t.Elem(), seen)
	}
	return false // what a pointer, slice or map leads to is new each time
}
