package stream_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
)

// holding is an update that a suppression holds.
type holding struct {
	last       fed
	old, prior string // rows before the update, and before the first one; "" for none
	since      int64
}

// size is Kafka Streams' estimate of what an update takes: numbers, the topic
// "in", the key, and the rows, of which equal ones count once.
func (h *holding) size() int {
	n := 28 + len("in") + len(h.last.key) + len(h.last.value) + len(h.prior)
	if h.old != h.prior {
		n += len(h.old)
	}
	return n
}

// suppressModel lets the last update of a key out when the time since the first
// one that waits has passed, or when there is no room for all.
type suppressModel struct {
	wait           int64
	records, bytes int
	rows           map[string]string
	held           []holding // in order
	seen           int64
	early          *int // came out for want of room
}

func (m *suppressModel) clone() crashModel {
	c := *m
	c.rows, c.held = maps.Clone(m.rows), slices.Clone(m.held)
	return &c
}

// restart forgets the time, as Kafka Streams does.
func (m *suppressModel) restart() { m.seen = math.MinInt32 }

func (m *suppressModel) size() (bytes int) {
	for i := range m.held {
		bytes += m.held[i].size()
	}
	return bytes
}

func (m *suppressModel) process(r fed) (out []string) {
	if r.key == "" {
		return nil
	}
	m.seen = max(m.seen, r.at)
	old := m.rows[r.key]
	m.rows[r.key] = r.value
	if i := slices.IndexFunc(m.held, func(h holding) bool { return h.last.key == r.key }); i >= 0 {
		m.held[i].last, m.held[i].old = r, old
	} else {
		m.held = append(m.held, holding{r, old, old, r.at})
		slices.SortFunc(m.held, func(a, b holding) int {
			return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.last.key, b.last.key))
		})
	}
	for len(m.held) > 0 {
		due := m.held[0].since <= m.seen-m.wait
		if !due && len(m.held) <= m.records && m.size() <= m.bytes {
			break
		}
		if !due {
			*m.early++
		}
		h := m.held[0].last
		out = append(out, fmt.Sprintf("%s=%s@%d", h.key, cmp.Or(h.value, "null"), h.at))
		m.held = m.held[1:]
	}
	return out
}

// An update waits until the time limit has passed since the first one of its key
// that waits, or comes out early, the oldest first, when the buffer has more
// records or bytes than it may have; with deletes, null keys and late updates,
// and through crashes.
func TestSuppressModel(t *testing.T) {
	for name, opener := range variants(t) {
		for seed := range uint64(40) {
			if name == "pebble" && seed%5 != 0 {
				continue
			}
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) { runSuppress(t, opener, seed) })
		}
	}
}

func runSuppress(t *testing.T, opener engine.Opener, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 17))
	early := 0
	m := &suppressModel{wait: rng.Int64N(60), records: math.MaxInt, bytes: math.MaxInt, rows: make(map[string]string), seen: -1, early: &early}
	s := table.UntilTimeLimit(time.Duration(m.wait) * milli)
	if seed%4 == 1 || seed%4 == 3 {
		m.wait, m.records = m.wait+30, 1+rng.IntN(5)
		s = table.UntilTimeLimit(time.Duration(m.wait) * milli).MaxRecords(m.records)
	}
	if seed%4 >= 2 {
		m.wait, m.bytes = m.wait+30, 20+rng.IntN(250)
		s = table.UntilTimeLimit(time.Duration(m.wait) * milli).MaxBytes(m.bytes)
		if m.records < math.MaxInt {
			s = s.MaxRecords(m.records)
		}
	}
	b := stream.NewBuilder()
	b.Table(lookupTopic("in")).Materialize(state.KeyValue("rows", serde.String, serde.String)).Suppress(s).Named("wait").To(lookupTopic("out"))
	keys := []string{"a", "b", "bb", "ccc", "d", "e", "f", "a long key"}
	draw := drawer(rng, keys, 30, 5, func(i int) string { return fmt.Sprint(i, strings.Repeat("x", rng.IntN(40))) })
	if n := runModel(t, build(t, b), opener, rng, m, draw); n < 50 {
		t.Errorf("%d updates came out: a weak run", n)
	}
	if limited := seed%4 > 0; limited != (early > 0) {
		t.Errorf("%d updates came out early, limited %v", early, limited)
	}
}
