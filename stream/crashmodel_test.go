package stream_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/topology"
)

// fed is a record of the input; an empty key or value is null.
type fed struct {
	key, value string
	at         int64
}

func (r fed) raw() (key, value []byte) {
	if r.key != "" {
		key = []byte(r.key)
	}
	if r.value != "" {
		value = []byte(r.value)
	}
	return key, value
}

// crashModel says what comes out for each record, in the plainest way.
type crashModel interface {
	process(r fed) []string
	clone() crashModel
	// restart is what it forgets when a task is restored.
	restart()
}

func orNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return string(b)
}

func outText(o *graph.Output) string {
	return fmt.Sprintf("%s=%s@%d", orNull(o.Key), orNull(o.Value), o.Time)
}

// runModel sends what draw gives to a topology and to its model, through commits
// and through crashes that lose files or don't, and compares what both say. It
// returns how many records came out.
func runModel(t *testing.T, top *topology.Topology, opener engine.Opener, rng *rand.Rand, m crashModel, draw func(i int) fed) int {
	t.Helper()
	j := newJob(t, top, opener, 0)
	committed := m.clone()
	var since []fed // the last commit
	var want, sure []string
	commit := func(i int) {
		j.commit()
		for n := len(sure); n < max(len(want), len(j.out)); n++ {
			got, expected := "none", "none"
			if n < len(j.out) {
				got = outText(&j.out[n])
			}
			if n < len(want) {
				expected = want[n]
			}
			if got != expected {
				t.Fatalf("output %d, committed behind record %d: got %s, want %s", n, i, got, expected)
			}
		}
		committed, since, sure = m.clone(), nil, want
	}
	for i := range 400 {
		r := draw(i)
		key, value := r.raw()
		j.send(key, value, r.at)
		want = append(want, m.process(r)...)
		since = append(since, r)
		switch n := rng.IntN(100); {
		case n < 15:
			commit(i)
		case n < 18:
			j.crash(n == 17, func() {
				m = committed.clone()
				m.restart()
				want = append([]string(nil), sure...)
			})
			for _, r := range since {
				want = append(want, m.process(r)...)
			}
		case n < 22:
			commit(i)
			j.move(m.restart)
			committed = m.clone()
		}
	}
	commit(400)
	return len(want)
}

// drawer draws records with times out of order and nulls: of a value one in
// nulls, of a key one in twenty.
func drawer(rng *rand.Rand, keys []string, back int64, nulls int, value func(i int) string) func(i int) fed {
	now := int64(0)
	return func(i int) fed {
		now += rng.Int64N(4)
		r := fed{keys[rng.IntN(len(keys))], value(i), now}
		if rng.IntN(3) == 0 {
			r.at = max(0, now-rng.Int64N(back))
		}
		if rng.IntN(nulls) == 0 {
			r.value = ""
		}
		if rng.IntN(20) == 0 {
			r.key = ""
		}
		return r
	}
}
