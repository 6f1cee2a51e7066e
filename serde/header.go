package serde

import "slices"

// Header is one header of a Kafka record. A key may occur several times in a
// record. A nil Value is a null, which isn't the same as an empty one.
type Header struct {
	Key   string
	Value []byte
}

// Headers are the headers of one record, in their order on the wire. The nil
// Headers is a record without headers.
//
// Like a slice, a copy of a Headers shares its entries with the original:
// [Headers.Clone] before keeping or changing what belongs to someone else.
type Headers []Header

// Add appends a header and keeps those with the same key, as Kafka's does. A
// nil value is a null. The value isn't copied.
func (h *Headers) Add(key string, value []byte) {
	*h = append(*h, Header{Key: key, Value: value})
}

// Last returns the value of the last header with the key, and whether there is
// one. The value of a header that is null is nil, with true.
func (h Headers) Last(key string) ([]byte, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Key == key {
			return h[i].Value, true
		}
	}
	return nil, false
}

// Remove takes away all headers with the key. If there are any, h gets entries
// of its own, so that copies of h that others hold stay as they are.
func (h *Headers) Remove(key string) {
	has := func(e Header) bool { return e.Key == key }
	if slices.ContainsFunc(*h, has) {
		*h = slices.DeleteFunc(slices.Clone(*h), has)
	}
}

// Clone returns a copy that shares nothing with h, values included. The clone
// of nil is nil.
func (h Headers) Clone() Headers {
	c := slices.Clone(h)
	for i := range c {
		c[i].Value = slices.Clone(c[i].Value)
	}
	return c
}

// HeaderAware is implemented by a Serde that keeps a part of the encoding in
// the record's headers, such as the id of a schema. Where a record is at hand
// these methods are called instead of AppendTo and Decode; where there is
// none, as in a state store, AppendTo and Decode are, so they have to work on
// their own.
type HeaderAware[T any] interface {
	Serde[T]

	// AppendRecord is AppendTo that may also change the headers of the record
	// to be written. The caller owns h, which is never nil.
	AppendRecord(dst []byte, v T, h *Headers) ([]byte, error)

	// DecodeRecord is Decode with the headers of the record that src comes
	// from. It must not change them.
	DecodeRecord(src []byte, h Headers) (T, error)
}
