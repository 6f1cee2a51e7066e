package stream_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// selfModel is a stream joined with itself: each record, as the left one, with
// those before it, then all, as left ones, with it.
type selfModel struct {
	before, after, grace int64
	single               bool // one store in place of two
	kept                 []fed
	observed             int64
}

func (m *selfModel) clone() crashModel {
	c := *m
	c.kept = slices.Clone(m.kept)
	return &c
}

func (m *selfModel) restart() {}

// between returns the records of r's key that are kept yet, in the order of
// their times.
func (m *selfModel) between(r fed, before, after, observed int64) (found []fed) {
	oldest := observed - max(1, m.before+m.after+m.grace)
	for _, o := range m.kept {
		if o.key == r.key && o.at >= max(0, r.at-before) && o.at <= max(0, r.at+after) && o.at > oldest {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b fed) int { return cmp.Compare(a.at, b.at) })
	return found
}

func (m *selfModel) process(r fed) (out []string) {
	if r.key == "" || r.value == "" {
		return nil
	}
	pair := func(l, o fed) {
		out = append(out, fmt.Sprintf("%s=%s+%s@%d", r.key, l.value, o.value, max(l.at, o.at)))
	}
	for _, o := range m.between(r, m.before, m.after, m.observed) {
		pair(r, o)
	}
	seen := m.observed
	m.observed = max(m.observed, r.at)
	m.kept = append(m.kept, r)
	rights := m.between(r, m.after, m.before, m.observed)
	if m.single {
		// One store is asked before the record is put there, so that records that
		// the record makes too old are still found.
		rights = slices.DeleteFunc(m.between(r, m.after, m.before, seen), func(o fed) bool { return o == r })
		if own := m.between(r, m.after, m.before, m.observed); slices.Contains(own, r) {
			i, _ := slices.BinarySearchFunc(rights, r.at+1, func(o fed, at int64) int { return cmp.Compare(o.at, at) })
			rights = slices.Insert(rights, i, r)
		}
	}
	for _, o := range rights {
		pair(o, r)
	}
	return out
}

func selfTopology(t *testing.T, m *selfModel) *topology.Topology {
	var opts []stream.BuilderOption
	if m.single {
		opts = append(opts, stream.SingleStoreSelfJoin())
	}
	w := join.Window{}.Before(time.Duration(m.before) * milli).After(time.Duration(m.after) * milli).Grace(time.Duration(m.grace) * milli)
	b := stream.NewBuilder(opts...)
	in := b.Stream(nullIn)
	in.Join(in, "self", w, func(l, r nullText) string { return l.V + "+" + r.V }).To(stringTopic("out"))
	top := build(t, b)
	stores := 2
	if m.single {
		stores = 1
	}
	if n := len(top.Graph().Stores); n != stores {
		t.Fatalf("%d stores, want %d", n, stores)
	}
	return top
}

// A stream that is joined with itself has the pairs of the model, in its order,
// with two stores and with one, with nulls, late records and crashes. Both ways
// keep records equally long, but for the very last millisecond, which only counts
// where the window reaches neither back nor is kept open.
func TestSelfJoinModel(t *testing.T) {
	for name, opener := range variants(t) {
		for seed := range uint64(40) {
			if name == "pebble" && seed%5 != 0 {
				continue
			}
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				outs := make(map[bool]int)
				for _, single := range []bool{false, true} {
					rng := rand.New(rand.NewPCG(seed, 13))
					m := &selfModel{single: single, observed: -1}
					m.before, m.after, m.grace = rng.Int64N(12), rng.Int64N(12), []int64{0, 0, 5, 30}[rng.IntN(4)]
					switch seed % 8 { // records that differ by something at least
					case 3:
						m.before = -m.after / 2
					case 6:
						m.after = -m.before / 2
					}
					early := drawer(rng, []string{"a", "b", "a\x00"}, 40, 10, func(i int) string { return fmt.Sprint(i) })
					draw := func(i int) fed {
						r := early(i)
						r.at += 100 // windows don't reach behind the epoch, where Kafka Streams cuts them
						return r
					}
					outs[single] = runModel(t, selfTopology(t, m), opener, rng, m, draw)
					if outs[single] < 20 && m.before >= 0 && m.after >= 0 || outs[single] == 0 {
						t.Errorf("%d pairs: a weak run", outs[single])
					}
					if single && m.before+m.grace > 0 && outs[true] != outs[false] {
						t.Errorf("%d pairs of one store, %d of two: window %d/%d/%d", outs[true], outs[false], m.before, m.after, m.grace)
					}
				}
			})
		}
	}
}
