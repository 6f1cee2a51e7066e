// Package avro has serdes for Apache Avro.
//
// There are only a few types: [Plain] makes a [serde.Serde] whose bytes are
// those of one value by a schema in the program, [Framed] one that works with
// a schema registry; [Schema] is a parsed schema, [Limits] bounds what a value
// may take, and [Codec] is the library beneath, github.com/twmb/avro unless
// another is chosen (see package hamba below this one).
//
// Go types are structs, with the names of fields in tags such as
// `avro:"name"`, or generic: any, or map[string]any for records. A field that
// may be null is a pointer. In the generic form int is int32, long is int64,
// and an enum is a string. Logical types are [time.Time] for dates and
// timestamps, [time.Duration] for times of day, [*math/big.Rat] for decimals.
//
// Data is never trusted. Before the codec sees them, all bytes are checked
// against the schema they were written with: counts and lengths, what is
// missing and what is left over, depth and number of values. Schemas are
// checked too. Equal values have equal bytes: the entries of maps are written in
// the order of their keys.
package avro

import (
	"fmt"
	"reflect"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/registry"
)

// Option changes a serde of this package.
type Option func(*options)

type options struct {
	codec   Codec
	limits  Limits
	using   []string
	written string
}

// With sets the codec. Defaults to the one of github.com/twmb/avro, which encodes
// structs without an allocation, but for one for each fixed.
func With(c Codec) Option { return func(o *options) { o.codec = c } }

// Within sets the limits of values to be decoded. Defaults to those of [Limits].
func Within(l Limits) Option { return func(o *options) { o.limits = l } }

// Using gives the schemas of named types that the schema refers to, each after
// those that it refers to itself. With a registry they are registered first,
// with the full name of their type as the subject.
func Using(schemas ...string) Option { return func(o *options) { o.using = schemas } }

// WrittenWith sets the schema that data was written with, where it isn't the
// one to read it with. It is for [Plain]: a registry knows by itself.
func WrittenWith(schema string) Option { return func(o *options) { o.written = schema } }

func collect(opts []Option) options {
	o := options{codec: standard{}}
	for _, set := range opts {
		set(&o)
	}
	o.limits = o.limits.withDefaults()
	return o
}

// Plain returns the Serde of values encoded by the schema, with nothing before
// or after them. A schema that can't be used, or that T never fits, makes a
// Serde with an error, see [serde.Checker].
func Plain[T any](schema string, opts ...Option) serde.Serde[T] {
	p := &plain[T]{name: fmt.Sprintf("avro %v", reflect.TypeFor[T]())}
	if err := p.init(schema, collect(opts)); err != nil {
		p.err = fmt.Errorf("%s: %w", p.name, err)
	}
	return p
}

type plain[T any] struct {
	name string
	err  error
	enc  *encoder[T]
	dec  *decoder[T]
}

func (p *plain[T]) init(schema string, o options) error {
	s, err := o.parse(schema)
	if err != nil {
		return err
	}
	written := s
	if o.written != "" {
		if written, err = Parse(o.written, s.uses...); err != nil {
			return fmt.Errorf("written with: %w", err)
		}
	}
	if p.enc, err = newEncoder[T](p.name, s, o); err != nil {
		return err
	}
	p.dec, err = newDecoder[T](p.name, written, s, o)
	return err
}

// Err implements serde.Checker.
func (p *plain[T]) Err() error { return p.err }

// Copies implements serde.Copier.
func (p *plain[T]) Copies() bool { return true }

func (p *plain[T]) AppendTo(dst []byte, v T) ([]byte, error) {
	if p.err != nil {
		return dst, p.err
	}
	return p.enc.appendTo(dst, v)
}

func (p *plain[T]) Decode(src []byte) (v T, err error) {
	if p.err != nil {
		return v, p.err
	}
	return p.dec.decode(src)
}

func (o *options) parse(schema string) (*Schema, error) {
	uses, err := parseAll(o.using)
	if err != nil {
		return nil, fmt.Errorf("using: %w", err)
	}
	return Parse(schema, uses...)
}

// Framed returns the Serde of values whose bytes begin with the id of their
// schema in the registry. Values are written by the schema, or by the one of
// the registry if r is set to use that, and then schema may be empty. Values
// written by any schema are read as the schema says, by the rules of Avro's
// schema resolution; with an empty one, each as its own says.
func Framed[T any](r *registry.Registry, schema string, opts ...Option) serde.Serde[T] {
	return registry.Framed(r, format[T](schema, collect(opts)))
}

func format[T any](schema string, o options) registry.Format[T] {
	name := fmt.Sprintf("avro %v", reflect.TypeFor[T]())
	f := registry.Format[T]{Name: name, Copies: true}
	var own *Schema
	if schema != "" {
		var err error
		if own, err = o.parse(schema); err == nil {
			_, err = newEncoder[T](name, own, o)
		}
		if err != nil {
			f.Err = fmt.Errorf("%s: %w", name, err)
			return f
		}
		f.Definition, f.Record = own.definition(), own.name
	}
	f.Writer = func(s *registry.Schema) (registry.AppendFunc[T], error) {
		written, err := fromRegistry(s)
		if err != nil {
			return nil, err
		}
		e, err := newEncoder[T](name, written, o)
		if err != nil {
			return nil, err
		}
		return e.appendTo, nil
	}
	f.Reader = func(s *registry.Schema) (registry.DecodeFunc[T], error) {
		written, err := fromRegistry(s)
		if err != nil {
			return nil, err
		}
		reader := own
		if own == nil || own.same(written) {
			reader = written
		}
		d, err := newDecoder[T](name, written, reader, o)
		if err != nil {
			return nil, err
		}
		return func(_, payload []byte) (T, error) { return d.decode(payload) }, nil
	}
	return f
}

// definition is the schema as it is registered.
func (s *Schema) definition() registry.Definition {
	d := registry.Definition{Type: registry.Avro, Text: s.text}
	for _, u := range s.asks {
		d.Imports = append(d.Imports, registry.Import{Name: u.name, Definition: u.definition()})
	}
	return d
}

// same says that both are the same texts.
func (s *Schema) same(o *Schema) bool {
	if s.text != o.text || len(s.uses) != len(o.uses) {
		return false
	}
	for i := range s.uses {
		if s.uses[i].text != o.uses[i].text {
			return false
		}
	}
	return true
}

func fromRegistry(s *registry.Schema) (*Schema, error) {
	var uses []*Schema
	for _, d := range s.Dependencies() {
		uses = append(uses, &Schema{text: d.Schema.Text}) // parsed below, all at once
	}
	return Parse(s.Text, uses...)
}
