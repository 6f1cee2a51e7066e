package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

func testGet(t *testing.T, s *suite) {
	e := s.start(t)
	wantNone(t, e, "a")
	commit(t, e, pair{"a", "1"}, pair{"b", "2"})
	wantGet(t, e, "a", "1")
	wantGet(t, e, "b", "2")
	wantNone(t, e, "c")
	wantNone(t, e, "")
	wantNone(t, e, "aa")

	commit(t, e, pair{"a", "a longer one"})
	wantGet(t, e, "a", "a longer one")
	commit(t, e, pair{"a", "s"})
	wantGet(t, e, "a", "s")

	b := e.NewBatch()
	b.Delete([]byte("a"))
	b.Delete([]byte("never there"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	wantNone(t, e, "a")
	wantAll(t, e, pair{"b", "2"})
}

func testGetAppends(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"k", "value"})
	dst := make([]byte, 3, 32)
	copy(dst, "abc")
	got, ok, err := e.Get(dst, []byte("k"))
	if err != nil || !ok || string(got) != "abcvalue" {
		t.Fatalf("get: %q, %v, %v", got, ok, err)
	}
	if &got[0] != &dst[0] {
		t.Error("get did not use the room in dst")
	}
	// The caller owns what it got.
	for i := range got {
		got[i] = 'x'
	}
	wantGet(t, e, "k", "value")
	if got, _, _ := e.Get([]byte("abc"), []byte("k")); string(got) != "abcvalue" {
		t.Errorf("get into a full dst: %q", got)
	}
}

func testEmptyValue(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"k", ""})
	b := e.NewBatch()
	b.Set([]byte("nil"), nil)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	wantGet(t, e, "k", "")
	wantGet(t, e, "nil", "")
	wantAll(t, e, pair{"k", ""}, pair{"nil", ""})
}

func testEmptyKey(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"})
	for _, key := range [][]byte{nil, {}} {
		b := e.NewBatch()
		b.Set([]byte("b"), []byte("1"))
		b.Set(key, []byte("1"))
		if err := b.Commit(); err == nil {
			t.Error("an empty key was committed")
		}
		b.Discard()
	}
	b := e.NewBatch()
	b.Delete(nil)
	if err := b.Commit(); err != nil {
		t.Errorf("delete of the empty key: %v", err)
	}
	wantNone(t, e, "")
	wantAll(t, e, pair{"a", "1"})
}

// binaryKeys are in order.
var binaryKeys = []string{
	"\x00", "\x00\x00", "\x00\x00\x01", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00b", "a\x01", "ab", "\x7f", "\x80",
	"\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff",
}

func testBinaryKeys(t *testing.T, s *suite) {
	e := s.start(t)
	var want []pair
	for i := len(binaryKeys) - 1; i >= 0; i-- {
		commit(t, e, pair{binaryKeys[i], fmt.Sprint(i)})
	}
	for i, k := range binaryKeys {
		want = append(want, pair{k, fmt.Sprint(i)})
		wantGet(t, e, k, fmt.Sprint(i))
	}
	wantAll(t, e, want...)
}

func testLargeValue(t *testing.T, s *suite) {
	e := s.start(t)
	large := string(bytes.Repeat([]byte("0123456789abcdef"), 512<<10)) // 8 MiB
	commit(t, e, pair{"a", "1"}, pair{"large", large}, pair{"z", "2"})
	commit(t, e, pair{"b", "3"})
	wantGet(t, e, "large", large)
	wantAll(t, e, pair{"a", "1"}, pair{"b", "3"}, pair{"large", large}, pair{"z", "2"})
}

func testBatchCopies(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"gone", "1"}, pair{"range", "1"})
	buf := make([]byte, 16)
	give := func(s string) []byte { return buf[:copy(buf, s)] }
	b := e.NewBatch()
	b.Set(give("key"), []byte("1"))
	b.Set([]byte("key2"), give("2"))
	b.Delete(give("gone"))
	b.DeleteRange(give("r"), []byte("s"))
	give("xxxxxxxxxxxxxxxx")
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, e, pair{"key", "1"}, pair{"key2", "2"})
}

func testBatchOrder(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"d", "old"}, pair{"m", "old"})
	b := e.NewBatch()
	b.Set([]byte("a"), []byte("1"))
	b.Set([]byte("a"), []byte("2"))
	b.Set([]byte("b"), []byte("1"))
	b.Delete([]byte("b"))
	b.Delete([]byte("c"))
	b.Set([]byte("c"), []byte("1"))
	b.Set([]byte("n"), []byte("1"))
	b.DeleteRange([]byte("d"), []byte("o"))
	b.Set([]byte("m"), []byte("new"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, e, pair{"a", "2"}, pair{"c", "1"}, pair{"m", "new"})
}

func testBatchAtOnce(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"})
	b := e.NewBatch()
	b.Set([]byte("a"), []byte("2"))
	b.Set([]byte("b"), []byte("2"))
	wantAll(t, e, pair{"a", "1"})
	other := e.NewBatch()
	other.Set([]byte("c"), []byte("3"))
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, e, pair{"a", "1"}, pair{"c", "3"})
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, e, pair{"a", "2"}, pair{"b", "2"}, pair{"c", "3"})

	empty := e.NewBatch()
	if err := empty.Commit(); err != nil {
		t.Errorf("commit of an empty batch: %v", err)
	}
}

func testBatchDiscard(t *testing.T, s *suite) {
	e := s.start(t)
	b := e.NewBatch()
	b.Set([]byte("a"), []byte("1"))
	b.Discard()
	b.Discard()
	wantAll(t, e)

	b = e.NewBatch()
	b.Set([]byte("a"), []byte("1"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	b.Discard()
	wantAll(t, e, pair{"a", "1"})
}

func testBatchUsedAgain(t *testing.T, s *suite) {
	e := s.start(t)
	b := e.NewBatch()
	b.Set([]byte("a"), []byte("1"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	b.Set([]byte("b"), []byte("1"))
	b.Delete([]byte("a"))
	b.DeleteRange([]byte("a"), []byte("b"))
	if err := b.Commit(); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("second commit: %v, want %v", err, engine.ErrClosed)
	}
	wantAll(t, e, pair{"a", "1"})
}

func testBatchSize(t *testing.T, s *suite) {
	e := s.start(t)
	b := e.NewBatch()
	defer b.Discard()
	before := b.Size()
	b.Set(make([]byte, 100), make([]byte, 1000))
	if grown := b.Size() - before; grown < 1100 || grown > 1300 {
		t.Errorf("a write of 1100 bytes adds %d to the size", grown)
	}
}

func testDeleteRange(t *testing.T, s *suite) {
	for _, tt := range []struct {
		lo, hi string
		want   string // the keys left of a to f
	}{
		{"a", "c", "cdef"},
		{"b", "b\x00", "acdef"},
		{"b", "b", "abcdef"},
		{"d", "b", "abcdef"},
		{"", "c", "cdef"},
		{"-", "c", "cdef"},
		{"aa", "dd", "aef"},
		{"a", "\xff", ""},
		{"x", "z", "abcdef"},
	} {
		t.Run(fmt.Sprintf("%q to %q", tt.lo, tt.hi), func(t *testing.T) {
			e := s.start(t)
			commit(t, e, pair{"a", "1"}, pair{"b", "1"}, pair{"c", "1"}, pair{"d", "1"}, pair{"e", "1"}, pair{"f", "1"})
			b := e.NewBatch()
			b.DeleteRange(bound(tt.lo), []byte(tt.hi))
			if err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			var want []pair
			for _, k := range tt.want {
				want = append(want, pair{string(k), "1"})
				wantGet(t, e, string(k), "1")
			}
			wantAll(t, e, want...)
		})
	}
}

func testDeleteRangeUnbounded(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"})
	b := e.NewBatch()
	b.Set([]byte("b"), []byte("1"))
	b.DeleteRange([]byte("a"), nil)
	if err := b.Commit(); err == nil {
		t.Error("a range without an upper bound was committed")
	}
	b.Discard()
	wantAll(t, e, pair{"a", "1"})
}

func testFlush(t *testing.T, s *suite) {
	e := s.start(t)
	for i := range 5 {
		commit(t, e, pair{"a", fmt.Sprint(i)})
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			t.Fatalf("flush of nothing: %v", err)
		}
		wantAll(t, e, pair{"a", fmt.Sprint(i)})
	}
}
