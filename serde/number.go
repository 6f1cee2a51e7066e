package serde

import (
	"encoding/binary"
	"errors"
	"math"
)

// The numbers and the truth value of Kafka's own serializers: big endian, of
// fixed size. Decode refuses any other length with a [*SizeError].
var (
	Int16 Serde[int16] = int16Serde{} // 2 bytes, as Java's Short
	Int32 Serde[int32] = int32Serde{} // 4 bytes, as Java's Integer
	Int64 Serde[int64] = int64Serde{} // 8 bytes, as Java's Long

	// Float32 is 4 bytes, the IEEE bits as they are, as Java's Float.
	Float32 Serde[float32] = float32Serde{}

	// Float64 is 8 bytes, the IEEE bits, as Java's Double. As there, every NaN
	// is written as 7ff8000000000000, so that equal keys have equal bytes.
	Float64 Serde[float64] = float64Serde{}

	// Bool is 1 byte, 1 or 0, as Java's Boolean. Any other byte is an error.
	Bool Serde[bool] = boolSerde{}
)

func sized(typ string, src []byte, want int) error {
	if len(src) == want {
		return nil
	}
	return &SizeError{Type: typ, Want: want, Got: len(src)}
}

type int16Serde struct{}

func (int16Serde) FixedSize() int { return 2 }

func (int16Serde) Copies() bool { return true }

func (int16Serde) AppendTo(dst []byte, v int16) ([]byte, error) {
	return binary.BigEndian.AppendUint16(dst, uint16(v)), nil
}

func (int16Serde) Decode(src []byte) (int16, error) {
	if err := sized("int16", src, 2); err != nil {
		return 0, err
	}
	return int16(binary.BigEndian.Uint16(src)), nil
}

type int32Serde struct{}

func (int32Serde) FixedSize() int { return 4 }

func (int32Serde) Copies() bool { return true }

func (int32Serde) AppendTo(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func (int32Serde) Decode(src []byte) (int32, error) {
	if err := sized("int32", src, 4); err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(src)), nil
}

type int64Serde struct{}

func (int64Serde) FixedSize() int { return 8 }

func (int64Serde) Copies() bool { return true }

func (int64Serde) AppendTo(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (int64Serde) Decode(src []byte) (int64, error) {
	if err := sized("int64", src, 8); err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(src)), nil
}

type float32Serde struct{}

func (float32Serde) FixedSize() int { return 4 }

func (float32Serde) Copies() bool { return true }

func (float32Serde) AppendTo(dst []byte, v float32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(v)), nil
}

func (float32Serde) Decode(src []byte) (float32, error) {
	if err := sized("float32", src, 4); err != nil {
		return 0, err
	}
	return math.Float32frombits(binary.BigEndian.Uint32(src)), nil
}

type float64Serde struct{}

func (float64Serde) FixedSize() int { return 8 }

func (float64Serde) Copies() bool { return true }

func (float64Serde) AppendTo(dst []byte, v float64) ([]byte, error) {
	bits := math.Float64bits(v)
	if math.IsNaN(v) {
		bits = 0x7ff8000000000000 // math.NaN has other bits than Java's
	}
	return binary.BigEndian.AppendUint64(dst, bits), nil
}

func (float64Serde) Decode(src []byte) (float64, error) {
	if err := sized("float64", src, 8); err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(src)), nil
}

type boolSerde struct{}

func (boolSerde) Copies() bool { return true }

var errBool = errors.New("bool: the byte is neither 0 nor 1")

func (boolSerde) AppendTo(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolSerde) Decode(src []byte) (bool, error) {
	if err := sized("bool", src, 1); err != nil {
		return false, err
	}
	if src[0] > 1 {
		return false, errBool
	}
	return src[0] == 1, nil
}
