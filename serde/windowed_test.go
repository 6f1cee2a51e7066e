package serde

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/window"
)

func TestTimeWindowEnd(t *testing.T) {
	tests := []struct {
		serde      Serde[window.Key[string]]
		start, end int64
	}{
		{TimeWindowed(String, 10*time.Millisecond), 5, 15},
		{TimeWindowed(String, time.Hour), -3_600_000, 0},
		{TimeWindowed(String, time.Hour), math.MaxInt64 - 3_600_000, math.MaxInt64},
		{TimeWindowed(String, time.Hour), math.MaxInt64 - 3_599_999, math.MaxInt64},
		{TimeWindowed(String, time.Hour), math.MaxInt64, math.MaxInt64},
		{TimeWindowed(String, math.MaxInt64), 0, math.MaxInt64},
		{TimeWindowed(String, math.MaxInt64), -1, math.MaxInt64},
		{TimeWindowed(String, math.MaxInt64/1000000*time.Millisecond), 0, math.MaxInt64 / 1000000},
		{TimeWindowedMillis(String, math.MaxInt64), 100, math.MaxInt64},
		{TimeWindowedMillis(String, math.MaxInt64-1), 0, math.MaxInt64 - 1},
		{TimeWindowedMillis(String, math.MaxInt64-1), -1, math.MaxInt64 - 2},
	}
	for i, tt := range tests {
		want := window.Key[string]{Key: "k", Start: tt.start, End: tt.end}
		b, err := tt.serde.AppendTo(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.serde.Decode(b); err != nil || got != want {
			t.Errorf("%d: %v, %v; want %v", i, got, err, want)
		}
	}
}

func TestTimeWindowSize(t *testing.T) {
	for _, size := range []time.Duration{0, -1, time.Microsecond, 1500 * time.Microsecond, -time.Second} {
		checkBroken(t, TimeWindowed(String, size), errWindowSize)
	}
	for _, size := range []int64{0, -1, math.MinInt64} {
		checkBroken(t, TimeWindowedMillis(String, size), errWindowSize)
	}
}

func TestSessionEndBeforeStart(t *testing.T) {
	s := SessionWindowed(String)
	b, err := s.AppendTo([]byte("before"), window.Key[string]{Key: "k", Start: 2, End: 1})
	if !errors.Is(err, errSessionEnd) || string(b) != "before" {
		t.Errorf("bytes %q, %v", b, err)
	}
	if _, err := s.Decode(fromHex(t, "6b"+"0000000000000001"+"0000000000000002")); !errors.Is(err, errSessionEnd) {
		t.Errorf("Decode: %v", err)
	}
	point := window.Key[string]{Key: "k", Start: 2, End: 2}
	if b, err = s.AppendTo(nil, point); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Decode(b); err != nil || got != point {
		t.Errorf("a session of one record: %v, %v", got, err)
	}
}

func TestWindowedKeyTooShort(t *testing.T) {
	for _, tt := range []struct {
		serde Serde[window.Key[string]]
		want  SizeError
	}{
		{TimeWindowed(String, time.Second), SizeError{"time-windowed key", 8, 7, true}},
		{SessionWindowed(String), SizeError{"session-windowed key", 16, 15, true}},
	} {
		_, err := tt.serde.Decode(make([]byte, tt.want.Got))
		if size, ok := errors.AsType[*SizeError](err); !ok || *size != tt.want {
			t.Errorf("error %v, want %v", err, &tt.want)
		}
		short := make([]byte, tt.want.Got)
		if got := tt.serde.(InnerKeyer).InnerKey(short); len(got) != len(short) {
			t.Errorf("InnerKey of a short key has %d bytes, want all %d", len(got), len(short))
		}
	}
}

// All windows of a key meet in the partition of the key.
func TestWindowedKeysMeet(t *testing.T) {
	want := hash.Partition([]byte("hello"), 1000)
	for _, s := range []Serde[window.Key[string]]{TimeWindowed(String, time.Second), SessionWindowed(String)} {
		for start := range int64(10) {
			b, err := s.AppendTo(nil, window.Key[string]{Key: "hello", Start: start, End: start + 1000})
			if err != nil {
				t.Fatal(err)
			}
			if got := hash.Partition(s.(InnerKeyer).InnerKey(b), 1000); got != want {
				t.Errorf("window at %d goes to partition %d, want %d", start, got, want)
			}
		}
	}
}

func TestWindowedInnerErrors(t *testing.T) {
	s := TimeWindowed(Int32, time.Second)
	_, err := s.Decode(make([]byte, 11))
	if size, ok := errors.AsType[*SizeError](err); !ok || *size != (SizeError{"int32", 4, 3, false}) {
		t.Errorf("Decode: %v", err)
	}
	b, err := SessionWindowed(Serde[int32](failing{})).AppendTo([]byte("before"), window.Key[int32]{})
	if !errors.Is(err, errFailing) || string(b) != "before" {
		t.Errorf("AppendTo: %q, %v", b, err)
	}
}
