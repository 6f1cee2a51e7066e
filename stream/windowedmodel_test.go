package stream_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

const milli = time.Millisecond

type nullText = serde.Null[string]

var (
	nullTexts = serde.Nullable(serde.String)
	nullIn    = topology.NewTopic("in", serde.String, nullTexts)
)

// model says what Kafka Streams would do, record by record, in the plainest way.
type model interface {
	process(k, v string, t int64)
	// restart is what a model forgets when a task is restored.
	restart()
	clone() model
	results() *outcome
}

// outcome is what a model sends and counts.
type outcome struct {
	updates []string          // in order
	rows    map[string]string // the last update of each row
	dropped int64
}

func (r *outcome) results() *outcome { return r }

func (r *outcome) cloned() outcome {
	return outcome{slices.Clone(r.updates), maps.Clone(r.rows), r.dropped}
}

func (r *outcome) send(k string, start, end int64, v string, at int64) {
	row := fmt.Sprintf("%s@%d/%d", k, start, end)
	update := fmt.Sprintf("%s=%s at %d", row, v, at)
	r.updates = append(r.updates, update)
	r.rows[row] = update
}

type spot struct {
	k          string
	start, end int64
}

type held struct {
	v  string
	at int64
}

// alignedModel is tumbling and hopping windows.
type alignedModel struct {
	outcome
	size, advance, grace int64
	emit                 bool
	now, highest, closed int64
	windows              map[spot]held
	emitted              map[spot]bool
}

func newAlignedModel(size, advance, grace int64, emit bool) *alignedModel {
	return &alignedModel{
		outcome: outcome{rows: map[string]string{}}, size: size, advance: advance, grace: grace, emit: emit,
		now: -1, highest: -1, closed: -1, windows: map[spot]held{}, emitted: map[spot]bool{},
	}
}

func (m *alignedModel) clone() model {
	c := *m
	c.outcome, c.windows, c.emitted = m.cloned(), maps.Clone(m.windows), maps.Clone(m.emitted)
	return &c
}

func (m *alignedModel) restart() {
	m.now = m.highest
	if m.emit && m.closed >= 0 {
		m.now = max(m.now, m.closed+m.grace)
	}
}

func (m *alignedModel) process(k, v string, t int64) {
	m.now = max(m.now, t)
	closed := m.now - m.grace
	for start := int64(0); start <= t; start += m.advance {
		s := spot{k, start, start + m.size}
		switch {
		case s.end <= t:
			continue
		case s.end <= closed:
			m.dropped++
			continue
		}
		h := m.windows[s]
		h = held{h.v + v, max(h.at, t)}
		m.windows[s] = h
		m.highest = max(m.highest, start)
		if !m.emit {
			m.send(k, s.start, s.end, h.v, h.at)
		}
	}
	if !m.emit || closed <= m.closed {
		return
	}
	m.closed = closed
	due := slices.SortedFunc(maps.Keys(m.windows), func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.k, b.k))
	})
	for _, s := range due {
		if s.end <= closed && !m.emitted[s] {
			m.emitted[s] = true
			m.send(s.k, s.start, s.end, m.windows[s].v, m.windows[s].at)
		}
	}
}

// sessionModel is sessions.
type sessionModel struct {
	outcome
	gap, grace           int64
	emit, inMemory       bool
	now, highest, closed int64
	sessions             map[spot]string
	emitted              map[spot]bool
}

func newSessionModel(gap, grace int64, emit, inMemory bool) *sessionModel {
	return &sessionModel{
		outcome: outcome{rows: map[string]string{}}, gap: gap, grace: grace, emit: emit, inMemory: inMemory,
		now: -1, highest: -1, closed: -1, sessions: map[spot]string{}, emitted: map[spot]bool{},
	}
}

func (m *sessionModel) clone() model {
	c := *m
	c.outcome, c.sessions, c.emitted = m.cloned(), maps.Clone(m.sessions), maps.Clone(m.emitted)
	return &c
}

func (m *sessionModel) restart() {
	m.now = m.highest
	if m.emit && m.closed >= 0 {
		m.now = max(m.now, m.closed+m.gap+m.grace)
	}
}

func (m *sessionModel) process(k, v string, t int64) {
	m.now = max(m.now, t)
	closed := m.now - m.gap - m.grace
	merged := spot{k, t, t}
	var found []spot
	for s := range m.sessions {
		if s.k == k && s.end >= t-m.gap && s.start <= t+m.gap && s.end > m.highest-m.gap-m.grace {
			found = append(found, s)
			merged.start, merged.end = min(merged.start, s.start), max(merged.end, s.end)
		}
	}
	slices.SortFunc(found, byEnd)
	if merged.end < closed {
		m.dropped++
	} else {
		m.update(merged, found, v, merged == spot{k, t, t})
	}
	if !m.emit || closed <= m.closed {
		return
	}
	m.closed = closed
	for _, s := range slices.SortedFunc(maps.Keys(m.sessions), byEnd) {
		if s.end < closed && !m.emitted[s] {
			m.emitted[s] = true
			m.send(s.k, s.start, s.end, m.sessions[s], s.end)
		}
	}
}

func byEnd(a, b spot) int {
	return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.start, b.start), cmp.Compare(a.k, b.k))
}

func (m *sessionModel) update(merged spot, found []spot, v string, alone bool) {
	agg := ""
	for _, s := range found {
		agg = "(" + agg + m.sessions[s] + ")"
		if !alone {
			delete(m.sessions, s)
			if !m.emit {
				m.send(s.k, s.start, s.end, "null", s.end)
			}
		}
	}
	m.sessions[merged] = agg + v
	m.highest = max(m.highest, merged.end)
	if m.inMemory && merged.end <= m.highest-m.gap-m.grace {
		m.dropped++ // by the store, which does not return it
	}
	if !m.emit {
		m.send(merged.k, merged.start, merged.end, agg+v, merged.end)
	}
}

// scene is one topology and its model.
type scene struct {
	name  string
	build func(b *stream.Builder, g *stream.KGroupedStream[string, nullText]) *table.KTable[window.Key[string], string]
	model func() model
	key   serde.Serde[window.Key[string]]
	emit  bool
}

func scenes(inMemory bool) []scene {
	var opts []state.Option
	if inMemory {
		opts = append(opts, state.InMemory())
	}
	add := func(_ string, v nullText, sum string) string { return sum + letter(v) }
	empty := func() string { return "" }
	var all []scene
	for _, emit := range []bool{false, true} {
		for _, w := range [][3]int64{{10, 10, 0}, {10, 10, 25}, {10, 3, 7}, {12, 4, 0}} {
			all = append(all, scene{
				name: fmt.Sprintf("size %d advance %d grace %d emit %v", w[0], w[1], w[2], emit),
				build: func(b *stream.Builder, g *stream.KGroupedStream[string, nullText]) *table.KTable[window.Key[string], string] {
					by := g.WindowedBy(window.Hopping(time.Duration(w[0])*milli, time.Duration(w[1])*milli).Grace(time.Duration(w[2]) * milli))
					if emit {
						by = by.EmitOnClose()
					}
					return by.Aggregate(empty, add, state.Windows("store", serde.String, serde.String, opts...))
				},
				model: func() model { return newAlignedModel(w[0], w[1], w[2], emit) },
				key:   serde.TimeWindowedMillis(serde.String, w[0]), emit: emit,
			})
		}
		for _, w := range [][2]int64{{5, 0}, {5, 20}, {0, 10}} {
			all = append(all, scene{
				name: fmt.Sprintf("gap %d grace %d emit %v", w[0], w[1], emit),
				build: func(b *stream.Builder, g *stream.KGroupedStream[string, nullText]) *table.KTable[window.Key[string], string] {
					by := g.WindowedBySession(window.Session(time.Duration(w[0]) * milli).Grace(time.Duration(w[1]) * milli))
					if emit {
						by = by.EmitOnClose()
					}
					merge := func(_, a, b string) string { return "(" + a + b + ")" }
					return by.Aggregate(empty, add, merge, state.Sessions("store", serde.String, serde.String, opts...))
				},
				model: func() model { return newSessionModel(w[0], w[1], emit, inMemory) },
				key:   serde.SessionWindowed(serde.String), emit: emit,
			})
		}
	}
	return all
}

func letter(v nullText) string {
	if !v.Valid {
		return "~"
	}
	return v.V
}

// variants are the ways to keep the state.
func variants(t testing.TB) map[string]engine.Opener {
	p := pebble.New(pebble.Options{})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return map[string]engine.Opener{"layers": nil, "memory": memory.Opener{}, "pebble": p}
}

// Windows and sessions do record by record what the models say, with late
// records and nulls, through crashes that lose files or don't, and cached or not.
func TestWindowedModels(t *testing.T) {
	for name, opener := range variants(t) {
		for _, cache := range []int{0, 1 << 20, 300} {
			for i, sc := range scenes(opener == nil && cache == 300) {
				if name == "pebble" && i%3 != cache%3 {
					continue
				}
				t.Run(fmt.Sprintf("%s, cache %d, %s", name, cache, sc.name), func(t *testing.T) {
					runScene(t, sc, opener, cache, uint64(i))
				})
			}
		}
	}
}

func runScene(t *testing.T, sc scene, opener engine.Opener, cache int, seed uint64) {
	b := stream.NewBuilder(stream.CachedTables())
	sc.build(b, b.Stream(nullIn).GroupByKey()).To(topology.NewTopic("out", sc.key, serde.String))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	j, m := newJob(t, top, opener, cache), sc.model()
	committed := m.clone()
	type input struct {
		k, v string
		t    int64
	}
	var since []input // the last commit
	now := int64(0)
	for range 600 {
		switch n := rng.IntN(60); {
		case n == 0:
			now += rng.Int64N(300)
		case n < 30:
			now += rng.Int64N(4)
		}
		at := now
		if rng.IntN(4) == 0 {
			at = max(0, now-rng.Int64N(50))
		}
		in := input{k: string(rune('a' + rng.IntN(4))), v: string(rune('A' + rng.IntN(26))), t: at}
		value := []byte(in.v)
		if rng.IntN(10) == 0 {
			in.v, value = "~", nil
		}
		j.send([]byte(in.k), value, at)
		m.process(in.k, in.v, at)
		since = append(since, in)
		switch n := rng.IntN(100); {
		case n < 15:
			j.commit()
			committed, since = m.clone(), nil
		case n < 17:
			j.crash(rng.IntN(2) == 0, func() {
				m = committed.clone()
				m.restart()
			})
			for _, in := range since {
				m.process(in.k, in.v, in.t)
			}
		case n < 20:
			j.move(m.restart)
			committed, since = m.clone(), nil
		}
	}
	j.commit()
	compareScene(t, sc, j, m.results(), cache)
}
