package serde

import (
	"bytes"
	"encoding"
	jsonv1 "encoding/json"
	"encoding/json/v2"
	"fmt"
	"reflect"
	"sync"
)

// JSON is the Serde of T as one JSON text, as [encoding/json/v2] writes and
// reads it, with map keys in sorted order, so that equal values have equal
// bytes, and with a [time.Duration] as its number of nanoseconds.
//
// Decode wants the whole input to be one JSON value: anything but white space
// after it is an error, and so are an object that has a name twice, text that
// isn't UTF-8, and nesting of more than 10,000 levels. Names match exactly,
// and unknown ones are passed over. Errors are a [*JSONError], which tells
// the place and the types but nothing of the data.
//
// A T that would lose its data makes a Serde with an error, see [Checker]:
// a struct without an exported field (or a pointer, slice, array or map of
// such) that has no MarshalJSON, MarshalJSONTo, MarshalText or AppendText.
// So do types without a JSON form, such as channels and functions.
func JSON[T any]() Serde[T] {
	t := reflect.TypeFor[T]()
	if err := writable(t); err != nil {
		return broken[T]{err}
	}
	return &jsonSerde[T]{typ: t, unreadable: readable(t)}
}

var jsonOptions = json.JoinOptions(json.Deterministic(true), jsonv1.FormatDurationAsNano(true))

type jsonSerde[T any] struct {
	typ        reflect.Type
	unreadable error     // T can be written only
	scratch    sync.Pool // of *jsonScratch[T]
}

// jsonScratch is what writing a value would allocate otherwise, as both are
// passed on as interfaces. Decode has none: a method such as UnmarshalJSON may
// keep the pointer that it gets.
type jsonScratch[T any] struct {
	buf bytes.Buffer
	v   T
}

// Copies is true as methods such as UnmarshalJSON have to copy what they keep.
func (s *jsonSerde[T]) Copies() bool { return true }

func (s *jsonSerde[T]) AppendTo(dst []byte, v T) ([]byte, error) {
	x, ok := s.scratch.Get().(*jsonScratch[T])
	if !ok {
		x = new(jsonScratch[T])
	}
	x.buf, x.v = *bytes.NewBuffer(dst), v
	err := json.MarshalWrite(&x.buf, &x.v, jsonOptions)
	b := x.buf.Bytes()
	*x = jsonScratch[T]{} // keep nothing of the caller's alive
	s.scratch.Put(x)
	if err != nil {
		return dst, writeError(s.typ, err)
	}
	return b, nil
}

func (s *jsonSerde[T]) Decode(src []byte) (T, error) {
	var v, none T
	if s.unreadable != nil {
		return none, s.unreadable
	}
	if err := json.Unmarshal(src, &v, jsonOptions); err != nil {
		return none, readError(s.typ, err)
	}
	return v, nil
}

// writable says why values of t can't be written as JSON without a loss.
func writable(t reflect.Type) error {
	e, inside := t, false
	for range 8 { // a type such as type tree []tree has no end
		if implements[jsonv1.Marshaler](e) || implements[json.MarshalerTo](e) ||
			implements[encoding.TextMarshaler](e) || implements[encoding.TextAppender](e) {
			return nil
		}
		switch e.Kind() {
		case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
			return fmt.Errorf("json %v: Go type %v has no JSON form", t, e)
		case reflect.Struct:
			// map[string]struct{} is a set and loses nothing.
			if visible(e) || inside && e.NumField() == 0 {
				return nil
			}
			return hiddenError(t, e)
		case reflect.Slice, reflect.Array, reflect.Map:
			e, inside = e.Elem(), true
		case reflect.Pointer:
			e = e.Elem()
		default:
			return nil
		}
	}
	return nil
}

func hiddenError(t, hidden reflect.Type) error {
	of := ""
	if t != hidden {
		of = fmt.Sprintf("struct %v has ", hidden)
	}
	return fmt.Errorf("json %v: %sno exported field, so its data would be lost: "+
		"export its fields or give it a MarshalJSON method", t, of)
}

// readable says why Decode would return an empty T whatever the input is.
func readable(t reflect.Type) error {
	for range 8 {
		if implements[jsonv1.Unmarshaler](t) || implements[json.UnmarshalerFrom](t) ||
			implements[encoding.TextUnmarshaler](t) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && !visible(t) {
		return fmt.Errorf("json %v: can be written only: it has no exported field and no UnmarshalJSON method", t)
	}
	return nil
}

// visible says whether JSON has a place for any field of the struct t.
func visible(t reflect.Type) bool {
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && f.Tag.Get("json") != "-" {
			return true
		}
	}
	return false
}

func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}
