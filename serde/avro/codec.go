package avro

import (
	"fmt"
	"reflect"
)

// Codec is a library that encodes and decodes Avro. The serdes of this package
// call it only with data that they have checked against the schema and the
// [Limits], so it needs no limits of its own.
//
// All values are passed as pointers to the Go type that the functions were
// made for. The functions are safe for concurrent use. Their errors are shown
// only if they are a [*TypeError], as others may quote the data.
type Codec interface {
	// Encoder returns a function that appends the encoding of what v points to.
	Encoder(s *Schema, t reflect.Type) (func(dst []byte, v any) ([]byte, error), error)

	// Decoder returns a function that decodes what was written with one schema
	// into what v points to, as the reader's schema wants it. Both may be the
	// same. Values must not alias src.
	Decoder(writer, reader *Schema, t reflect.Type) (func(src []byte, v any) error, error)
}

// TypeError says what doesn't fit between a Go type and a schema. It holds
// nothing of the data.
type TypeError struct {
	GoType reflect.Type // nil if unknown
	Avro   string       // the type in the schema; empty if unknown
	Field  string       // names of fields down to the problem, with dots; empty at the top
	Reason string       // more than that the types don't fit; may be empty
	// Always says that no value fits, as it is the types that don't.
	Always bool
}

func (e *TypeError) Error() string {
	s := ""
	if e.Field != "" {
		s = "field " + e.Field + ": "
	}
	what := "the value"
	if e.GoType != nil {
		what = fmt.Sprintf("Go type %v", e.GoType)
		if !e.Always {
			what = "a value of " + what
		}
	}
	to := "the schema"
	if e.Avro != "" {
		to = "Avro type " + e.Avro
	}
	s += what + " doesn't fit " + to
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}
