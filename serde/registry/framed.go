package registry

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ottla-streams/ottla/serde"
)

// framed is a Serde bound to one side of a topic, or to none.
type framed[T any] struct {
	*shared[T]
	bound bool
	topic string
	key   bool

	writer atomic.Pointer[writer[T]]
	// last is the reader of the last record, as most records of a topic have
	// the same schema.
	last atomic.Pointer[reader[T]]
}

// shared is what all bound ones have in common.
type shared[T any] struct {
	r   *Registry
	f   Format[T]
	err error

	writers cache[string, *writer[T]] // by subject
	readers cache[int32, *reader[T]]
	byGUID  cache[GUID, *reader[T]]
}

type writer[T any] struct {
	prefix []byte // id and index
	header []byte // guid and index; nil without a guid
	append AppendFunc[T]
}

type reader[T any] struct {
	id     int32
	decode DecodeFunc[T]
}

// Err implements serde.Checker.
func (s *framed[T]) Err() error { return s.err }

// Copies implements serde.Copier.
func (s *framed[T]) Copies() bool { return s.f.Copies }

// Schema implements serde.Described. It is that of the program: a serde that
// writes with what the registry has says nothing.
func (s *framed[T]) Schema() serde.Schema {
	formats := map[Type]string{Avro: serde.AvroFormat, Protobuf: serde.ProtobufFormat, JSONSchema: serde.JSONSchemaFormat}
	d := s.f.Definition
	if d.Text == "" {
		return serde.Schema{}
	}
	return serde.Schema{Format: formats[d.Type], Text: d.Text}
}

// ForTopic implements serde.TopicBinder.
func (s *framed[T]) ForTopic(topic string, key bool) serde.Serde[T] {
	return &framed[T]{shared: s.shared, bound: true, topic: topic, key: key}
}

func (s *framed[T]) AppendTo(dst []byte, v T) ([]byte, error) {
	w, err := s.writing()
	if err != nil {
		return dst, err
	}
	return w.framed(dst, v)
}

func (w *writer[T]) framed(dst []byte, v T) ([]byte, error) {
	b, err := w.append(append(dst, w.prefix...), v)
	if err != nil {
		return dst, err
	}
	return b, nil
}

// AppendRecord implements serde.HeaderAware. A header of the record that came
// in must not name the schema of the one that goes out.
func (s *framed[T]) AppendRecord(dst []byte, v T, h *serde.Headers) ([]byte, error) {
	w, err := s.writing()
	if err != nil {
		return dst, err
	}
	name := headerName(s.key)
	if w.header == nil {
		b, err := w.framed(dst, v)
		if err == nil {
			h.Remove(name)
		}
		return b, err
	}
	b, err := w.append(dst, v)
	if err != nil {
		return dst, err
	}
	h.Remove(name)
	h.Add(name, w.header)
	return b, nil
}

func (s *framed[T]) writing() (*writer[T], error) {
	if w := s.writer.Load(); w != nil {
		return w, nil
	}
	if s.err != nil {
		return nil, s.err
	}
	w, err := s.newWriter(context.Background())
	if err == nil {
		s.writer.Store(w)
	}
	return w, err
}

func (s *framed[T]) newWriter(ctx context.Context) (*writer[T], error) {
	use := s.r.use
	subject := ""
	if use.mode != fixed {
		var err error
		if subject, err = use.subject.name(s.bound, s.topic, s.key, s.f.Record); err != nil {
			return nil, fmt.Errorf("%s: %w", s.f.Name, err)
		}
	}
	return s.writers.get(ctx, subject, func(ctx context.Context) (*writer[T], error) {
		schema, err := s.toWrite(ctx, subject)
		if err != nil {
			return nil, err
		}
		if err := s.checkType(schema); err != nil {
			return nil, err
		}
		var index []byte
		if s.f.Index != nil {
			if index, err = s.f.Index(schema); err != nil {
				return nil, s.unusable(schema, err)
			}
		}
		w := &writer[T]{prefix: append(AppendID(nil, schema.ID), index...)}
		if use.headers {
			if schema.GUID == (GUID{}) {
				return nil, &Error{
					Op: fmt.Sprintf("schema id %d", schema.ID), kind: ErrInvalid,
					Reason: "it has no guid, so it can't be named in headers: the registry is too old",
				}
			}
			w.header = headerValue(schema.GUID, index)
		}
		if w.append, err = s.f.Writer(schema); err != nil {
			return nil, s.unusable(schema, err)
		}
		return w, nil
	})
}

func (s *shared[T]) toWrite(ctx context.Context, subject string) (*Schema, error) {
	use, d := s.r.use, s.f.Definition
	switch use.mode {
	case latest:
		return s.r.Latest(ctx, subject)
	case fixed:
		return s.r.ByID(ctx, use.id)
	case lookup:
		return s.r.Lookup(ctx, subject, d)
	}
	schema, err := s.r.Register(ctx, subject, d)
	if err == nil && use.headers {
		return s.r.Lookup(ctx, subject, d) // registering tells no guid
	}
	return schema, err
}

func (s *shared[T]) checkType(schema *Schema) error {
	if schema.Type != s.f.Definition.Type {
		return s.unusable(schema, fmt.Errorf("it is of type %v", schema.Type))
	}
	return nil
}

func (s *shared[T]) unusable(schema *Schema, err error) error {
	return fmt.Errorf("%s: schema id %d: %w", s.f.Name, schema.ID, err)
}

func (s *framed[T]) Decode(src []byte) (v T, err error) {
	if s.err != nil {
		return v, s.err
	}
	id, payload, err := SplitID(src)
	if err != nil {
		return v, fmt.Errorf("%s: %w", s.f.Name, err)
	}
	var index []byte
	if s.f.Split != nil {
		if index, payload, err = s.f.Split(payload); err != nil {
			return v, fmt.Errorf("%s: schema id %d: %w", s.f.Name, id, err)
		}
	}
	r := s.last.Load()
	if r == nil || r.id != id {
		if r, err = s.reading(id); err != nil {
			return v, err
		}
		s.last.Store(r)
	}
	return r.decode(index, payload)
}

// DecodeRecord implements serde.HeaderAware.
func (s *framed[T]) DecodeRecord(src []byte, h serde.Headers) (v T, err error) {
	if s.err != nil {
		return v, s.err
	}
	guid, index, ok, err := splitHeader(h, headerName(s.key))
	if err != nil {
		return v, fmt.Errorf("%s: %w", s.f.Name, err)
	}
	if !ok {
		return s.Decode(src)
	}
	if s.f.Split == nil && len(index) != 0 {
		return v, fmt.Errorf("%s: record %s: %w", s.f.Name, headerName(s.key), errHeader)
	}
	r, ok := s.byGUID.hit(guid)
	if !ok {
		if r, err = s.readingGUID(guid); err != nil {
			return v, err
		}
	}
	return r.decode(index, src)
}

func (s *shared[T]) reading(id int32) (*reader[T], error) {
	if r, ok := s.readers.hit(id); ok {
		return r, nil
	}
	return s.readers.get(context.Background(), id, func(ctx context.Context) (*reader[T], error) {
		schema, err := s.r.ByID(ctx, id)
		if err != nil {
			return nil, err
		}
		return s.newReader(schema), nil
	})
}

func (s *shared[T]) readingGUID(guid GUID) (*reader[T], error) {
	return s.byGUID.get(context.Background(), guid, func(ctx context.Context) (*reader[T], error) {
		schema, err := s.r.ByGUID(ctx, guid)
		if err != nil {
			return nil, err
		}
		return s.newReader(schema), nil
	})
}

// newReader returns a reader that fails if the schema can't be used, so that
// what makes it is not tried again with every record.
func (s *shared[T]) newReader(schema *Schema) *reader[T] {
	err := s.checkType(schema)
	if err == nil {
		var decode DecodeFunc[T]
		if decode, err = s.f.Reader(schema); err == nil {
			return &reader[T]{schema.ID, decode}
		}
		err = s.unusable(schema, err)
	}
	return &reader[T]{schema.ID, func(_, _ []byte) (v T, _ error) { return v, err }}
}
