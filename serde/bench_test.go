package serde

import (
	"testing"

	"github.com/ottla-streams/ottla/window"
)

var (
	benchText  = "a key of twenty-four by"
	benchOrder = order{ID: "o-10203040", Amount: 1999, Rate: 1.25, Parts: []part{{1}, {2.5}}}
)

func BenchmarkString(b *testing.B)   { benchmark(b, String, benchText) }
func BenchmarkBytes(b *testing.B)    { benchmark(b, Bytes, []byte(benchText)) }
func BenchmarkInt64(b *testing.B)    { benchmark(b, Int64, 1_700_000_000_000) }
func BenchmarkUUID(b *testing.B)     { benchmark(b, UUIDs, javaID) }
func BenchmarkNullable(b *testing.B) { benchmark(b, Nullable(Int64), Some(int64(7))) }
func BenchmarkList(b *testing.B)     { benchmark(b, List(Int64), []int64{1, 2, 3, 4, 5, 6, 7, 8}) }
func BenchmarkJSON(b *testing.B)     { benchmark(b, JSON[order](), benchOrder) }
func BenchmarkJSONPointer(b *testing.B) {
	benchmark(b, JSON[*order](), &benchOrder)
}
func BenchmarkTimeWindowed(b *testing.B) {
	benchmark(b, TimeWindowedMillis(Int64, 10), window.Key[int64]{Key: 7, Start: 10, End: 20})
}

func benchmark[T any](b *testing.B, s Serde[T], v T) {
	src, err := s.AppendTo(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("AppendTo", func(b *testing.B) {
		dst := make([]byte, 0, 1024)
		b.SetBytes(int64(len(src)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.AppendTo(dst, v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(src); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestAllocations(t *testing.T) {
	allocates(t, String, benchText, 0, 1)
	allocates(t, Bytes, []byte(benchText), 0, 0)
	allocates(t, Int16, 1000, 0, 0)
	allocates(t, Int32, 1_000_000, 0, 0)
	allocates(t, Int64, 1_700_000_000_000, 0, 0)
	allocates(t, Float32, 1.5, 0, 0)
	allocates(t, Float64, 1.5, 0, 0)
	allocates(t, Bool, true, 0, 0)
	allocates(t, UUIDs, javaID, 0, 0)
	allocates(t, Nullable(Int64), Some(int64(7)), 0, 0)
	allocates(t, List(Int64), []int64{1, 2, 3}, 0, 1)
	allocates(t, List(Nullable(Int64)), []Null[int64]{{}, Some(int64(1))}, 0, 1)
	allocates(t, List(Bytes), [][]byte{nil, {1}}, 0, 1)
	allocates(t, TimeWindowedMillis(Int64, 10), window.Key[int64]{Key: 7, Start: 10, End: 20}, 0, 0)
	allocates(t, SessionWindowed(Int64), window.Key[int64]{Key: 7, Start: 10, End: 20}, 0, 0)
}

// allocates checks how often memory is allocated to write v and to read it.
func allocates[T any](t *testing.T, s Serde[T], v T, write, read float64) {
	t.Helper()
	dst := make([]byte, 0, 1024)
	src, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, err = s.AppendTo(dst, v) }); n != write || err != nil {
		t.Errorf("%T: AppendTo allocates %v times, want %v (%v)", s, n, write, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, err = s.Decode(src) }); n != read || err != nil {
		t.Errorf("%T: Decode allocates %v times, want %v (%v)", s, n, read, err)
	}
}
