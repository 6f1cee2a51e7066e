package conformance

import (
	"encoding/binary"
	"fmt"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// Serde returns the serde of a type. Values travel as any: encoding a value
// of another dynamic type is an error, where Java throws a ClassCastException.
// The serdes of windowed types have a method InnerKey, too.
func (t Type) Serde() serde.Serde[any] {
	if t.IsWindowed() {
		return WindowedSerde{key: t.Inner().Serde(), size: t.WindowSize(), session: t.IsSessionWindowed()}
	}
	return plainSerde(t)
}

// plainSerde encodes string, int64 and bytes.
type plainSerde Type

func (s plainSerde) AppendTo(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		if s == plainSerde(String) {
			return append(dst, v...), nil
		}
	case int64:
		if s == plainSerde(Int64) {
			return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
		}
	case []byte:
		if s == plainSerde(Bytes) {
			return append(dst, v...), nil
		}
	}
	return dst, fmt.Errorf("serde %s does not fit a value of type %T", string(s), v)
}

func (s plainSerde) Decode(src []byte) (any, error) {
	switch Type(s) {
	case String:
		return string(src), nil
	case Int64:
		if len(src) != 8 {
			return nil, fmt.Errorf("serde int64: %d bytes, want 8", len(src))
		}
		return int64(binary.BigEndian.Uint64(src)), nil
	case Bytes:
		return src, nil
	}
	return nil, fmt.Errorf("type %q is unknown", string(s))
}

// WindowedSerde encodes windowed keys as Kafka Streams does for topics: time
// windows as key and start, sessions as key, end and start.
type WindowedSerde struct {
	key     serde.Serde[any]
	size    int64
	session bool
}

// AppendTo appends the encoding of a window.Key[any].
func (s WindowedSerde) AppendTo(dst []byte, v any) ([]byte, error) {
	k, ok := v.(window.Key[any])
	if !ok {
		return dst, fmt.Errorf("serde of windowed keys does not fit a value of type %T", v)
	}
	dst, err := s.key.AppendTo(dst, k.Key)
	if err != nil {
		return dst, err
	}
	if s.session {
		dst = binary.BigEndian.AppendUint64(dst, uint64(k.End))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(k.Start)), nil
}

// Decode returns a window.Key[any].
func (s WindowedSerde) Decode(src []byte) (any, error) {
	if len(src) < s.suffix() {
		return nil, fmt.Errorf("serde of windowed keys: %d bytes, want at least %d", len(src), s.suffix())
	}
	key, err := s.key.Decode(s.InnerKey(src))
	if err != nil {
		return nil, err
	}
	k := window.Key[any]{Key: key, Start: int64(binary.BigEndian.Uint64(src[len(src)-8:]))}
	if s.session {
		k.End = int64(binary.BigEndian.Uint64(src[len(src)-16:]))
	} else {
		k.End = windowEnd(k.Start, s.size)
	}
	return k, nil
}

// InnerKey returns the encoding of the plain key within that of a windowed
// one, by which records are partitioned. Encodings too short to be a windowed
// key are returned as they are.
func (s WindowedSerde) InnerKey(encoded []byte) []byte {
	if len(encoded) < s.suffix() {
		return encoded
	}
	return encoded[:len(encoded)-s.suffix()]
}

// suffix is the number of bytes that follow the plain key.
func (s WindowedSerde) suffix() int {
	if s.session {
		return 16
	}
	return 8
}
