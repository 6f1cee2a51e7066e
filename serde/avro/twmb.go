package avro

import (
	"errors"
	"reflect"
	"strings"

	lib "github.com/twmb/avro"
)

// standard is the Codec of github.com/twmb/avro.
type standard struct{}

func (standard) Encoder(s *Schema, _ reflect.Type) (func(dst []byte, v any) ([]byte, error), error) {
	parsed, err := parseStandard(s)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, v any) ([]byte, error) {
		b, err := parsed.AppendEncode(dst, v)
		if err != nil {
			return dst, typeError(err)
		}
		return b, nil
	}, nil
}

func (standard) Decoder(writer, reader *Schema, _ reflect.Type) (func(src []byte, v any) error, error) {
	w, err := parseStandard(writer)
	if err != nil {
		return nil, err
	}
	if writer != reader {
		r, err := parseStandard(reader)
		if err != nil {
			return nil, err
		}
		if w, err = lib.Resolve(w, r); err != nil {
			return nil, err
		}
	}
	return func(src []byte, v any) error {
		rest, err := w.Decode(src, v, skipUnknown)
		if err == nil && len(rest) > 0 {
			err = errRest
		}
		return typeError(err)
	}, nil
}

var (
	skipUnknown = lib.SkipUnknown()
	errRest     = errors.New("bytes are left")
)

// typeError keeps of an error what isn't data.
func typeError(err error) error {
	e, ok := errors.AsType[*lib.SemanticError](err)
	if !ok {
		return err
	}
	own := &TypeError{GoType: e.GoType, Avro: e.AvroType, Field: e.Field, Always: e.Err == nil}
	if e.Err != nil && strings.HasPrefix(e.Err.Error(), "missing ") {
		own.Reason = e.Err.Error()
		own.Always = e.GoType != nil && e.GoType.Kind() == reflect.Struct
	}
	return own
}

func parseStandard(s *Schema) (*lib.Schema, error) {
	var c lib.SchemaCache
	for _, u := range s.uses {
		if _, err := c.Parse(u.text); err != nil {
			return nil, err
		}
	}
	return c.Parse(s.text)
}

// SchemaFor returns the schema of a struct, with the names in its avro tags,
// for a record in the namespace. What is written with it can be read only as
// long as it stays compatible, so keep the schema of a topic in the program or
// the registry rather than making it anew.
func SchemaFor[T any](namespace string) (string, error) {
	s, err := lib.SchemaFor[T](lib.WithNamespace(namespace))
	if err != nil {
		return "", err
	}
	return s.String(), nil
}
