package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

func TestSessionStoreModel(t *testing.T) {
	for name, opener := range engines(t) {
		for i, c := range windowCases() {
			if c.twins || c.inMemory && opener != nil || name == "pebble" && i%3 > 0 {
				continue
			}
			t.Run(name+", "+c.String(), func(t *testing.T) {
				spec := state.Sessions("ses", serde.String, serde.String, c.options()...)
				b := newBed(t, spec.Define(), opener)
				m := &timedModel{retention: c.retention, inMemory: c.inMemory, entries: map[modelKey]modelValue{}, observed: -1}
				s := &sessionRun{bed: b, c: c, model: m, rng: rand.New(rand.NewPCG(uint64(i), 6))}
				s.walk = walk{rng: s.rng, step: c.step}
				steps := 1500
				if name == "pebble" {
					steps = 500
				}
				s.run(steps)
			})
		}
	}
}

type sessionRun struct {
	*bed
	c                windowCase
	model, committed *timedModel
	rng              *rand.Rand
	walk             walk
}

func (s *sessionRun) sessions() *state.SessionStore[string, string] {
	return s.store.(*state.SessionStore[string, string])
}

func (s *sessionRun) run(steps int) {
	s.committed = s.model.clone()
	for range steps {
		switch n := s.rng.IntN(100); {
		case n < 60:
			s.put(false)
		case n < 66:
			s.put(true)
		case n < 90:
			s.read()
		case n < 97:
			s.commit()
			s.committed = s.model.clone()
			if s.rng.IntN(3) == 0 {
				s.writeOut(s.rng.IntN(2) == 0)
			}
		default:
			if s.rng.IntN(2) == 0 {
				s.compact()
			}
			s.crash(s.rng.IntN(3) == 0)
			dropped := s.model.dropped
			s.model = s.committed.clone()
			s.model.dropped = dropped
		}
		if s.in.dropped != s.model.dropped {
			s.t.Fatalf("%d dropped, want %d", s.in.dropped, s.model.dropped)
		}
	}
	if len(s.model.entries) == 0 || s.model.dropped == 0 && steps > 1000 {
		s.t.Errorf("%d entries at the end, %d dropped: a weak run", len(s.model.entries), s.model.dropped)
	}
}

func (s *sessionRun) key() string { return modelKeys[s.rng.IntN(len(modelKeys))] }

func (s *sessionRun) put(remove bool) {
	end := s.walk.next()
	k := modelKey{key: s.key(), end: end, start: max(0, end-s.rng.Int64N(3*s.c.step))}
	for old := range s.model.entries { // of which some are hit again
		if s.rng.IntN(2) == 0 {
			k = old
		}
		break
	}
	wk := window.Key[string]{Key: k.key, Start: k.start, End: k.end}
	if remove {
		s.check(s.sessions().Remove(wk))
		s.model.put(k, k.end, nil)
		return
	}
	v := fmt.Sprint("v", s.rng.IntN(1000))
	s.check(s.sessions().Put(wk, v))
	s.model.put(k, k.end, &modelValue{v, k.end})
}

func (s *sessionRun) read() {
	s.t.Helper()
	k, k2, end := s.key(), s.key(), s.walk.next()
	start := end + s.rng.Int64N(5*s.c.step) - 2*s.c.step
	reverse := s.rng.IntN(2) == 0
	st := s.sessions()
	lo, hi := time.UnixMilli(end), time.UnixMilli(start)
	overlaps := func(m modelKey) bool { return m.end >= end && m.start <= start }
	either := func(a, b func(func(state.Entry[window.Key[string], string], error) bool)) []string {
		if reverse {
			a = b
		}
		return collect(s.t, a, entryText)
	}
	var got []string
	var want func(modelKey) bool
	switch s.rng.IntN(8) {
	case 0:
		got = either(st.Find(k, lo, hi), st.FindReverse(k, lo, hi))
		want = func(m modelKey) bool { return overlaps(m) && m.key == k }
	case 1:
		got = either(st.FindKeys(k, k2, lo, hi), st.FindKeysReverse(k, k2, lo, hi))
		want = func(m modelKey) bool { return overlaps(m) && m.key >= k && m.key <= k2 }
	case 2:
		got = either(st.Fetch(k), st.FetchReverse(k))
		want = func(m modelKey) bool { return m.key == k }
	case 3:
		got = either(st.FetchKeys(k, k2), st.FetchKeysReverse(k, k2))
		want = func(m modelKey) bool { return m.key >= k && m.key <= k2 }
	case 4:
		got = either(st.FetchKeysFrom(k), st.FetchKeysFromReverse(k))
		want = func(m modelKey) bool { return m.key >= k }
	case 5:
		got = either(st.FetchKeysTo(k), st.FetchKeysToReverse(k))
		want = func(m modelKey) bool { return m.key <= k }
	case 6:
		got = either(st.All(), st.AllReverse())
		want = func(modelKey) bool { return true }
	case 7:
		s.fetchSession()
		return
	}
	if expected := s.model.pick(true, reverse, want); !slices.Equal(got, expected) {
		s.t.Fatalf("keys %q %q, end %d, start %d, reverse %v, observed %d:\n%q, want\n%q", k, k2, end, start, reverse, s.model.observed, got, expected)
	}
}

func (s *sessionRun) fetchSession() {
	s.t.Helper()
	for k, want := range s.model.entries {
		there := k.end > s.model.observed-s.model.retention
		v, ok, err := s.sessions().FetchSession(k.key, time.UnixMilli(k.start), time.UnixMilli(k.end))
		s.check(err)
		if ok != there || ok && v != want.value {
			s.t.Fatalf("session %+v: %q %v, want %q %v", k, v, ok, want.value, there)
		}
		_, ok, err = s.sessions().FetchSession(k.key, time.UnixMilli(k.start), time.UnixMilli(k.end+1))
		s.check(err)
		if _, other := s.model.entries[modelKey{key: k.key, start: k.start, end: k.end + 1}]; ok && !other {
			s.t.Fatalf("session %+v is found with a later end", k)
		}
		return
	}
}
