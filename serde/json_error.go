package serde

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// JSONError says why a value isn't the JSON of a type, or has none. It holds
// nothing of the data: no names of members, no characters, and not the error
// of a method such as MarshalJSON, since that may quote it.
type JSONError struct {
	Type   reflect.Type // of the Serde
	Field  reflect.Type // what the JSON didn't fit, somewhere in Type; nil if the JSON itself is wrong
	Offset int64        // in bytes, at or before the problem; -1 when writing
	Reason string
}

func (e *JSONError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("json %v: %s", e.Type, e.Reason)
	}
	return fmt.Sprintf("json %v: at byte %d: %s", e.Type, e.Offset, e.Reason)
}

func readError(t reflect.Type, err error) error {
	e := &JSONError{Type: t, Reason: "not readable"}
	switch err := err.(type) {
	case *jsontext.SyntacticError:
		e.Offset, e.Reason = err.ByteOffset, syntaxReason(err)
	case *json.SemanticError:
		e.Offset, e.Field = err.ByteOffset, err.GoType
		if e.Field == nil {
			break
		}
		if kind := kindName(err.JSONKind); kind != "" {
			e.Reason = fmt.Sprintf("a JSON %s doesn't fit Go type %v", kind, e.Field)
		} else {
			e.Reason = fmt.Sprintf("doesn't fit Go type %v", e.Field)
		}
	}
	return e
}

func syntaxReason(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "an object has the same name twice"
	}
	return "not valid JSON"
}

func writeError(t reflect.Type, err error) error {
	e := &JSONError{Type: t, Offset: -1, Reason: "the value has no JSON form"}
	if err, ok := err.(*json.SemanticError); ok && err.GoType != nil {
		e.Field = err.GoType
		e.Reason = fmt.Sprintf("a value of Go type %v has no JSON form", e.Field)
	}
	return e
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "boolean"
	case jsontext.KindString:
		return "string"
	case jsontext.KindNumber:
		return "number"
	case jsontext.KindBeginObject:
		return "object"
	case jsontext.KindBeginArray:
		return "array"
	}
	return ""
}
