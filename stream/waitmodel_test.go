package stream_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// waitModel is a stream that waits for the table that it is joined with. Both
// come from one input: values that begin with T are rows, and nulls delete rows.
type waitModel struct {
	left           bool
	grace, history int64
	rows           rowsModel
	observed       int64 // of the table
	stream         int64 // of what ever waited
	waiting        []fed
}

func (m *waitModel) clone() crashModel {
	c := *m
	c.rows.all = maps.Clone(m.rows.all)
	for k, all := range c.rows.all {
		c.rows.all[k] = slices.Clone(all)
	}
	c.waiting = slices.Clone(m.waiting)
	return &c
}

func (m *waitModel) restart() {}

// match joins a record with the row that the table had at its time, as far back
// as it has a history. The latest row stays however old it is.
func (m *waitModel) match(r fed) []string {
	row, ok := m.rows.row(r.key, -1)
	if row.at > r.at || !ok {
		row, ok = m.rows.row(r.key, r.at)
		ok = ok && r.at >= m.observed-m.history
	}
	switch {
	case ok:
		return []string{fmt.Sprintf("%s=%s+%s@%d", r.key, r.value, row.value, r.at)}
	case m.left:
		return []string{fmt.Sprintf("%s=%s+-@%d", cmp.Or(r.key, "null"), r.value, r.at)}
	}
	return nil
}

func (m *waitModel) process(r fed) (out []string) {
	switch {
	case r.value == "" || r.value[0] == 'T':
		if r.key != "" && r.at >= m.observed-m.history {
			m.observed = max(m.observed, r.at)
			m.rows.tell(r.key, r.value, r.at)
		}
		return nil
	case r.key == "" && !m.left:
		return nil
	case r.key == "" || r.at < m.stream-m.grace:
		return m.match(r)
	}
	m.stream = max(m.stream, r.at)
	m.waiting = append(m.waiting, r)
	slices.SortStableFunc(m.waiting, func(a, b fed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) })
	for len(m.waiting) > 0 && m.waiting[0].at <= m.stream-m.grace {
		out = append(out, m.match(m.waiting[0])...)
		m.waiting = m.waiting[1:]
	}
	return out
}

func waitTopology(t *testing.T, m *waitModel) *topology.Topology {
	b := stream.NewBuilder()
	in := b.Stream(nullIn)
	rows := in.Filter(func(_ string, v nullText) bool { return !v.Valid || v.V[0] == 'T' }).ToTable().Named("rows").
		Materialize(state.Versioned("rows", serde.String, nullTexts, time.Duration(m.history)*milli))
	records := in.Filter(func(_ string, v nullText) bool { return !v.Valid || v.V[0] != 'T' })
	wait := join.Wait(time.Duration(m.grace) * milli)
	var joined *stream.KStream[string, string]
	if m.left {
		joined = records.LeftJoinTable(rows, func(l, r nullText, ok bool) string { return matched(l.V, r.V, ok) }, wait).Named("j")
	} else {
		joined = records.JoinTable(rows, func(l, r nullText) string { return l.V + "+" + r.V }, wait).Named("j")
	}
	joined.To(stringTopic("out"))
	return build(t, b)
}

// Records that wait for the rows of a table come out in the order of their times,
// with the rows of these times, and those that are too late at once; whatever the
// grace period and the history, with nulls, late rows, deletes and crashes.
func TestWaitingJoinModel(t *testing.T) {
	for name, opener := range variants(t) {
		for seed := range uint64(30) {
			if name == "pebble" && seed%5 != 0 {
				continue
			}
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 11))
				m := &waitModel{left: seed%2 == 0, grace: []int64{0, 1, 7, 25}[rng.IntN(4)], stream: -1, observed: -1}
				m.history = m.grace + []int64{0, 10, 3_600_000}[rng.IntN(3)]
				m.rows = rowsModel{versioned: true, all: make(map[string][]told)}
				draw := drawer(rng, []string{"a", "b", "ab", "c"}, 40, 6, func(i int) string { return fmt.Sprint(string("TL"[rng.IntN(2)]), i) })
				if n := runModel(t, waitTopology(t, m), opener, rng, m, draw); n < 50 {
					t.Errorf("%d records came out: a weak run", n)
				}
			})
		}
	}
}
