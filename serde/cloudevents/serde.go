package cloudevents

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/ottla-streams/ottla/serde"
)

const (
	contentType    = "content-type"
	prefix         = "ce_"
	media          = "application/cloudevents"
	structuredType = media + "+json; charset=UTF-8"
)

// Binary returns the Serde of events whose attributes are headers of the
// record: ce_id, ce_source and so on, and content-type. The value has the
// bytes of data. contentType is that of events without one, such as
// application/json.
//
// The headers of an event that came in don't go out with another one.
func Binary[T any](data serde.Serde[T], contentType string) serde.Serde[Event[T]] {
	return newEvents(data, contentType, true)
}

// Structured returns the Serde of events that are JSON texts. If the content
// type says so, the bytes of data are a part of the text, else they are coded
// in base64. contentType is that of events without one.
func Structured[T any](data serde.Serde[T], contentType string) serde.Serde[Event[T]] {
	return newEvents(data, contentType, false)
}

type events[T any] struct {
	name        string
	err         error
	data        serde.Serde[T]
	aware       serde.HeaderAware[T] // nil: data has nothing in headers
	contentType string
	binary      bool
}

func newEvents[T any](data serde.Serde[T], contentType string, binary bool) *events[T] {
	s := &events[T]{name: fmt.Sprintf("cloud event of %v", reflect.TypeFor[T]()), data: data, contentType: contentType, binary: binary}
	s.aware, _ = data.(serde.HeaderAware[T])
	if data == nil {
		s.err = errors.New("no serde for the data: it is nil")
	} else if c, ok := data.(serde.Checker); ok {
		s.err = c.Err()
	}
	if s.err == nil && !validText(contentType) {
		s.err = errText
	}
	if s.err != nil {
		s.err = fmt.Errorf("%s: %w", s.name, s.err)
	}
	return s
}

// Err implements serde.Checker.
func (s *events[T]) Err() error { return s.err }

// Copies implements serde.Copier.
func (s *events[T]) Copies() bool { return serde.Copies(s.data) }

// ForTopic implements serde.TopicBinder.
func (s *events[T]) ForTopic(topic string, key bool) serde.Serde[Event[T]] {
	if s.err != nil {
		return s
	}
	bound := newEvents(serde.Bind(s.data, topic, key), s.contentType, s.binary)
	if key {
		bound.err = fmt.Errorf("%s: %w", s.name, errKey)
	}
	return bound
}

func (s *events[T]) AppendTo(dst []byte, e Event[T]) ([]byte, error) {
	if s.err != nil {
		return dst, s.err
	}
	b, err := s.appendStructured(dst, &e)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", s.name, err)
	}
	return b, nil
}

func (s *events[T]) Decode(src []byte) (none Event[T], err error) {
	if s.err != nil {
		return none, s.err
	}
	e, err := s.structured(src)
	if err != nil {
		return none, fmt.Errorf("%s: %w", s.name, err)
	}
	return e, nil
}

// AppendRecord implements serde.HeaderAware.
func (s *events[T]) AppendRecord(dst []byte, e Event[T], h *serde.Headers) ([]byte, error) {
	if s.err != nil {
		return dst, s.err
	}
	var out serde.Headers
	var b []byte
	var err error
	if s.binary {
		b, err = s.appendBinary(dst, &e, *h, &out)
	} else if b, err = s.appendStructured(dst, &e); err == nil {
		out = without(*h, 1)
		out.Add(contentType, []byte(structuredType))
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", s.name, err)
	}
	*h = out
	return b, nil
}

// without returns the headers that are none of an event, in a slice of its own
// with room for more.
func without(h serde.Headers, more int) serde.Headers {
	out := make(serde.Headers, 0, len(h)+more)
	for _, e := range h {
		if e.Key != contentType && !strings.HasPrefix(e.Key, prefix) {
			out = append(out, e)
		}
	}
	return out
}

func (s *events[T]) appendBinary(dst []byte, e *Event[T], h serde.Headers, out *serde.Headers) ([]byte, error) {
	var few [12]attribute
	all, err := e.attributes(few[:0])
	if err != nil {
		return nil, err
	}
	if of := s.typeOf(e); of != "" && !e.NoData {
		if !validText(of) {
			return nil, errText
		}
		all = append(all, attribute{contentType, of})
	}
	*out = without(h, len(all)+1)
	addAll(out, all)
	switch {
	case e.NoData:
		return dst, nil
	case s.aware != nil:
		return s.aware.AppendRecord(dst, e.Data, out)
	}
	return s.data.AppendTo(dst, e.Data)
}

// addAll adds headers whose values share one piece of memory.
func addAll(h *serde.Headers, all []attribute) {
	size := 0
	for _, a := range all {
		size += len(a.value)
	}
	mem := make([]byte, 0, size)
	for _, a := range all {
		at := len(mem)
		mem = append(mem, a.value...)
		h.Add(a.header, mem[at:len(mem):len(mem)])
	}
}

func (s *events[T]) typeOf(e *Event[T]) string {
	if e.DataContentType != "" {
		return e.DataContentType
	}
	return s.contentType
}

// DecodeRecord implements serde.HeaderAware.
func (s *events[T]) DecodeRecord(src []byte, h serde.Headers) (none Event[T], err error) {
	if s.err != nil {
		return none, s.err
	}
	var e Event[T]
	of, _ := h.Last(contentType)
	if kind, ok := strings.CutPrefix(strings.ToLower(string(of)), media); ok {
		if format, _, _ := strings.Cut(kind, ";"); strings.TrimSpace(format) != "+json" {
			return none, fmt.Errorf("%s: structured mode: only the JSON format of single events is known", s.name)
		}
		e, err = s.structured(src)
	} else {
		e, err = s.fromHeaders(src, h, string(of))
	}
	if err != nil {
		return none, fmt.Errorf("%s: %w", s.name, err)
	}
	return e, nil
}

func (s *events[T]) fromHeaders(src []byte, h serde.Headers, of string) (e Event[T], err error) {
	if _, ok := h.Last(prefix + "specversion"); !ok {
		return e, ErrNotEvent
	}
	for _, a := range h {
		if name, ok := strings.CutPrefix(a.Key, prefix); ok && a.Value != nil {
			if err := e.set(name, string(a.Value)); err != nil {
				return e, err
			}
		}
	}
	e.DataContentType = of
	if err := e.check(); err != nil {
		return e, err
	}
	switch {
	case len(src) == 0 && of == "":
		e.NoData = true
	case s.aware != nil:
		e.Data, err = s.aware.DecodeRecord(src, h)
	default:
		e.Data, err = s.data.Decode(src)
	}
	return e, err
}
