package debezium

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ottla-streams/ottla/serde"
)

var errTombstone = errors.New("a tombstone has no bytes: its record has no value")

// Option changes a serde of this package.
type Option func(*options)

type options struct {
	key      []string
	defaults map[string]string // texts of values by column
}

// KeyColumns gives the names of the columns that are the key, or that the
// table's replica identity has. With them a Before that has only those is told
// apart, see [Change.KeyOnly].
func KeyColumns(names ...string) Option { return func(o *options) { o.key = names } }

// DefaultValue gives the value that the database has as the default of
// a column: where Before has only the key, such a column holds its default.
// JSON with schemas tells it by itself.
func DefaultValue(column string, value any) Option {
	return func(o *options) {
		if o.defaults == nil {
			o.defaults = make(map[string]string)
		}
		o.defaults[column] = fmt.Sprint(value)
	}
}

func collect(opts []Option) (o options) {
	for _, set := range opts {
		set(&o)
	}
	return o
}

// Of returns the Serde of changes whose envelopes the given one reads and
// writes.
func Of[T any](envelopes serde.Serde[Envelope[T]], opts ...Option) serde.Serde[*Change[T]] {
	s := &changes[T]{name: nameOf[T](), inner: envelopes, rows: newRows[T](collect(opts))}
	s.aware, _ = envelopes.(serde.HeaderAware[Envelope[T]])
	if envelopes == nil {
		s.err = fmt.Errorf("%s: no serde for the envelopes: it is nil", s.name)
	} else if c, ok := envelopes.(serde.Checker); ok && c.Err() != nil {
		s.err = fmt.Errorf("%s: %w", s.name, c.Err())
	}
	return s
}

func nameOf[T any]() string { return fmt.Sprintf("change of %v", reflect.TypeFor[T]()) }

type changes[T any] struct {
	name  string
	err   error
	inner serde.Serde[Envelope[T]]
	aware serde.HeaderAware[Envelope[T]] // nil: nothing is in headers
	rows  rows[T]
}

// Err implements serde.Checker.
func (s *changes[T]) Err() error { return s.err }

// Copies implements serde.Copier.
func (s *changes[T]) Copies() bool { return serde.Copies(s.inner) }

// ForTopic implements serde.TopicBinder.
func (s *changes[T]) ForTopic(topic string, key bool) serde.Serde[*Change[T]] {
	if s.err != nil {
		return s
	}
	bound := *s
	bound.inner = serde.Bind(s.inner, topic, key)
	bound.aware, _ = bound.inner.(serde.HeaderAware[Envelope[T]])
	return &bound
}

func (s *changes[T]) AppendTo(dst []byte, c *Change[T]) ([]byte, error) {
	if err := s.check(c); err != nil {
		return dst, err
	}
	return s.inner.AppendTo(dst, envelopeOf(c))
}

func (s *changes[T]) check(c *Change[T]) error {
	if s.err != nil {
		return s.err
	}
	if c == nil {
		return fmt.Errorf("%s: %w", s.name, errTombstone)
	}
	return nil
}

func (s *changes[T]) Decode(src []byte) (*Change[T], error) {
	if s.err != nil {
		return nil, s.err
	}
	return s.change(s.inner.Decode(src))
}

// AppendRecord implements serde.HeaderAware.
func (s *changes[T]) AppendRecord(dst []byte, c *Change[T], h *serde.Headers) ([]byte, error) {
	if err := s.check(c); err != nil {
		return dst, err
	}
	if s.aware != nil {
		return s.aware.AppendRecord(dst, envelopeOf(c), h)
	}
	return s.inner.AppendTo(dst, envelopeOf(c))
}

// DecodeRecord implements serde.HeaderAware.
func (s *changes[T]) DecodeRecord(src []byte, h serde.Headers) (*Change[T], error) {
	if s.err != nil || s.aware == nil {
		return s.Decode(src)
	}
	return s.change(s.aware.DecodeRecord(src, h))
}

func (s *changes[T]) change(e Envelope[T], err error) (*Change[T], error) {
	if err != nil {
		return nil, err
	}
	c, err := e.change()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	s.rows.mark(c, nil)
	return c, nil
}
