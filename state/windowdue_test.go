package state_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// What is to be emitted comes once, by time and key, however far time jumps and
// whatever is lost and restored in between: an emission that was not committed is
// repeated, one that was is not.
func TestEmitWindows(t *testing.T) {
	for name, opener := range engines(t) {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				retention := []int64{10, 1000, 200_000}[seed%3]
				spec := state.Windows("win", serde.String, serde.String, state.Retention(time.Duration(retention)*time.Millisecond))
				def := spec.Define()
				def.EmitOnClose = true
				e := &emitRun{bed: newBed(t, def, opener), rng: rand.New(rand.NewPCG(seed, 7)), due: map[modelKey]string{}, progress: -1}
				e.walk = walk{rng: e.rng, step: max(2, retention/10)}
				e.run()
			})
		}
	}
}

type emitRun struct {
	*bed
	rng      *rand.Rand
	walk     walk
	due      map[modelKey]string // what was put and not emitted
	progress int64               // start up to which all was emitted
	emitted  int
}

func (e *emitRun) windows() *state.WindowStore[string, string] {
	return e.store.(*state.WindowStore[string, string])
}

func (e *emitRun) run() {
	e.check(e.windows().StartEmitting(e.progress))
	due, progress := clone(e.due), e.progress
	for range 800 {
		switch n := e.rng.IntN(100); {
		case n < 75:
			e.put()
		case n < 88:
			e.emit()
		case n < 97:
			e.commit()
			due, progress = clone(e.due), e.progress
			if e.rng.IntN(2) == 0 {
				e.writeOut(e.rng.IntN(2) == 0)
			}
		default:
			e.crash(e.rng.IntN(3) == 0)
			e.due, e.progress = clone(due), progress
			e.check(e.windows().StartEmitting(e.progress))
		}
	}
	e.walk.now += 1 << 40
	e.emit()
	if len(e.due) > 0 || e.emitted < 50 {
		e.t.Errorf("%d are left, %d were emitted", len(e.due), e.emitted)
	}
	e.commit()
	e.put()
	e.commit()
	e.writeOut(true)
	if n, _ := e.raw(); n > 1 {
		e.t.Errorf("%d entries are left", n)
	}
}

func clone(m map[modelKey]string) map[modelKey]string {
	c := make(map[modelKey]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (e *emitRun) put() {
	k := modelKey{key: modelKeys[e.rng.IntN(len(modelKeys))]}
	// An operator puts no window that has closed, and so none that has expired.
	k.start = max(e.progress+1, e.walk.next(), e.walk.now-e.def.RetentionMillis+1)
	e.walk.now = max(e.walk.now, k.start)
	v := fmt.Sprint("v", e.rng.IntN(1000))
	_, had := e.due[k]
	wk := window.Key[string]{Key: k.key, Start: k.start}
	_, _, err := e.windows().Update(wk, v, true, k.start, nil)
	e.check(err)
	if !had {
		e.check(e.windows().Created(wk))
	}
	e.due[k] = v
}

func (e *emitRun) emit() {
	e.t.Helper()
	upTo := e.walk.now - e.rng.Int64N(2*e.walk.step)
	if upTo <= e.progress {
		return
	}
	var want []string
	var keys []modelKey
	for k := range e.due {
		if k.start <= upTo {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b modelKey) int {
		if a.start != b.start {
			return int(a.start - b.start)
		}
		return map[bool]int{true: -1, false: 1}[a.key < b.key]
	})
	for _, k := range keys {
		want = append(want, fmt.Sprintf("%q@%d=%s", k.key, k.start, e.due[k]))
		delete(e.due, k)
	}
	var got []string
	e.check(e.windows().Emit(upTo, func(k window.Key[string], v string, at int64) error {
		if at != k.Start {
			e.t.Errorf("window %v has time %d", k, at)
		}
		got = append(got, fmt.Sprintf("%q@%d=%s", k.Key, k.Start, v))
		return nil
	}))
	if !slices.Equal(got, want) {
		e.t.Fatalf("emitted up to %d: %q, want %q", upTo, got, want)
	}
	e.progress = upTo
	e.emitted += len(got)
}

// Sessions that were joined are not emitted, the others by end, start and key.
func TestEmitSessions(t *testing.T) {
	for name, opener := range engines(t) {
		t.Run(name, func(t *testing.T) {
			def := state.Sessions("ses", serde.String, serde.String, state.Retention(10*time.Millisecond)).Define()
			def.EmitOnClose = true
			b := newBed(t, def, opener)
			sessions := func() *state.SessionStore[string, string] { return b.store.(*state.SessionStore[string, string]) }
			put := func(k string, start, end int64) {
				wk := window.Key[string]{Key: k, Start: start, End: end}
				b.check(sessions().Put(wk, k))
				b.check(sessions().Created(wk))
			}
			b.check(sessions().StartEmitting(math.MinInt64))
			put("b", 5, 9)
			put("a", 5, 9)
			put("c", 2, 9)
			put("a", 1, 3)
			put("z", 0, 0)
			b.commit()
			joined := window.Key[string]{Key: "a", Start: 1, End: 3}
			b.check(sessions().Remove(joined))
			b.check(sessions().Removed(joined))
			b.commit()
			b.writeOut(true)
			put("far", 1_000_000, 1_000_000)
			b.commit()
			b.crash(false)
			b.check(sessions().StartEmitting(0)) // z was emitted before
			var got []string
			b.check(sessions().Emit(999_999, func(k window.Key[string], v string) error {
				got = append(got, fmt.Sprintf("%s@%d/%d", v, k.Start, k.End))
				return nil
			}))
			if want := []string{"c@2/9", "a@5/9", "b@5/9"}; !slices.Equal(got, want) {
				t.Errorf("emitted %q, want %q", got, want)
			}
		})
	}
}

// A retention that changes, and with it the length of the segments, finds the
// entries of before, and so does a store that begins to emit on close.
func TestRearrange(t *testing.T) {
	for name, opener := range engines(t) {
		if opener == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			def := state.Windows("win", serde.String, serde.String, state.Retention(time.Hour)).Define()
			b := newBed(t, def, opener)
			windows := func() *state.WindowStore[string, string] { return b.store.(*state.WindowStore[string, string]) }
			for i := range int64(100) {
				b.check(windows().Put(fmt.Sprint("k", i%7), fmt.Sprint("v", i), time.UnixMilli(i*30_000)))
			}
			b.commit()
			b.writeOut(true)
			texts := func() []string {
				all := collect(t, windows().All(), entryText)
				slices.Sort(all)
				return all
			}
			want := texts()
			for _, change := range []struct {
				hours int64
				emit  bool
				due   int
			}{{5, false, 0}, {2, false, 0}, {2, true, 100}, {2, true, 0}, {4, false, 0}, {4, true, 100}} {
				def.RetentionMillis, def.EmitOnClose = change.hours*3_600_000, change.emit
				b.crash(false)
				if got := texts(); !slices.Equal(got, want) {
					t.Fatalf("retention %d: %q, want %q", def.RetentionMillis, got, want)
				}
				if def.EmitOnClose {
					b.check(windows().StartEmitting(-1))
					n := 0
					b.check(windows().Emit(1<<40, func(window.Key[string], string, int64) error { n++; return nil }))
					if n != change.due {
						t.Fatalf("%d windows are due, want %d", n, change.due)
					}
				}
				b.commit()
				b.writeOut(true)
			}
		})
	}
}
