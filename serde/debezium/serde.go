package debezium

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ottla-streams/ottla/serde"
)

var errTombstone = errors.New("a tombstone has no bytes: its record has no value")

// Of returns the Serde of changes whose envelopes the given one reads and
// writes. key are the names of the key columns, see [Change.KeyOnly].
func Of[T any](envelopes serde.Serde[Envelope[T]], key ...string) serde.Serde[*Change[T]] {
	s := &changes[T]{name: nameOf[T](), inner: envelopes, rows: newRows[T](key)}
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
	s.rows.mark(c)
	return c, nil
}
