package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

func testScanBounds(t *testing.T, s *suite) {
	e := s.start(t)
	var all []pair
	for _, k := range binaryKeys {
		all = append(all, pair{k, "v" + k})
	}
	commit(t, e, all...)
	bounds := []string{"-", "", "\x00", "\x00\x00\x00", "\x01", "a", "a\x00", "a\x00\x00", "b", "\xff", "\xff\xff\xff", "\xff\xff\xff\xff"}
	for _, lo := range bounds {
		for _, hi := range bounds {
			var want []pair
			for _, p := range all {
				if (lo == "-" || p.key >= lo) && (hi == "-" || p.key < hi) {
					want = append(want, p)
				}
			}
			t.Run(fmt.Sprintf("%q to %q", lo, hi), func(t *testing.T) {
				wantPairs(t, scan(t, e, bound(lo), bound(hi), false), want)
				wantPairs(t, scan(t, e, bound(lo), bound(hi), true), reversed(want))
			})
		}
	}
}

func testScanEnd(t *testing.T, s *suite) {
	e := s.start(t)
	for _, reverse := range []bool{false, true} {
		it, err := e.Scan(nil, nil, reverse)
		if err != nil {
			t.Fatal(err)
		}
		if it.Next() {
			t.Error("next is true in an empty engine")
		}
		if n := e.OpenReaders(); n != 1 {
			t.Errorf("%d open readers with one iterator", n)
		}
		for range 2 {
			if err := it.Close(); err != nil {
				t.Error(err)
			}
		}
		if it.Next() {
			t.Error("next is true after close")
		}
		if n := e.OpenReaders(); n != 0 {
			t.Errorf("%d open readers after close", n)
		}
	}
}

func testScanStable(t *testing.T, s *suite) {
	for _, reverse := range []bool{false, true} {
		t.Run(fmt.Sprintf("reverse=%v", reverse), func(t *testing.T) {
			e := s.start(t)
			var want []pair
			for i := range 500 {
				want = append(want, pair{fmt.Sprintf("%03d", i), "old"})
			}
			commit(t, e, want...)
			if reverse {
				want = reversed(want)
			}
			it, err := e.Scan(nil, nil, reverse)
			if err != nil {
				t.Fatal(err)
			}
			var got []pair
			for it.Next() {
				key := string(it.Key())
				b := e.NewBatch()
				b.Set([]byte(key), []byte("new"))
				b.Set([]byte(key+"x"), []byte("new"))
				b.DeleteRange([]byte("250"), []byte("260"))
				b.Delete([]byte("100"))
				if err := b.Commit(); err != nil {
					t.Fatal(err)
				}
				// The entry stays, too.
				got = append(got, pair{string(it.Key()), string(it.Value())})
			}
			if err := it.Close(); err != nil {
				t.Fatal(err)
			}
			wantPairs(t, got, want)
			wantNone(t, e, "255")
			wantGet(t, e, "499", "new")
		})
	}
}

func testScanKeepsNoBounds(t *testing.T, s *suite) {
	for _, reverse := range []bool{false, true} {
		e := s.start(t)
		commit(t, e, pair{"a", "1"}, pair{"b", "1"}, pair{"c", "1"}, pair{"d", "1"})
		lo, hi := []byte("b"), []byte("d")
		it, err := e.Scan(lo, hi, reverse)
		if err != nil {
			t.Fatal(err)
		}
		lo[0], hi[0] = 'a', 'z'
		if n := len(drain(t, it)); n != 2 {
			t.Errorf("%d entries after the bounds were written, want 2", n)
		}
	}
}

func testSnapshot(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"}, pair{"b", "1"}, pair{"c", "1"})
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b := e.NewBatch()
	b.Set([]byte("a"), []byte("2"))
	b.Delete([]byte("b"))
	b.DeleteRange([]byte("c"), []byte("d"))
	b.Set([]byte("d"), []byte("2"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	before := []pair{{"a", "1"}, {"b", "1"}, {"c", "1"}}
	after := []pair{{"a", "2"}, {"d", "2"}}
	wantAll(t, snap, before...)
	wantGet(t, snap, "b", "1")
	wantNone(t, snap, "d")
	wantAll(t, e, after...)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, snap, before...)
	second, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	commit(t, e, pair{"a", "3"})
	wantAll(t, snap, before...)
	wantAll(t, second, after...)

	// An iterator outlives its snapshot.
	it, err := snap.Scan(nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if n := e.OpenReaders(); n != 3 {
		t.Errorf("%d open readers, want 3", n)
	}
	if err := errors.Join(snap.Close(), second.Close()); err != nil {
		t.Error(err)
	}
	commit(t, e, pair{"b", "3"})
	wantPairs(t, drain(t, it), before)
}

// One goroutine commits and publishes snapshots, others read them: all keys of
// a snapshot have the same value.
func testSnapshotConcurrent(t *testing.T, s *suite) {
	e := s.start(t)
	const keys, rounds = 20, 200
	write := func(round int) {
		b := e.NewBatch()
		for k := range keys {
			b.Set(fmt.Appendf(nil, "%02d", k), fmt.Appendf(nil, "%d", round))
		}
		if err := b.Commit(); err != nil {
			t.Error(err)
		}
	}
	var readers sync.WaitGroup
	published := make(chan engine.Snapshot)
	for range 3 {
		readers.Go(func() {
			for snap := range published {
				checkUniform(t, snap, keys)
				if err := snap.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range rounds {
		write(i)
		snap, err := e.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		published <- snap
	}
	close(published)
	readers.Wait()
}

func checkUniform(t *testing.T, snap engine.Snapshot, keys int) {
	it, err := snap.Scan(nil, nil, false)
	if err != nil {
		t.Error(err)
		return
	}
	pairs := drain(t, it)
	if len(pairs) != keys {
		t.Errorf("snapshot with %d keys, want %d", len(pairs), keys)
		return
	}
	for _, p := range pairs {
		got, ok, err := snap.Get(nil, []byte(p.key))
		if p.value != pairs[0].value || !ok || err != nil || string(got) != p.value {
			t.Errorf("torn snapshot: %q beside %q, get %q, %v, %v", p.value, pairs[0].value, got, ok, err)
			return
		}
	}
}

func testSnapshotClosed(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"})
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	// Close comes while others read.
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				got, ok, err := snap.Get(nil, []byte("a"))
				if errors.Is(err, engine.ErrClosed) {
					return
				}
				if err != nil || !ok || string(got) != "1" {
					t.Errorf("get: %q, %v, %v", got, ok, err)
					return
				}
			}
		})
	}
	for i := range 100 {
		commit(t, e, pair{"a", "2"}, pair{fmt.Sprint(i), "2"})
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	for i := range 100 {
		commit(t, e, pair{"a", "3"}, pair{fmt.Sprint(i), "3"})
	}
	readers.Wait()
	if _, err := snap.Scan(nil, nil, false); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("scan of a closed snapshot: %v, want %v", err, engine.ErrClosed)
	}
	if err := snap.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
