package registry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/serde"
)

// What comes before the payload of a record: a zero byte and the id.
const (
	magic     = 0
	frameSize = 5
)

// Headers that carry the GUID of a schema: one byte 01 and the 16 of the GUID,
// then what Protobuf adds.
const (
	KeyHeader   = "__key_schema_id"
	ValueHeader = "__value_schema_id"
	guidMagic   = 1
	guidSize    = 17
)

var (
	// ErrFrame: the bytes don't begin as those of a registry do. The usual
	// cause is a topic written without one.
	ErrFrame = errors.New("no schema id: want a zero byte and 4 bytes of id before the payload")

	errHeader = fmt.Errorf("header: want the byte 01 and %d bytes of guid", guidSize-1)
)

// AppendID appends the zero byte and the id that come before the payload.
func AppendID(dst []byte, id int32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, magic), uint32(id))
}

// SplitID returns the id before the payload, and the payload, which aliases src.
func SplitID(src []byte) (id int32, payload []byte, err error) {
	if len(src) < frameSize || src[0] != magic {
		return 0, nil, ErrFrame
	}
	return int32(binary.BigEndian.Uint32(src[1:])), src[frameSize:], nil
}

// headerName is the header of the side of the record.
func headerName(key bool) string {
	if key {
		return KeyHeader
	}
	return ValueHeader
}

// splitHeader returns the GUID that the headers carry, and what follows it.
func splitHeader(h serde.Headers, name string) (g GUID, rest []byte, ok bool, err error) {
	v, ok := h.Last(name)
	if !ok || v == nil {
		return g, nil, false, nil
	}
	if len(v) < guidSize || v[0] != guidMagic {
		return g, nil, true, fmt.Errorf("record %s: %w", name, errHeader)
	}
	copy(g[:], v[1:])
	return g, v[guidSize:], true, nil
}

func headerValue(g GUID, index []byte) []byte {
	v := append(make([]byte, 0, guidSize+len(index)), guidMagic)
	return append(append(v, g[:]...), index...)
}
