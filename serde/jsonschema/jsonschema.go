// Package jsonschema has serdes for JSON that a JSON Schema describes.
//
// There are only two functions: [Plain] makes a [serde.Serde] of JSON texts
// that are checked against a schema in the program, when they are written and
// when they are read; [Framed] makes one that works with a schema registry.
// Values are written and read as [serde.JSON] does.
//
// Neither data nor schemas are trusted: size, depth, numbers and the work of
// checking are limited, and a schema never makes the program load a file or
// an address.
package jsonschema

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/registry"
)

// Option changes a serde of this package.
type Option func(*options)

type options struct {
	using []resource
}

// resource is a schema under the name that $ref has.
type resource struct{ name, text string }

// Using gives a schema that the schema refers to by the name, as in
// {"$ref": "address.json"}. With a registry it is registered first, with the
// name as the subject. It may refer to those given before it.
func Using(name, schema string) Option {
	return func(o *options) { o.using = append(o.using, resource{name, schema}) }
}

func collect(opts []Option) options {
	var o options
	for _, set := range opts {
		set(&o)
	}
	return o
}

// Plain returns the Serde of values whose JSON fits the schema, with nothing
// before or after them. A schema that can't be used makes a Serde with an
// error, see [serde.Checker].
func Plain[T any](schema string, opts ...Option) serde.Serde[T] {
	c := newCodec[T]()
	if c.err != nil {
		return c
	}
	if err := c.use(schema, collect(opts).using); err != nil {
		c.err = fmt.Errorf("%s: %w", c.name, err)
	}
	return c
}

// Framed returns the Serde of values whose bytes begin with the id of their
// schema in the registry. Values are checked against the schema, whichever
// they were written with; if it is empty, against the one of the registry.
func Framed[T any](r *registry.Registry, schema string, opts ...Option) serde.Serde[T] {
	base := newCodec[T]()
	f := registry.Format[T]{Name: base.name, Copies: true, Err: base.err}
	f.Definition.Type = registry.JSONSchema
	if schema != "" && f.Err == nil {
		using := collect(opts).using
		if err := base.use(schema, using); err != nil {
			f.Err = fmt.Errorf("%s: %w", base.name, err)
		}
		f.Definition.Text, f.Record = schema, base.title
		for _, u := range using {
			in := registry.Definition{Type: registry.JSONSchema, Text: u.text, Imports: f.Definition.Imports[:len(f.Definition.Imports):len(f.Definition.Imports)]}
			f.Definition.Imports = append(f.Definition.Imports, registry.Import{Name: u.name, Definition: in})
		}
	}
	of := func(s *registry.Schema) (*codec[T], error) {
		if base.schema != nil {
			return base, nil
		}
		var using []resource
		for _, d := range s.Dependencies() {
			using = append(using, resource{d.Name, d.Schema.Text})
		}
		c := newCodec[T]()
		return c, c.use(s.Text, using)
	}
	f.Writer = func(s *registry.Schema) (registry.AppendFunc[T], error) {
		c, err := of(s)
		return c.AppendTo, err
	}
	f.Reader = func(s *registry.Schema) (registry.DecodeFunc[T], error) {
		c, err := of(s)
		return func(_, payload []byte) (T, error) { return c.Decode(payload) }, err
	}
	return registry.Framed(r, f)
}

// codec is the Serde of bare texts.
type codec[T any] struct {
	name   string
	err    error
	json   serde.Serde[T]
	schema *schema
	title  string
}

func newCodec[T any]() *codec[T] {
	c := &codec[T]{name: fmt.Sprintf("json schema %v", reflect.TypeFor[T]()), json: serde.JSON[T]()}
	if s, ok := c.json.(serde.Checker); ok {
		c.err = s.Err()
	}
	return c
}

func (c *codec[T]) use(text string, using []resource) (err error) {
	if text == "" {
		return errors.New("schema: there is none")
	}
	c.schema, c.title, err = compile(text, using)
	return err
}

// Err implements serde.Checker.
func (c *codec[T]) Err() error { return c.err }

// Copies implements serde.Copier.
func (c *codec[T]) Copies() bool { return true }

func (c *codec[T]) AppendTo(dst []byte, v T) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	b, err := c.json.AppendTo(dst, v)
	if err != nil {
		return dst, err
	}
	if err := c.schema.check(b[len(dst):]); err != nil {
		return dst, fmt.Errorf("%s: %w", c.name, err)
	}
	return b, nil
}

func (c *codec[T]) Decode(src []byte) (v T, err error) {
	if c.err != nil {
		return v, c.err
	}
	if err := c.schema.check(src); err != nil {
		return v, fmt.Errorf("%s: %w", c.name, err)
	}
	return c.json.Decode(src)
}
