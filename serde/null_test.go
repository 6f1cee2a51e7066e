package serde

import (
	"errors"
	"testing"
)

func TestNullableHasTheBytesOfInner(t *testing.T) {
	s := Nullable(Int16)
	b, err := s.AppendTo(nil, Some(int16(258)))
	if err != nil || string(b) != "\x01\x02" {
		t.Fatalf("bytes %x, %v", b, err)
	}
	v, err := s.Decode(b)
	if err != nil || v != Some(int16(258)) || v.IsNull() {
		t.Errorf("value %v, %v", v, err)
	}
}

func TestNullHasNoBytes(t *testing.T) {
	dst := []byte("before")
	for _, s := range []Serde[Null[struct{}]]{Void, Nullable(Serde[struct{}](nothing{}))} {
		b, err := s.AppendTo(dst, Null[struct{}]{})
		if !errors.Is(err, errNullValue) || string(b) != "before" {
			t.Errorf("%T: bytes %q, %v", s, b, err)
		}
	}
}

func TestVoidHasNoValues(t *testing.T) {
	if b, err := Void.AppendTo([]byte("before"), Some(struct{}{})); !errors.Is(err, errVoid) || string(b) != "before" {
		t.Errorf("bytes %q, %v", b, err)
	}
	for _, src := range [][]byte{nil, {}, {0}} {
		if v, err := Void.Decode(src); !errors.Is(err, errVoid) || v.Valid {
			t.Errorf("Decode(%v) = %v, %v", src, v, err)
		}
	}
}

func TestNullableDecodeError(t *testing.T) {
	if v, err := Nullable(Int16).Decode([]byte{1}); err == nil || v != (Null[int16]{}) {
		t.Errorf("Decode = %v, %v", v, err)
	}
}

type nothing struct{}

func (nothing) AppendTo(dst []byte, _ struct{}) ([]byte, error) { return dst, nil }

func (nothing) Decode([]byte) (struct{}, error) { return struct{}{}, nil }
