// Package storetest is the test that each engine of ottla's state passes.
//
// [Run] is called from a test of the engine's own package:
//
//	func TestEngine(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) engine.Engine { return open(t, t.TempDir()) })
//	}
//
// An engine with files passes [Reopen] too.
package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

// Option changes what Run tests.
type Option func(*suite)

// Reopen also tests that what was written is there after reopen, which closes
// the engine and opens the same files again. Without it, nothing is expected to
// outlive a close.
func Reopen(reopen func(t *testing.T, e engine.Engine) engine.Engine) Option {
	return func(s *suite) { s.reopen = reopen }
}

// Seed makes the random operations those of a run that failed, which has logged
// its seed. Defaults to some fixed seeds and a new one.
func Seed(seed uint64) Option {
	return func(s *suite) { s.seeds = []uint64{seed} }
}

// Run runs the test. open returns an empty engine; Run closes it and fails if an
// iterator or snapshot was left open.
func Run(t *testing.T, open func(t *testing.T) engine.Engine, opts ...Option) {
	s := &suite{open: open, seeds: defaultSeeds()}
	for _, opt := range opts {
		opt(s)
	}
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"Get", testGet},
		{"GetAppends", testGetAppends},
		{"EmptyValue", testEmptyValue},
		{"EmptyKey", testEmptyKey},
		{"BinaryKeys", testBinaryKeys},
		{"LargeValue", testLargeValue},
		{"BatchCopies", testBatchCopies},
		{"BatchOrder", testBatchOrder},
		{"BatchAtOnce", testBatchAtOnce},
		{"BatchDiscard", testBatchDiscard},
		{"BatchUsedAgain", testBatchUsedAgain},
		{"BatchSize", testBatchSize},
		{"DeleteRange", testDeleteRange},
		{"DeleteRangeUnbounded", testDeleteRangeUnbounded},
		{"ScanBounds", testScanBounds},
		{"ScanEnd", testScanEnd},
		{"ScanStable", testScanStable},
		{"ScanKeepsNoBounds", testScanKeepsNoBounds},
		{"Snapshot", testSnapshot},
		{"SnapshotConcurrent", testSnapshotConcurrent},
		{"SnapshotClosed", testSnapshotClosed},
		{"Flush", testFlush},
		{"CloseWithReaders", testCloseWithReaders},
		{"Closed", testClosed},
		{"Reopen", testReopen},
		{"Random", testRandom},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, s) })
	}
}

type suite struct {
	open   func(*testing.T) engine.Engine
	reopen func(*testing.T, engine.Engine) engine.Engine
	seeds  []uint64
}

// start opens an engine that the end of the test checks and closes.
func (s *suite) start(t *testing.T) engine.Engine {
	t.Helper()
	e := s.open(t)
	t.Cleanup(func() { finish(t, e) })
	return e
}

func finish(t *testing.T, e engine.Engine) {
	t.Helper()
	if n := e.OpenReaders(); n != 0 {
		t.Errorf("%d iterators or snapshots left open", n)
	}
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// pair is a key and its value.
type pair struct{ key, value string }

// commit sets the pairs in one batch.
func commit(t *testing.T, e engine.Engine, pairs ...pair) {
	t.Helper()
	b := e.NewBatch()
	for _, p := range pairs {
		b.Set([]byte(p.key), []byte(p.value))
	}
	if err := b.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// wantGet checks the value of key.
func wantGet(t *testing.T, r engine.Reader, key, want string) {
	t.Helper()
	got, ok, err := r.Get(nil, []byte(key))
	if err != nil || !ok || string(got) != want {
		t.Errorf("get %q: %q, %v, %v, want %q", key, got, ok, err, want)
	}
}

// wantNone checks that key has no value.
func wantNone(t *testing.T, r engine.Reader, key string) {
	t.Helper()
	dst := []byte("dst")
	got, ok, err := r.Get(dst, []byte(key))
	if err != nil || ok || string(got) != "dst" {
		t.Errorf("get %q: %q, %v, %v, want none and dst as it was", key, got, ok, err)
	}
}

// bound turns "-" into nil, no bound.
func bound(s string) []byte {
	if s == "-" {
		return nil
	}
	return []byte(s)
}

// drain reads the rest of an iterator and closes it.
func drain(t *testing.T, it engine.Iterator) []pair {
	t.Helper()
	var got []pair
	for it.Next() {
		got = append(got, pair{string(it.Key()), string(it.Value())})
	}
	if it.Next() {
		t.Error("next is true after it was false")
	}
	if err := it.Close(); err != nil {
		t.Errorf("close iterator: %v", err)
	}
	return got
}

func scan(t *testing.T, r engine.Reader, lo, hi []byte, reverse bool) []pair {
	t.Helper()
	it, err := r.Scan(lo, hi, reverse)
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return drain(t, it)
}

// wantAll checks all that r holds, given in order, in both directions.
func wantAll(t *testing.T, r engine.Reader, want ...pair) {
	t.Helper()
	wantPairs(t, scan(t, r, nil, nil, false), want)
	wantPairs(t, scan(t, r, nil, nil, true), reversed(want))
}

func wantPairs(t *testing.T, got, want []pair) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d entries, want %d: %s, want %s", len(got), len(want), brief(got), brief(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("entry %d: %s, want %s", i, brief(got[i:i+1]), brief(want[i:i+1]))
			return
		}
	}
}

func reversed(pairs []pair) []pair {
	out := make([]pair, len(pairs))
	for i, p := range pairs {
		out[len(pairs)-1-i] = p
	}
	return out
}

func brief(pairs []pair) string {
	var b bytes.Buffer
	for i, p := range pairs {
		if i == 20 {
			b.WriteString(" …")
			break
		}
		fmt.Fprintf(&b, " %q=%.20q", p.key, p.value)
	}
	return b.String()
}
