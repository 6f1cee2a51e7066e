package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

func testCloseWithReaders(t *testing.T, s *suite) {
	for _, kind := range []string{"iterator", "snapshot"} {
		t.Run(kind, func(t *testing.T) {
			e := s.open(t)
			commit(t, e, pair{"a", "1"}, pair{"b", "2"})
			want := []pair{{"a", "1"}, {"b", "2"}}
			snap, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if kind == "snapshot" {
				if err := e.Close(); err == nil {
					t.Error("close with an open snapshot is no error")
				}
				wantAll(t, snap, want...)
				wantGet(t, snap, "a", "1")
				if err := snap.Close(); err != nil {
					t.Error(err)
				}
			} else {
				it, err := snap.Scan(nil, nil, false)
				if err := errors.Join(err, snap.Close()); err != nil {
					t.Fatal(err)
				}
				if err := e.Close(); err == nil {
					t.Error("close with an open iterator is no error")
				}
				wantPairs(t, drain(t, it), want)
			}
			if n := e.OpenReaders(); n != 0 {
				t.Errorf("%d open readers", n)
			}
			if _, _, err := e.Get(nil, []byte("a")); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("get after close: %v, want %v", err, engine.ErrClosed)
			}
			if s.reopen != nil { // the files were released, and are whole
				e = s.reopen(t, e)
				wantAll(t, e, want...)
				finish(t, e)
			}
		})
	}
}

func testClosed(t *testing.T, s *suite) {
	e := s.start(t)
	commit(t, e, pair{"a", "1"})
	b := e.NewBatch()
	b.Set([]byte("b"), []byte("1"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	late := e.NewBatch()
	late.Set([]byte("b"), []byte("1"))
	_, _, getErr := e.Get(nil, []byte("a"))
	_, scanErr := e.Scan(nil, nil, false)
	_, snapErr := e.Snapshot()
	for what, err := range map[string]error{
		"get": getErr, "scan": scanErr, "snapshot": snapErr, "flush": e.Flush(),
		"commit": b.Commit(), "commit of a late batch": late.Commit(),
	} {
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s after close: %v, want %v", what, err, engine.ErrClosed)
		}
	}
	b.Discard()
	late.Discard()
	if err := e.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func testReopen(t *testing.T, s *suite) {
	if s.reopen == nil {
		t.Skip("nothing outlives a close")
	}
	e := s.open(t)
	wantAll(t, e)
	var want []pair
	for round := range 5 {
		p := pair{fmt.Sprint(round), fmt.Sprintf("value of %d", round)}
		commit(t, e, p)
		if round%2 == 0 {
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		want = append(want, p)
		e = s.reopen(t, e)
		wantAll(t, e, want...)
	}
	b := e.NewBatch()
	b.DeleteRange([]byte("1"), []byte("3"))
	b.Delete([]byte("4"))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	e = s.reopen(t, e)
	wantAll(t, e, want[0], want[3])
	finish(t, e)
}
