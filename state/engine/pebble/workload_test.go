package pebble_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// workload commits random batches, each with its number under the key seq, and
// knows the state after each of them.
type workload struct {
	rnd    *rand.Rand
	states []map[string]string // after so many batches
}

const seqKey = "seq"

// secret is in all keys, to be found in texts where it must not be.
const secret = "geheim"

func newWorkload(seed uint64) *workload {
	return &workload{
		rnd:    rand.New(rand.NewPCG(seed, 2)),
		states: []map[string]string{{}},
	}
}

// batches is how many were made.
func (w *workload) batches() int { return len(w.states) - 1 }

func (w *workload) key() string { return fmt.Sprintf("%s%03d", secret, w.rnd.IntN(500)) }

func (w *workload) value(limit int) string {
	value := make([]byte, w.rnd.IntN(limit))
	for i := range value {
		value[i] = byte(w.rnd.Uint32() >> 28) // packs to half
	}
	return string(value)
}

// fill puts the next batch into b.
func (w *workload) fill(b engine.Batch) {
	state := maps.Clone(w.states[len(w.states)-1])
	ops, limit := w.rnd.IntN(40), 2<<10
	if w.rnd.IntN(15) == 0 { // too large for the memtable
		limit = 40 << 10
	}
	set := func(k, v string) {
		b.Set([]byte(k), []byte(v))
		state[k] = v
	}
	set(seqKey, strconv.Itoa(len(w.states)))
	for range ops {
		switch n := w.rnd.IntN(20); {
		case n < 15:
			set(w.key(), w.value(limit))
		case n < 19:
			k := w.key()
			b.Delete([]byte(k))
			delete(state, k)
		default:
			lo := w.key()
			hi := lo + "~"
			if w.rnd.IntN(3) == 0 {
				hi = lo[:len(lo)-1] + "~"
			}
			b.DeleteRange([]byte(lo), []byte(hi))
			maps.DeleteFunc(state, func(k, _ string) bool { return k >= lo && k < hi })
		}
	}
	w.states = append(w.states, state)
}

// run commits n batches and flushes now and then.
func (w *workload) run(t *testing.T, e engine.Engine, n int) {
	t.Helper()
	for range n {
		b := e.NewBatch()
		w.fill(b)
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if w.rnd.IntN(10) == 0 {
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// check says after how many batches r is, or what is wrong with it.
func (w *workload) check(r engine.Reader) (n int, err error) {
	value, ok, err := r.Get(nil, []byte(seqKey))
	if err != nil {
		return 0, err
	}
	if ok {
		if n, err = strconv.Atoi(string(value)); err != nil || n >= len(w.states) {
			return 0, fmt.Errorf("batch number %q of %d", value, w.batches())
		}
	}
	want := w.states[n]
	it, err := r.Scan(nil, nil, w.rnd.IntN(2) == 0)
	if err != nil {
		return 0, err
	}
	got := map[string]string{}
	for it.Next() {
		got[string(it.Key())] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		return 0, err
	}
	if !maps.Equal(got, want) {
		return 0, fmt.Errorf("torn: batch number %d with %s", n, difference(got, want))
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		value, ok, err := r.Get(value[:0], []byte(k))
		if err != nil {
			return 0, err
		}
		if !ok || string(value) != want[k] {
			return 0, fmt.Errorf("torn: batch number %d, get %s: %v", n, k, ok)
		}
	}
	return n, nil
}

func difference(got, want map[string]string) string {
	var b strings.Builder
	for k := range got {
		if v, ok := want[k]; !ok || v != got[k] {
			fmt.Fprintf(&b, " %s too much or other", k)
		}
	}
	for k := range want {
		if _, ok := got[k]; !ok {
			fmt.Fprintf(&b, " %s missing", k)
		}
	}
	return b.String()
}

// mustHold checks that e is after batch number n.
func (w *workload) mustHold(t *testing.T, e *pebble.DB, n int) {
	t.Helper()
	got, err := w.check(e)
	if err != nil {
		t.Fatal(err)
	}
	if got != n {
		t.Fatalf("state after batch %d, want %d", got, n)
	}
}
