package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine/memory"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func ms(n int64) time.Time { return time.UnixMilli(n) }

type versioned = state.VersionedStore[string, string]

// versionedStore is an empty store, open in a task.
func versionedStore(t *testing.T, history time.Duration, opts ...state.Option) (*versioned, *streamtest.Driver) {
	t.Helper()
	in := topology.NewTopic("in", serde.String, serde.String)
	spec := state.Versioned("rows", serde.String, serde.String, history, opts...)
	b := stream.NewBuilder()
	b.Table(in).Materialize(spec)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	return spec.In(d), d
}

func put(t *testing.T, s *versioned, k, v string, at int64) state.Placed {
	t.Helper()
	p, err := s.Put(k, v, ms(at))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// asOf is the version of k at a time: "v 10-20", "v 10-" for the latest or "none".
func asOf(t *testing.T, s *versioned, k string, at int64) string {
	t.Helper()
	v, ok, err := s.GetAsOf(k, ms(at))
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "none"
	}
	return text(v)
}

func text(v state.Version[string]) string {
	if v.Until.IsZero() {
		return fmt.Sprintf("%s %d-", v.Value, v.From.UnixMilli())
	}
	return fmt.Sprintf("%s %d-%d", v.Value, v.From.UnixMilli(), v.Until.UnixMilli())
}

func TestVersions(t *testing.T) {
	s, d := versionedStore(t, 100*time.Millisecond)
	if p := put(t, s, "k", "a", 10); !p.Until.IsZero() || p.Expired {
		t.Errorf("placed %+v", p)
	}
	put(t, s, "k", "b", 20)
	if p := put(t, s, "k", "z", 15); p.Until != ms(20) {
		t.Errorf("placed %+v", p)
	}
	put(t, s, "kk", "other", 12)
	old, had, err := s.Delete("k", ms(25))
	if err != nil || !had || text(old) != "b 20-" {
		t.Errorf("deleted %v %v %v", old, had, err)
	}
	for at, want := range map[int64]string{9: "none", 10: "a 10-15", 14: "a 10-15", 15: "z 15-20", 24: "b 20-25", 25: "none", 1000: "none"} {
		if got := asOf(t, s, "k", at); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	if _, ok, err := s.Get("k"); ok || err != nil {
		t.Errorf("the latest is there: %v %v", ok, err)
	}
	if v, ok, err := s.Latest("kk"); text(v) != "other 12-" || !ok || err != nil {
		t.Errorf("the latest is %v %v %v", v, ok, err)
	}
	put(t, s, "k", "c", 200)
	if got := asOf(t, s, "k", 99); got != "none" {
		t.Errorf("beyond the history: %s", got)
	}
	if p := put(t, s, "k", "y", 99); !p.Expired || d.Dropped() != 1 {
		t.Errorf("placed %+v, %d dropped", p, d.Dropped())
	}
	if got := asOf(t, s, "kk", 50); got != "other 12-" {
		t.Errorf("the latest version beyond the history is %s", got)
	}
}

func TestVersionsInRange(t *testing.T) {
	s, _ := versionedStore(t, 100*time.Millisecond)
	for i, v := range []string{"a", "b", "c", "d"} {
		put(t, s, "k", v, int64(i+1)*10)
	}
	if _, _, err := s.Delete("k", ms(25)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to int64
		want     []string
	}{
		{0, 100, []string{"a 10-20", "b 20-25", "c 30-40", "d 40-"}},
		{20, 29, []string{"b 20-25"}},
		{25, 29, nil},
		{41, 99, []string{"d 40-"}},
		{15, 30, []string{"a 10-20", "b 20-25", "c 30-40"}},
	} {
		var got []string
		for v, err := range s.Versions("k", ms(c.from), ms(c.to)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, text(v))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("[%d, %d]: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestVersionedMistakes(t *testing.T) {
	for _, spec := range []*state.VersionedSpec[string, string]{
		state.Versioned("rows", serde.String, serde.String, -1),
		state.Versioned("rows", serde.String, serde.String, time.Hour, state.SegmentInterval(1)),
	} {
		b := stream.NewBuilder()
		b.Table(topology.NewTopic("in", serde.String, serde.String)).Materialize(spec)
		if _, err := b.Build(); err == nil {
			t.Error("no mistake told")
		}
	}
}

func size(t *testing.T, s *versioned) (n int) {
	t.Helper()
	if err := s.Dump(func(any, any, int64, int64) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestVersionsGo checks that what is beyond the history leaves the store, of
// keys that are not put any more too.
func TestVersionsGo(t *testing.T) {
	s, _ := versionedStore(t, 100*time.Millisecond, state.SegmentInterval(50*time.Millisecond))
	for i := range 300 {
		k := fmt.Sprint("dormant", i%30)
		put(t, s, k, "v", int64(i))
		if i >= 270 && i%2 == 0 {
			if _, _, err := s.Delete(k, ms(int64(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 300 {
		put(t, s, "hot", "v", 1000+int64(i))
	}
	// 15 dormant keys have a value, and hot has the versions of 150 ms at most.
	if n := size(t, s); n < 15+100 || n > 15+160 {
		t.Errorf("%d versions are left", n)
	}
	for i := range 30 {
		want := "none"
		if i%2 == 1 {
			want = fmt.Sprintf("v %d-", 270+i)
		}
		if got := asOf(t, s, fmt.Sprint("dormant", i), 1000); got != want {
			t.Errorf("dormant%d is %s, want %s", i, got, want)
		}
	}
}

// TestVersionedModel runs random puts and reads against a map.
func TestVersionedModel(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { versionedModel(t, seed) })
	}
}

type versionModel struct {
	versions map[string]map[int64]string // "" is the end of a value
	highest  int64
}

const modelHistory = 60

// asOf returns the version at a time as a text.
func (m *versionModel) asOf(k string, at int64) string {
	best, until := int64(-1), int64(-1)
	for from := range m.versions[k] {
		if from <= at && from > best {
			best = from
		}
	}
	for from := range m.versions[k] {
		if from > best && (until < 0 || from < until) {
			until = from
		}
	}
	switch {
	case best < 0 || m.versions[k][best] == "", at < m.highest-modelHistory && until >= 0:
		return "none"
	case until < 0:
		return fmt.Sprintf("%s %d-", m.versions[k][best], best)
	}
	return fmt.Sprintf("%s %d-%d", m.versions[k][best], best, until)
}

func versionedModel(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	s, layers := layeredStore(t, state.SegmentInterval(time.Duration(1+rng.IntN(40))*time.Millisecond))
	m := &versionModel{versions: map[string]map[int64]string{}, highest: -1}
	now := int64(0)
	for i := range 600 {
		now += rng.Int64N(4)
		k, at := fmt.Sprint("k", rng.IntN(4)), max(0, now-rng.Int64N(90))
		switch rng.IntN(7) {
		case 0:
			if _, _, err := s.Delete(k, ms(at)); err != nil {
				t.Fatal(err)
			}
			m.put(k, "", at)
		case 1, 2:
			v := fmt.Sprint("v", i)
			want, late := m.put(k, v, at)
			if p := put(t, s, k, v, at); p.Expired == want || p.Until.IsZero() == late {
				t.Fatalf("put at %d: %+v, kept is %v and late %v", at, p, want, late)
			}
		case 3:
			latest, ok, err := s.Latest(k)
			if want := m.asOf(k, 1<<40); err != nil || ok == (want == "none") || ok && text(latest) != want {
				t.Fatalf("step %d: the latest of %s is %v %v %v, want %s", i, k, latest, ok, err, want)
			}
		case 4:
			layers(rng.IntN(3))
		default:
			if got, want := asOf(t, s, k, at), m.asOf(k, at); got != want {
				t.Fatalf("step %d: %s at %d is %q, want %q", i, k, at, got, want)
			}
		}
	}
}

// dropping is a task that counts nothing.
type dropping struct{ graph.Instance }

func (dropping) Dropped(*graph.Node, string) {}

// layeredStore is an empty store over an engine. settle commits, or writes what
// was committed to the engine and, with 2, drops it from memory.
func layeredStore(t *testing.T, opts ...state.Option) (s *versioned, settle func(how int)) {
	t.Helper()
	st := state.Versioned("rows", serde.String, serde.String, modelHistory*time.Millisecond, opts...).Define()
	st.Nodes = []*graph.Node{{}}
	layers := overlay.New(st.Layout, []byte{0, 7}, st.Ordered)
	v, err := st.Open(graph.Opening{Store: st, Instance: dropping{}, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	return v.(*versioned), func(how int) {
		if how == 0 {
			layers.Commit()
			return
		}
		b := e.NewBatch()
		layers.WriteOut(b)
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		layers.Written(e, how == 2)
	}
}

// put says whether the version is kept, and whether there is a later one.
func (m *versionModel) put(k, v string, at int64) (kept, late bool) {
	m.highest = max(m.highest, at)
	if at < m.highest-modelHistory {
		return false, false
	}
	if m.versions[k] == nil {
		m.versions[k] = map[int64]string{}
	}
	for from := range m.versions[k] {
		late = late || from > at
	}
	m.versions[k][at] = v
	return true, late
}
