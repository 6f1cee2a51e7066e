package serde

// String is text as it is in memory, without a length or an end: the bytes of
// Java's String serializer for valid UTF-8. Bytes that aren't valid UTF-8 pass
// through unchanged in both directions, where Java's replaces them with U+FFFD,
// so that a record that is read and written again keeps its bytes and its key
// keeps its partition. Decode copies: a string that is kept in a map doesn't
// keep the whole fetch that it came with.
var String Serde[string] = stringSerde{}

// Bytes are bytes as they are. Decode doesn't copy: the result is a part of
// the record's bytes, is never nil, and must not be written to. Clone what
// outlives the record. To append to it is safe.
var Bytes Serde[[]byte] = bytesSerde{}

type stringSerde struct{}

func (stringSerde) Copies() bool { return true }

func (stringSerde) AppendTo(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }

func (stringSerde) Decode(src []byte) (string, error) { return string(src), nil }

type bytesSerde struct{}

func (bytesSerde) AppendTo(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }

func (bytesSerde) Decode(src []byte) ([]byte, error) {
	if src == nil {
		return []byte{}, nil // nil would be a null, and this is a value
	}
	return src[:len(src):len(src)], nil
}
