package hash

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// java has, in each line: the input, its murmur2, the partition of 10, and the
// two halves of its murmur3. Vectors.java wrote it.
//
//go:embed testdata/java.txt
var java string

type vector struct {
	input      []byte
	m2, of10   int32
	m3Up, m3Lo uint64
}

func vectors(t testing.TB) []vector {
	var vs []vector
	for line := range strings.Lines(java) {
		var v vector
		var in string
		if _, err := fmt.Sscanf(line, "%s %d %d %x %x", &in, &v.m2, &v.of10, &v.m3Up, &v.m3Lo); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		b, err := hex.DecodeString(strings.TrimPrefix(in, "x"))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		v.input = b
		vs = append(vs, v)
	}
	if len(vs) < 100 {
		t.Fatalf("only %d vectors", len(vs))
	}
	return vs
}

func TestAsJava(t *testing.T) {
	for _, v := range vectors(t) {
		if got := Murmur2(v.input); got != v.m2 {
			t.Errorf("Murmur2(%x) = %d, want %d", v.input, got, v.m2)
		}
		if got := Partition(v.input, 10); got != v.of10 {
			t.Errorf("Partition(%x, 10) = %d, want %d", v.input, got, v.of10)
		}
		if up, lo := Murmur3(v.input); up != v.m3Up || lo != v.m3Lo {
			t.Errorf("Murmur3(%x) = %016x %016x, want %016x %016x", v.input, up, lo, v.m3Up, v.m3Lo)
		}
	}
}

func TestPartitionOfNoPartitions(t *testing.T) {
	for _, n := range []int32{0, -1} {
		if got := Partition([]byte("k"), n); got != -1 {
			t.Errorf("Partition of %d = %d, want -1", n, got)
		}
	}
	if got := Partition([]byte("k"), 1); got != 0 {
		t.Errorf("Partition of 1 = %d, want 0", got)
	}
}

func TestNoAllocation(t *testing.T) {
	b := bytes.Repeat([]byte("k"), 45)
	if n := testing.AllocsPerRun(100, func() {
		Partition(b, 12)
		Murmur3(b)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func FuzzPartition(f *testing.F) {
	f.Add([]byte("k"), int32(10))
	f.Add([]byte(nil), int32(0))
	f.Fuzz(func(t *testing.T, key []byte, n int32) {
		p := Partition(key, n)
		if n <= 0 && p != -1 || n > 0 && (p < 0 || p >= n) {
			t.Fatalf("Partition of %d is %d", n, p)
		}
		before := bytes.Clone(key)
		Murmur3(key)
		if !bytes.Equal(before, key) {
			t.Fatal("hashing changed its input")
		}
	})
}

func BenchmarkMurmur2(b *testing.B) {
	for _, n := range []int{8, 36, 1024} {
		key := bytes.Repeat([]byte("k"), n)
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				Murmur2(key)
			}
		})
	}
}

func BenchmarkMurmur3(b *testing.B) {
	for _, n := range []int{8, 36, 1024} {
		value := bytes.Repeat([]byte("v"), n)
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				Murmur3(value)
			}
		})
	}
}
