// Package protobuf has serdes for Protocol Buffers.
//
// There are only two functions: [Plain] makes a [serde.Serde] whose bytes are
// those of one message, [Framed] one that works with a schema registry. Both
// are for generated types, such as *pb.Order.
//
// Equal messages have equal bytes, as maps are written in the order of their
// keys; another version of the library may write others.
package protobuf

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/registry"
)

// Limits of messages to be decoded.
const (
	maxBytes = 16 << 20
	maxDepth = 100 // messages inside each other, as for Java
)

var (
	errNil      = errors.New("the message is nil")
	errTooLarge = fmt.Errorf("the data exceeds a limit: more than %d bytes", maxBytes)
)

// Plain returns the Serde of messages of type M, with nothing before or after
// them. A message to be decoded may have 16 MiB and nest 100 deep. Unknown
// fields are kept. M must be a generated type, else the Serde has an error,
// see [serde.Checker].
func Plain[M proto.Message]() serde.Serde[M] { return newCodec[M]() }

// Framed returns the Serde of messages whose bytes begin with the id of their
// schema in the registry and the place of the message in it. To register, the
// file of M is written as a base64 descriptor, after all that it imports
// except google/protobuf/*, each under its path as the subject. Reading
// demands that the schema has M at the place that the record gives.
func Framed[M proto.Message](r *registry.Registry) serde.Serde[M] {
	c := newCodec[M]()
	f := registry.Format[M]{Name: c.name, Copies: true, Err: c.err}
	f.Definition.Type = registry.Protobuf
	if c.err == nil {
		f.Record = string(c.desc.FullName())
		f.Definition, f.Err = define(c.desc.ParentFile())
		if f.Err != nil {
			f.Err = fmt.Errorf("%s: %w", c.name, f.Err)
		}
	}
	f.Split = splitIndex
	f.Index = func(s *registry.Schema) ([]byte, error) { return placeOf(c.desc, s) }
	f.Writer = func(*registry.Schema) (registry.AppendFunc[M], error) { return c.AppendTo, nil }
	f.Reader = func(s *registry.Schema) (registry.DecodeFunc[M], error) {
		places, err := checkerOf(c.desc, s)
		if err != nil {
			return nil, err
		}
		return func(index, payload []byte) (m M, err error) {
			if err := places.check(index); err != nil {
				return m, fmt.Errorf("%s: %w", c.name, err)
			}
			return c.Decode(payload)
		}, nil
	}
	return registry.Framed(r, f)
}

// codec is the Serde of bare messages.
type codec[M proto.Message] struct {
	name  string
	err   error
	desc  protoreflect.MessageDescriptor
	typ   protoreflect.MessageType
	write proto.MarshalOptions
	read  proto.UnmarshalOptions
}

func newCodec[M proto.Message]() (c *codec[M]) {
	t := reflect.TypeFor[M]()
	c = &codec[M]{
		name:  fmt.Sprintf("protobuf %v", t),
		write: proto.MarshalOptions{Deterministic: true},
		read:  proto.UnmarshalOptions{RecursionLimit: maxDepth},
	}
	var none M
	if t.Kind() == reflect.Interface {
		c.err = fmt.Errorf("%s: want the generated type of a message, such as *pb.Order", c.name)
		return c
	}
	defer func() {
		if recover() != nil {
			c.err = fmt.Errorf("%s: not a generated type: it doesn't know its schema", c.name)
		}
	}()
	c.typ = none.ProtoReflect().Type()
	c.desc = c.typ.Descriptor()
	return c
}

// Err implements serde.Checker.
func (c *codec[M]) Err() error { return c.err }

// Copies implements serde.Copier.
func (c *codec[M]) Copies() bool { return true }

func (c *codec[M]) AppendTo(dst []byte, m M) ([]byte, error) {
	if c.err != nil {
		return dst, c.err
	}
	if !m.ProtoReflect().IsValid() {
		return dst, fmt.Errorf("%s: %w", c.name, errNil)
	}
	b, err := c.write.MarshalAppend(dst, m)
	if err != nil {
		return dst, c.wrap(err)
	}
	return b, nil
}

func (c *codec[M]) Decode(src []byte) (none M, err error) {
	if c.err != nil {
		return none, c.err
	}
	if len(src) > maxBytes {
		return none, fmt.Errorf("%s: %w", c.name, errTooLarge)
	}
	m := c.typ.New().Interface().(M)
	if err := c.read.Unmarshal(src, m); err != nil {
		return none, c.wrap(err)
	}
	return m, nil
}

// wrap makes the library's texts the same each time. They name fields and
// never quote values.
func (c *codec[M]) wrap(err error) error {
	text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
	return fmt.Errorf("%s: %s", c.name, text)
}
