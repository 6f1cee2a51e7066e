// Package hamba is github.com/hamba/avro as a codec for package avro. There
// is only [Codec]. Its generic form differs from the usual one: an int is an
// int, and a union of named types is a map with the name of the type as key.
package hamba

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"

	lib "github.com/hamba/avro/v2"

	"github.com/ottla-streams/ottla/serde/avro"
)

// Codec is the codec, for [avro.With]. It can't resolve a recursive schema
// with a different one.
var Codec avro.Codec = codec{}

type codec struct{}

var (
	errRecursive = errors.New("this codec can't resolve a recursive schema with a different one")
	errLarge     = errors.New("the schema is too large for this codec to resolve")
	errRest      = errors.New("bytes are left")
)

// maxTree is how many types resolving may copy, with all names replaced.
const maxTree = 10_000

// newAPI returns an API of its own for one schema: the library's caches tell
// schemas apart by a fingerprint that leaves out logical types. The bytes are
// those of Java's encoder. Sizes were checked before.
func newAPI() lib.API {
	return lib.Config{MaxByteSliceSize: -1, DisableBlockSizeHeader: true}.Freeze()
}

func (codec) Encoder(s *avro.Schema, t reflect.Type) (func(dst []byte, v any) ([]byte, error), error) {
	parsed, err := parse(s)
	if err != nil {
		return nil, err
	}
	api := newAPI()
	pool := sync.Pool{New: func() any { return lib.NewWriter(nil, 512, lib.WithWriterConfig(api)) }}
	return func(dst []byte, v any) ([]byte, error) {
		w := pool.Get().(*lib.Writer)
		w.Reset(nil)
		w.Error = nil
		if pointer := t.Kind() == reflect.Struct && parsed.Type() == lib.Record; !pointer {
			// The library takes a pointer for nothing else.
			v = reflect.ValueOf(v).Elem().Interface()
		}
		w.WriteVal(parsed, v)
		if w.Error != nil {
			return dst, typeError(w.Error)
		}
		dst = append(dst, w.Buffer()...)
		pool.Put(w)
		return dst, nil
	}, nil
}

func (codec) Decoder(writer, reader *avro.Schema, _ reflect.Type) (func(src []byte, v any) error, error) {
	schema, err := resolve(writer, reader)
	if err != nil {
		return nil, err
	}
	api := newAPI()
	pool := sync.Pool{New: func() any { return lib.NewReader(nil, 0, lib.WithReaderConfig(api)) }}
	return func(src []byte, v any) error {
		r := pool.Get().(*lib.Reader)
		r.Reset(src)
		r.Error = nil
		r.ReadVal(schema, v)
		if r.Error != nil {
			return typeError(r.Error)
		}
		if r.Peek(); !errors.Is(r.Error, io.EOF) {
			return errRest
		}
		r.Reset(nil)
		pool.Put(r)
		return nil
	}, nil
}

func resolve(writer, reader *avro.Schema) (lib.Schema, error) {
	w, err := parse(writer)
	if err != nil || writer == reader {
		return w, err
	}
	r, err := parse(reader)
	if err != nil {
		return nil, err
	}
	switch {
	case w.Fingerprint() == r.Fingerprint():
		return r, nil
	case writer.Recursive() || reader.Recursive():
		return nil, errRecursive
	case max(writer.Tree(), reader.Tree()) > maxTree:
		return nil, errLarge
	}
	return lib.NewSchemaCompatibility().Resolve(r, w)
}

func parse(s *avro.Schema) (lib.Schema, error) {
	var cache lib.SchemaCache
	for _, u := range s.Uses() {
		if _, err := lib.ParseWithCache(u.Text(), "", &cache); err != nil {
			return nil, err
		}
	}
	return lib.ParseWithCache(s.Text(), "", &cache)
}

// typeError keeps of an error what isn't data.
func typeError(err error) error {
	text := err.Error()
	for _, about := range []string{" is unsupported for ", " is missing required field "} {
		if strings.Contains(text, about) && !strings.Contains(text, "avro.null") { // a nil fits elsewhere
			at := max(0, strings.LastIndex(text, "avro: "))
			return &avro.TypeError{Reason: strings.TrimPrefix(text[at:], "avro: "), Always: true}
		}
	}
	return err
}
