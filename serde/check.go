package serde

import (
	"errors"
	"fmt"
)

// Checker is implemented by a Serde that can turn out to be unusable as soon
// as it is made, such as [JSON] of a type with nothing to write. Making a
// Serde returns no error, so that it fits into a declaration; building a
// topology asks Err and reports what it says, with the topic or store and the
// place of its use. AppendTo and Decode of such a Serde return the same error.
type Checker interface {
	// Err is nil for a Serde that can be used.
	Err() error
}

// SizeError says that the bytes to decode have a length that the type's
// encoding never has. The usual cause is a topic or a store that was written
// with another serde.
type SizeError struct {
	Type    string // what was to be decoded, such as int64
	Want    int    // bytes
	Got     int    // bytes
	AtLeast bool   // Want is the smallest length, not the only one
}

func (e *SizeError) Error() string {
	least := ""
	if e.AtLeast {
		least = "at least "
	}
	return fmt.Sprintf("%s: want %s%d bytes, got %d", e.Type, least, e.Want, e.Got)
}

// Bind returns s bound to the topic if it is a [TopicBinder], else s itself.
// Serdes that wrap another call it for the inner one.
func Bind[T any](s Serde[T], topic string, key bool) Serde[T] {
	if b, ok := s.(TopicBinder[T]); ok {
		return b.ForTopic(topic, key)
	}
	return s
}

var errNoInner = errors.New("no serde for what it wraps: it is nil")

// check says why nothing can be built on s.
func check[T any](s Serde[T]) error {
	if s == nil {
		return errNoInner
	}
	if c, ok := s.(Checker); ok {
		return c.Err()
	}
	return nil
}

// broken is what the constructors return in place of a Serde they can't make.
type broken[T any] struct{ err error }

func (b broken[T]) Err() error { return b.err }

func (b broken[T]) AppendTo(dst []byte, _ T) ([]byte, error) { return dst, b.err }

func (b broken[T]) Decode([]byte) (v T, err error) { return v, b.err }
