package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/state/engine"
)

// defaultSeeds are some that never change and one that nobody has seen.
func defaultSeeds() []uint64 {
	return []uint64{1, 2, 3, rand.Uint64()}
}

func testRandom(t *testing.T, s *suite) {
	for _, seed := range s.seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Logf("replay with storetest.Seed(%d)", seed)
			m := &model{t: t, s: s, e: s.open(t), rnd: rand.New(rand.NewPCG(seed, 0)), state: map[string]string{}}
			for range 3000 {
				m.step()
				if t.Failed() {
					break
				}
			}
			for len(m.views) > 0 {
				m.endView()
			}
			wantAll(t, m.e, sorted(m.state)...)
			finish(t, m.e)
		})
	}
}

// model does the same to an engine and to a map.
type model struct {
	t     *testing.T
	s     *suite
	e     engine.Engine
	rnd   *rand.Rand
	state map[string]string
	views []view
}

// view is an open snapshot or iterator and what it must show.
type view struct {
	snap  engine.Snapshot
	it    engine.Iterator
	state map[string]string // of the snapshot
	rest  []pair            // of the iterator
}

func (m *model) step() {
	switch n := m.rnd.IntN(100); {
	case n < 40:
		m.commit()
	case n < 60:
		m.get(m.e, m.state)
	case n < 75:
		m.scan(m.e, m.state)
	case n < 80:
		m.openView()
	case n < 93:
		m.readView()
	case n < 97:
		m.endView()
	case n < 99:
		if err := m.e.Flush(); err != nil {
			m.t.Errorf("flush: %v", err)
		}
	default:
		m.reopen()
	}
}

// key returns one of few keys, so that writes meet, with the bytes that hurt.
func (m *model) key() []byte {
	const letters = "\x00\x01a\xfe\xff"
	key := make([]byte, 1+m.rnd.IntN(4))
	for i := range key {
		key[i] = letters[m.rnd.IntN(len(letters))]
	}
	return key
}

func (m *model) value() []byte {
	size := m.rnd.IntN(20)
	if m.rnd.IntN(50) == 0 {
		size = m.rnd.IntN(100 << 10)
	}
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(m.rnd.Uint32())
	}
	return value
}

func (m *model) bounds() (lo, hi []byte) {
	lo, hi = m.key(), m.key()
	if m.rnd.IntN(5) == 0 {
		lo = nil
	}
	if m.rnd.IntN(5) == 0 {
		hi = nil
	}
	return lo, hi
}

func (m *model) commit() {
	b := m.e.NewBatch()
	next := maps.Clone(m.state)
	for range m.rnd.IntN(40) {
		switch n := m.rnd.IntN(20); {
		case n < 13:
			k, v := m.key(), m.value()
			b.Set(k, v)
			next[string(k)] = string(v)
		case n < 19:
			k := m.key()
			b.Delete(k)
			delete(next, string(k))
		default:
			lo, hi := m.key(), m.key()
			if m.rnd.IntN(3) > 0 { // a narrow one, mostly
				hi = append(slices.Clone(lo), 0x02)
			}
			b.DeleteRange(lo, hi)
			maps.DeleteFunc(next, func(k, _ string) bool { return k >= string(lo) && k < string(hi) })
		}
	}
	if m.rnd.IntN(10) == 0 {
		b.Discard()
		return
	}
	if err := b.Commit(); err != nil {
		m.t.Errorf("commit: %v", err)
	}
	m.state = next
}

func (m *model) get(r engine.Reader, state map[string]string) {
	k := m.key()
	got, ok, err := r.Get(nil, k)
	want, wantOK := state[string(k)]
	if err != nil || ok != wantOK || string(got) != want {
		m.t.Errorf("get %q: %.40q, %v, %v, want %.40q, %v", k, got, ok, err, want, wantOK)
	}
}

func (m *model) scan(r engine.Reader, state map[string]string) {
	lo, hi := m.bounds()
	reverse := m.rnd.IntN(2) == 0
	wantPairs(m.t, scan(m.t, r, lo, hi, reverse), between(state, lo, hi, reverse))
}

func (m *model) openView() {
	if len(m.views) >= 8 {
		return
	}
	if m.rnd.IntN(2) == 0 {
		snap, err := m.e.Snapshot()
		if err != nil {
			m.t.Fatalf("snapshot: %v", err)
		}
		m.views = append(m.views, view{snap: snap, state: m.state})
		return
	}
	var r engine.Reader = m.e
	state := m.state
	if i := slices.IndexFunc(m.views, func(v view) bool { return v.snap != nil }); i >= 0 {
		r, state = m.views[i].snap, m.views[i].state
	}
	lo, hi := m.bounds()
	reverse := m.rnd.IntN(2) == 0
	it, err := r.Scan(lo, hi, reverse)
	if err != nil {
		m.t.Fatalf("scan: %v", err)
	}
	m.views = append(m.views, view{it: it, rest: between(state, lo, hi, reverse)})
}

// readView reads a bit of a snapshot or iterator.
func (m *model) readView() {
	if len(m.views) == 0 {
		return
	}
	v := &m.views[m.rnd.IntN(len(m.views))]
	if v.snap != nil {
		m.get(v.snap, v.state)
		m.scan(v.snap, v.state)
		return
	}
	for range m.rnd.IntN(10) {
		if ok := v.it.Next(); ok != (len(v.rest) > 0) {
			m.t.Errorf("next: %v with %d entries to come", ok, len(v.rest))
			return
		} else if !ok {
			return
		}
		wantPairs(m.t, []pair{{string(v.it.Key()), string(v.it.Value())}}, v.rest[:1])
		v.rest = v.rest[1:]
	}
}

func (m *model) endView() {
	if len(m.views) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.views))
	v := m.views[i]
	m.views = slices.Delete(m.views, i, i+1)
	if v.snap != nil {
		if err := v.snap.Close(); err != nil {
			m.t.Errorf("close snapshot: %v", err)
		}
	} else if err := v.it.Close(); err != nil {
		m.t.Errorf("close iterator: %v", err)
	}
}

func (m *model) reopen() {
	if m.s.reopen == nil {
		return
	}
	for len(m.views) > 0 {
		m.endView()
	}
	m.e = m.s.reopen(m.t, m.e)
}

func sorted(state map[string]string) []pair { return between(state, nil, nil, false) }

func between(state map[string]string, lo, hi []byte, reverse bool) []pair {
	var pairs []pair
	for _, k := range slices.Sorted(maps.Keys(state)) {
		if k >= string(lo) && (hi == nil || k < string(hi)) {
			pairs = append(pairs, pair{k, state[k]})
		}
	}
	if reverse {
		return reversed(pairs)
	}
	return pairs
}
