package state_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// timedModel is what a window or session store should hold: straightforward, in
// a map, and without segments but for the order.
type timedModel struct {
	retention int64
	inMemory  bool
	entries   map[modelKey]modelValue
	observed  int64
	dropped   int
	puts      int
}

type modelKey struct {
	key        string
	start, end int64
	twin       int // of windows with duplicates
}

type modelValue struct {
	value string
	at    int64
}

func (m *timedModel) clone() *timedModel {
	c := *m
	c.entries = maps.Clone(m.entries)
	return &c
}

func (m *timedModel) segment(at int64) int64 {
	if at < 0 {
		return -1
	}
	return at / max(m.retention/2, 60_000)
}

// put follows a put, or a delete with nil; position is what the entry expires by.
func (m *timedModel) put(k modelKey, position int64, v *modelValue) {
	m.observed = max(m.observed, position)
	edge := m.observed - m.retention
	if m.inMemory && position <= edge || m.segment(position) < m.segment(edge) {
		m.dropped++
		return
	}
	if v == nil {
		delete(m.entries, k)
	} else {
		m.entries[k] = *v
	}
}

// pick returns the entries that are there and that want accepts, in the order of
// the store. sessions says by which of start and end they lie.
func (m *timedModel) pick(sessions, reverse bool, want func(modelKey) bool) []string {
	position := func(k modelKey) int64 {
		if sessions {
			return k.end
		}
		return k.start
	}
	var keys []modelKey
	for k := range m.entries {
		if position(k) > m.observed-m.retention && want(k) {
			keys = append(keys, k)
		}
	}
	bytewise := func(k modelKey) string {
		b := binary.BigEndian.AppendUint64([]byte(k.key), uint64(position(k)))
		return string(binary.BigEndian.AppendUint64(b, uint64(k.start)))
	}
	slices.SortFunc(keys, func(a, b modelKey) int {
		if m.inMemory {
			return cmp.Or(cmp.Compare(position(a), position(b)), cmp.Compare(a.key, b.key),
				cmp.Compare(a.start, b.start), cmp.Compare(a.twin, b.twin))
		}
		return cmp.Or(cmp.Compare(m.segment(position(a)), m.segment(position(b))),
			cmp.Compare(bytewise(a), bytewise(b)), cmp.Compare(a.twin, b.twin))
	})
	if reverse {
		slices.Reverse(keys)
	}
	var all []string
	for _, k := range keys {
		v := m.entries[k]
		all = append(all, fmt.Sprintf("%q@%d/%d=%s@%d", k.key, k.start, k.end, v.value, v.at))
	}
	return all
}

func entryText(e state.Entry[window.Key[string], string]) string {
	return fmt.Sprintf("%q@%d/%d=%s@%d", e.Key.Key, e.Key.Start, e.Key.End, e.Value, e.Time.UnixMilli())
}

var modelKeys = []string{"", "a", "a\x00", "aa", "ab", "b", "b\xff", "\xff\xff"}

// walk is times that mostly rise, with some late ones and some jumps.
type walk struct {
	rng  *rand.Rand
	now  int64
	step int64
}

func (w *walk) next() int64 {
	switch w.rng.IntN(40) {
	case 0:
		w.now += w.rng.Int64N(20 * w.step)
	case 1:
		w.now += w.rng.Int64N(100_000) // into another segment
	case 2:
		return max(0, w.now-w.rng.Int64N(600_000))
	case 3, 4, 5, 6, 7:
		return max(0, w.now-w.rng.Int64N(10*w.step))
	default:
		w.now += w.rng.Int64N(w.step)
	}
	return w.now
}

type windowCase struct {
	retention, step int64
	inMemory, twins bool
	headers         bool
}

func windowCases() []windowCase {
	var all []windowCase
	for _, retention := range []int64{1, 100, 90_000, 400_000} {
		for i := range 8 {
			all = append(all, windowCase{retention, max(1, retention/10), i&1 > 0, i&2 > 0, i&4 > 0})
		}
	}
	return all
}

func (c windowCase) String() string {
	return fmt.Sprintf("retention %d, in memory %v, duplicates %v, headers %v", c.retention, c.inMemory, c.twins, c.headers)
}

func (c windowCase) options() []state.Option {
	opts := []state.Option{state.Retention(time.Duration(c.retention) * time.Millisecond)}
	if c.inMemory {
		opts = append(opts, state.InMemory())
	}
	if c.twins {
		opts = append(opts, state.Duplicates(), state.WindowSize(10*time.Millisecond))
	}
	if c.headers {
		opts = append(opts, state.WithHeaders())
	}
	return opts
}

const windowsSize = 10 // of stores with duplicates, for a change

func TestWindowStoreModel(t *testing.T) {
	for name, opener := range engines(t) {
		for i, c := range windowCases() {
			if c.inMemory && opener != nil {
				continue
			}
			steps := 1500
			if name == "pebble" {
				if i%3 > 0 {
					continue
				}
				steps = 500
			}
			t.Run(name+", "+c.String(), func(t *testing.T) {
				spec := state.Windows("win", serde.String, serde.String, c.options()...)
				b := newBed(t, spec.Define(), opener)
				m := &timedModel{retention: c.retention, inMemory: c.inMemory, entries: map[modelKey]modelValue{}, observed: -1}
				w := &windowRun{bed: b, c: c, model: m, rng: rand.New(rand.NewPCG(uint64(i), 5))}
				w.walk = walk{rng: w.rng, step: c.step}
				if c.twins {
					w.walk.now = 1 << 40 // far from where a sequence number could look like a time
				}
				w.run(steps)
			})
		}
	}
}

type windowRun struct {
	*bed
	c         windowCase
	model     *timedModel
	committed *timedModel
	rng       *rand.Rand
	walk      walk
}

func (w *windowRun) windows() *state.WindowStore[string, string] {
	return w.store.(*state.WindowStore[string, string])
}

func (w *windowRun) run(steps int) {
	w.committed = w.model.clone()
	for range steps {
		switch n := w.rng.IntN(100); {
		case n < 60:
			w.put()
		case n < 64 && !w.c.twins:
			w.delete()
		case n < 90:
			w.read()
		case n < 97:
			w.commit()
			w.committed = w.model.clone()
			if w.rng.IntN(3) == 0 {
				w.writeOut(w.rng.IntN(2) == 0)
				w.nothingExpired()
			}
		default:
			if w.rng.IntN(2) == 0 {
				w.compact()
			}
			w.crash(w.rng.IntN(3) == 0)
			dropped := w.model.dropped
			w.model = w.committed.clone()
			w.model.dropped = dropped
		}
		if w.in.dropped != w.model.dropped {
			w.t.Fatalf("%d dropped, want %d", w.in.dropped, w.model.dropped)
		}
	}
	if len(w.model.entries) == 0 || w.model.dropped == 0 && steps > 1000 {
		w.t.Errorf("%d entries at the end, %d dropped: a weak run", len(w.model.entries), w.model.dropped)
	}
}

func (w *windowRun) key() string { return modelKeys[w.rng.IntN(len(modelKeys))] }

func (w *windowRun) modelKey(k string, start int64) modelKey {
	mk := modelKey{key: k, start: start, end: start}
	if w.c.twins {
		mk.end += windowsSize
		w.model.puts++
		mk.twin = w.model.puts
	}
	return mk
}

func (w *windowRun) put() {
	k, start := w.key(), w.walk.next()
	w.in.now = w.rng.Int64N(1000)
	v := fmt.Sprint("v", w.rng.IntN(1000))
	w.check(w.windows().Put(k, v, time.UnixMilli(start)))
	w.model.put(w.modelKey(k, start), start, &modelValue{v, w.in.now})
}

func (w *windowRun) delete() {
	k, start := w.key(), w.walk.next()
	w.check(w.windows().Delete(k, time.UnixMilli(start)))
	w.model.put(w.modelKey(k, start), start, nil)
}

func (w *windowRun) read() {
	w.t.Helper()
	k, k2, from := w.key(), w.key(), w.walk.next()
	to := from + w.rng.Int64N(5*w.c.step) - w.c.step
	reverse := w.rng.IntN(2) == 0
	at := func(k modelKey) bool { return k.start >= from && k.start <= to }
	s := w.windows()
	lo, hi := time.UnixMilli(from), time.UnixMilli(to)
	either := func(a, b func(func(state.Entry[window.Key[string], string], error) bool)) []string {
		if reverse {
			a = b
		}
		return collect(w.t, a, entryText)
	}
	var got []string
	var want func(modelKey) bool
	switch w.rng.IntN(7) {
	case 0:
		got = either(s.FetchRange(k, lo, hi), s.FetchRangeReverse(k, lo, hi))
		want = func(m modelKey) bool { return at(m) && m.key == k }
	case 1:
		got = either(s.FetchKeys(k, k2, lo, hi), s.FetchKeysReverse(k, k2, lo, hi))
		want = func(m modelKey) bool { return at(m) && m.key >= k && m.key <= k2 }
	case 2:
		got = either(s.FetchKeysFrom(k, lo, hi), s.FetchKeysFromReverse(k, lo, hi))
		want = func(m modelKey) bool { return at(m) && m.key >= k }
	case 3:
		got = either(s.FetchKeysTo(k, lo, hi), s.FetchKeysToReverse(k, lo, hi))
		want = func(m modelKey) bool { return at(m) && m.key <= k }
	case 4:
		got = either(s.FetchAll(lo, hi), s.FetchAllReverse(lo, hi))
		want = at
	case 5:
		got = either(s.All(), s.AllReverse())
		want = func(modelKey) bool { return true }
	case 6:
		w.fetch(k, from)
		return
	}
	if expected := w.model.pick(false, reverse, want); !slices.Equal(got, expected) {
		w.t.Fatalf("keys %q %q from %d to %d reverse %v, observed %d:\n%q, want\n%q", k, k2, from, to, reverse, w.model.observed, got, expected)
	}
}

func (w *windowRun) fetch(k string, start int64) {
	w.t.Helper()
	v, ok, err := w.windows().Fetch(k, time.UnixMilli(start))
	w.check(err)
	want, there := w.model.entries[modelKey{key: k, start: start, end: start}]
	there = there && start > w.model.observed-w.model.retention
	if ok != there || ok && v != want.value {
		w.t.Fatalf("fetch %q %d: %q %v, want %q %v", k, start, v, ok, want.value, there)
	}
}

// nothingExpired says that segments that expired are gone.
func (w *windowRun) nothingExpired() {
	w.t.Helper()
	_, lowest := w.raw()
	live := w.model.segment(w.model.observed - w.model.retention)
	if lowest != nil && int64(binary.BigEndian.Uint64(lowest)) < live {
		w.t.Fatalf("segment %x is still there, the first live one is %d", lowest, live)
	}
}
