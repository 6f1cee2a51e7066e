package stream_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// sideRecord is a record of one side of a join; an empty key or value is null.
type sideRecord struct {
	left       bool
	key, value string
	at         int64
}

// joinModel joins two streams over plain lists, by the rules of the join.
type joinModel struct {
	left, outer          bool // alone too
	self                 bool // a stream is joined with itself
	before, after, grace int64
	kept                 [2][]sideRecord
	observed             [2]int64
	waiting              []sideRecord
	stream, lowest       int64
	out                  []string
}

func index(left bool) int {
	if left {
		return 1
	}
	return 0
}

func (m *joinModel) emit(k, l, r string, at int64) {
	m.out = append(m.out, fmt.Sprintf("%s=%s+%s@%d", k, l, r, at))
}

func (m *joinModel) alone(r sideRecord) {
	if r.left {
		m.emit(r.key, r.value, "-", r.at)
	} else {
		m.emit(r.key, "-", r.value, r.at)
	}
}

func (m *joinModel) process(r sideRecord) {
	m.stream = max(m.stream, r.at)
	before, after := m.before, m.after
	if !r.left {
		before, after = after, before
	}
	alone := m.outer || m.left && r.left
	switch {
	case r.key == "" && r.value != "" && alone:
		m.alone(r)
	case r.key != "" && r.value != "":
		if m.left && r.at == m.stream {
			m.sweep(after)
		}
		found := m.match(r, before, after)
		switch {
		case found || !alone:
		case max(0, r.at+after) < m.stream:
			m.alone(r)
		default:
			m.lowest = min(m.lowest, r.at)
			m.waiting = append(m.waiting, r)
		}
		i := index(r.left)
		m.kept[i] = append(m.kept[i], r)
		m.observed[i] = max(m.observed[i], r.at)
	}
}

func (m *joinModel) match(r sideRecord, before, after int64) bool {
	other := index(!r.left)
	oldest := m.observed[other] - max(1, m.before+m.after+m.grace)
	var matches []sideRecord
	for _, o := range m.kept[other] {
		if o.key == r.key && o.at >= max(0, r.at-before) && o.at <= max(0, r.at+after) && o.at > oldest {
			matches = append(matches, o)
		}
	}
	slices.SortStableFunc(matches, func(a, b sideRecord) int { return cmp.Compare(a.at, b.at) })
	for _, o := range matches {
		m.waiting = slices.DeleteFunc(m.waiting, func(w sideRecord) bool {
			return w.left == o.left && w.key == o.key && w.at == o.at
		})
		if r.left {
			m.emit(r.key, r.value, o.value, max(r.at, o.at))
		} else {
			m.emit(r.key, o.value, r.value, max(r.at, o.at))
		}
	}
	return len(matches) > 0
}

// sweep goes through the records that wait, of the same time the right ones
// first, until it has met one of each side that may find a match yet.
func (m *joinModel) sweep(ahead int64) {
	if m.lowest != math.MaxInt64 && m.lowest+ahead+m.grace >= m.stream {
		return
	}
	m.lowest = math.MaxInt64
	slices.SortStableFunc(m.waiting, func(a, b sideRecord) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(index(a.left), index(b.left)), cmp.Compare(a.key, b.key))
	})
	var open [2]bool
	var stay []sideRecord
	for i, w := range m.waiting {
		m.lowest = w.at
		if open[0] && open[1] {
			stay = append(stay, m.waiting[i:]...)
			break
		}
		reach := m.after
		if !w.left {
			reach = m.before
		}
		if w.at+reach+m.grace >= m.stream {
			open[index(w.left)] = true
			stay = append(stay, w)
			continue
		}
		m.alone(w)
	}
	m.waiting = stay
}

func joinTopology(t *testing.T, m *joinModel) *topology.Topology {
	w := join.Window{}.Before(time.Duration(m.before) * time.Millisecond).After(time.Duration(m.after) * time.Millisecond).
		Grace(time.Duration(m.grace) * time.Millisecond)
	b := stream.NewBuilder()
	l := b.Stream(stringTopic("left"))
	r := l
	if !m.self {
		r = b.Stream(stringTopic("right"))
	}
	var joined *stream.KStream[string, string]
	switch {
	case m.outer:
		joined = l.OuterJoin(r, "j", w, paired)
	case m.left:
		joined = l.LeftJoin(r, "j", w, matched)
	default:
		joined = l.Join(r, "j", w, plus)
	}
	joined.To(stringTopic("out"))
	return build(t, b)
}

func randomJoin(rnd *rand.Rand, n int) (*joinModel, []sideRecord) {
	kind := rnd.IntN(3)
	m := &joinModel{left: kind > 0, outer: kind > 1, observed: [2]int64{-1, -1}, stream: -1, lowest: math.MaxInt64}
	unit := []int64{1, 10, 50_000}[rnd.IntN(3)]
	m.before, m.after = unit*int64(rnd.IntN(5)-1), unit*int64(rnd.IntN(5))
	if m.before+m.after < 0 {
		m.before = -m.after
	}
	m.grace = unit * int64(rnd.IntN(3))
	var records []sideRecord
	now := int64(0)
	for i := range n {
		now += unit * int64(rnd.IntN(3))
		r := sideRecord{rnd.IntN(2) == 0, []string{"", "a", "a", "b", "ab", "ab\x00"}[rnd.IntN(6)], fmt.Sprint(i), now}
		if rnd.IntN(3) == 0 {
			r.at = max(0, now-unit*int64(rnd.IntN(12)))
		}
		if rnd.IntN(12) == 0 {
			r.value = ""
		}
		records = append(records, r)
	}
	return m, records
}

// A stream that is joined with itself, alone records too, emits what the join of
// two streams with the same records does, the left side first.
func TestSelfJoinKindsModel(t *testing.T) {
	for seed := range uint64(80) {
		m, records := randomJoin(rand.New(rand.NewPCG(seed, 2)), 60)
		m.self = true
		d, err := drive.New(drive.Config{Topology: joinTopology(t, m).Graph(), App: "test"})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			m.out = nil
			for _, r.left = range []bool{true, false} {
				m.process(r)
			}
			r.left = true
			if got := sendSide(t, d, r); !slices.Equal(got, m.out) {
				t.Fatalf("seed %d, window %d/%d/%d left=%v outer=%v: record %d %+v: got %v, want %v", seed, m.before, m.after, m.grace, m.left, m.outer, i, r, got, m.out)
			}
		}
		if err := d.Close(true); err != nil {
			t.Fatal(err)
		}
	}
}

// The join of two streams emits what a model over plain lists emits, record by
// record, whatever the windows, with records out of order and nulls. What is kept
// may lie in memory or on disk.
func TestJoinModel(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	for seed := range uint64(150) {
		m, records := randomJoin(rand.New(rand.NewPCG(seed, 1)), 60)
		config := drive.Config{Topology: joinTopology(t, m).Graph(), App: "test"}
		if seed%10 == 0 {
			config.Persistent, config.Dir, config.LayerBytes = opener, t.TempDir(), 2000
		}
		d, err := drive.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			m.out = nil
			m.process(r)
			if got := sendSide(t, d, r); !slices.Equal(got, m.out) {
				t.Fatalf("seed %d, window %d/%d/%d left=%v outer=%v: record %d %+v: got %v, want %v", seed, m.before, m.after, m.grace, m.left, m.outer, i, r, got, m.out)
			}
		}
		if err := d.Close(true); err != nil {
			t.Fatal(err)
		}
	}
}

func sendSide(t *testing.T, d *drive.Driver, r sideRecord) []string {
	t.Helper()
	raw := drive.Record{Topic: "right", Time: r.at}
	if r.left {
		raw.Topic = "left"
	}
	if r.key != "" {
		raw.Key = []byte(r.key)
	}
	if r.value != "" {
		raw.Value = []byte(r.value)
	}
	if err := d.Send(raw); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range d.Produced() {
		if p.Topic == "out" {
			out = append(out, fmt.Sprintf("%s=%s@%d", p.Key, p.Value, p.Time))
		}
	}
	return out
}
