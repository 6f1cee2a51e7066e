package serde

import (
	"errors"
	"strings"
	"testing"
)

func TestSizes(t *testing.T) {
	checkSizes(t, Int16, "int16", 2)
	checkSizes(t, Int32, "int32", 4)
	checkSizes(t, Int64, "int64", 8)
	checkSizes(t, Float32, "float32", 4)
	checkSizes(t, Float64, "float64", 8)
	checkSizes(t, Bool, "bool", 1)
	checkSizes(t, UUIDs, "uuid", 36)
}

// checkSizes checks that only one length is taken, and no part of another.
func checkSizes[T comparable](t *testing.T, s Serde[T], typ string, want int) {
	t.Helper()
	for n := range 48 {
		if n == want {
			continue
		}
		v, err := s.Decode(make([]byte, n))
		size, ok := errors.AsType[*SizeError](err)
		if !ok || *size != (SizeError{Type: typ, Want: want, Got: n}) {
			t.Errorf("%s of %d bytes: error %v", typ, n, err)
		}
		var zero T
		if v != zero {
			t.Errorf("%s of %d bytes: value %v with an error", typ, n, v)
		}
	}
}

func TestSizeErrorText(t *testing.T) {
	_, err := Int64.Decode([]byte{1, 2, 3})
	if got, want := err.Error(), "int64: want 8 bytes, got 3"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	_, err = SessionWindowed(String).Decode([]byte("secret"))
	if got, want := err.Error(), "session-windowed key: want at least 16 bytes, got 6"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

func TestBoolTakesTwoBytesOnly(t *testing.T) {
	for b := 2; b < 256; b++ {
		if _, err := Bool.Decode([]byte{byte(b)}); err == nil {
			t.Errorf("byte %d is taken", b)
		} else if strings.ContainsAny(err.Error(), "23456789") {
			t.Fatalf("error tells the byte: %v", err)
		}
	}
}
