package stream_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

const modelTTL = 50

// ttlModel is a table of counts or of last values whose keys expire.
type ttlModel struct {
	counts bool
	stream int64
	rows   map[string]ttlRow
	want   map[string][]string // by key
}

type ttlRow struct {
	text string
	n    int
	at   int64
}

func (m *ttlModel) record(key, value string, at int64) {
	m.stream = max(m.stream, at)
	for k, r := range m.rows {
		if r.at+modelTTL <= m.stream {
			delete(m.rows, k)
			m.tell(k, "null", r.at+modelTTL)
		}
	}
	r := m.rows[key]
	switch {
	case m.counts:
		r.n, r.at = r.n+1, max(r.at, at)
		r.text = fmt.Sprint(r.n)
	case value == "":
		delete(m.rows, key)
		m.tell(key, "null", at)
		return
	default:
		r = ttlRow{text: value, at: at}
	}
	m.rows[key] = r
	m.tell(key, r.text, r.at)
}

func (m *ttlModel) tell(key, text string, at int64) {
	m.want[key] = append(m.want[key], fmt.Sprintf("%s@%d", text, at))
}

// ttlTopology is the table that the model is of.
func ttlTopology(t *testing.T, counts bool, opts ...state.Option) *topology.Topology {
	t.Helper()
	opts = append(opts, state.TTL(modelTTL*time.Millisecond))
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	if counts {
		b.Stream(in).GroupByKey().Count(state.KeyValue("rows", serde.String, serde.Int64, opts...)).
			MapValues(func(n int64) string { return fmt.Sprint(n) }).To(out)
	} else {
		b.Table(in).Materialize(state.KeyValue("rows", serde.String, serde.String, opts...)).To(out)
	}
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// Keys expire as in the model, whatever crashes and wherever the store lies.
func TestTTLModel(t *testing.T) {
	for name, opener := range map[string]engine.Opener{"memory": nil, "pebble": pebble.New(pebble.Options{})} {
		for _, counts := range []bool{false, true} {
			for seed := range uint64(6) {
				t.Run(fmt.Sprintf("%s counts=%t %d", name, counts, seed), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(seed, 11))
					var opts []state.Option
					if seed%3 == 1 {
						opts = append(opts, state.WithHeaders())
					}
					m := &ttlModel{counts: counts, rows: make(map[string]ttlRow), want: make(map[string][]string)}
					j := newJob(t, ttlTopology(t, counts, opts...), opener, 0)
					now := int64(0)
					for range 600 {
						now += rng.Int64N(12)
						key, value := string(rune('a'+rng.IntN(8))), fmt.Sprint(rng.IntN(1000))
						if !counts && rng.IntN(6) == 0 {
							value = ""
						}
						at := max(0, now-rng.Int64N(30))
						m.record(key, value, at)
						var raw []byte
						if value != "" {
							raw = []byte(value)
						}
						j.send([]byte(key), raw, at)
						switch n := rng.IntN(40); {
						case n < 4:
							j.commit()
						case n == 4:
							j.crash(opener == nil || rng.IntN(2) == 0, func() {})
						case n == 5:
							j.move(func() {})
						}
					}
					j.commit()
					m.check(t, j)
				})
			}
		}
	}
}

func (m *ttlModel) check(t *testing.T, j *job) {
	t.Helper()
	got := make(map[string][]string)
	for _, o := range j.out {
		text := "null"
		if o.Value != nil {
			text = string(o.Value)
		}
		got[string(o.Key)] = append(got[string(o.Key)], fmt.Sprintf("%s@%d", text, o.Time))
	}
	for k, want := range m.want {
		if !slices.Equal(got[k], want) {
			t.Errorf("%s:\n got %v\nwant %v", k, got[k], want)
		}
	}
	// The changelog has the rows that there are, and no more.
	rows := make(map[string]bool)
	for _, r := range j.log["job-rows-changelog"] {
		rows[string(r.Key)] = r.Value != nil
	}
	for k, there := range rows {
		if _, ok := m.rows[k]; ok != there {
			t.Errorf("the changelog has %s: %t, the model %t", k, there, ok)
		}
	}
}

// A store may begin to expire keys, and cease to, without losing any.
func TestTTLComesAndGoes(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	program := func(opts ...state.Option) *topology.Topology {
		b := stream.NewBuilder()
		b.Table(in).Materialize(state.KeyValue("rows", serde.String, serde.String, opts...)).To(out)
		return build(t, b)
	}
	j := newJob(t, program(), pebble.New(pebble.Options{}), 0)
	restart := func(top *topology.Topology) {
		j.commit()
		j.check(j.task.Close(true))
		j.graph = top.Graph()
		j.start(false)
	}
	j.send([]byte("old"), []byte("x"), 10)
	restart(program(state.TTL(modelTTL * time.Millisecond)))
	j.send([]byte("a"), []byte("x"), 60) // old expires, of which the store had no order
	restart(program())
	j.send([]byte("b"), []byte("x"), 70)
	j.send([]byte("c"), []byte("x"), 500)
	restart(program(state.TTL(modelTTL * time.Millisecond)))
	j.send([]byte("d"), []byte("x"), 501) // a and b expire, also what came while keys did not
	j.commit()
	var got []string
	for _, o := range j.out {
		if o.Value == nil {
			got = append(got, fmt.Sprintf("%s@%d", o.Key, o.Time))
		}
	}
	if want := []string{"old@60", "a@110", "b@120"}; !slices.Equal(got, want) {
		t.Errorf("expired %v, want %v", got, want)
	}
}

func TestTTLWhenIdle(t *testing.T) {
	in, out := stringTopic("in"), stringTopic("out")
	b := stream.NewBuilder()
	b.Table(in).Materialize(state.KeyValue("rows", serde.String, serde.String, state.TTL(time.Minute))).To(out)
	d := streamtest.New(t, build(t, b), streamtest.IdleFlush(time.Second))
	d.SendAt(in, "a", "x", at(1000))
	d.AdvanceWall(59 * time.Second)
	want(t, d, out, "a=x@1000")
	d.AdvanceWall(time.Second)
	want(t, d, out, "a=null@61000")
}

func TestTTLMistakes(t *testing.T) {
	b := stream.NewBuilder()
	b.Table(stringTopic("in")).Materialize(state.KeyValue("rows", serde.String, serde.String, state.TTL(0)))
	buildFails(t, b, "a key has to live for a whole number of milliseconds")
	b = stream.NewBuilder()
	b.Table(stringTopic("in")).Materialize(state.Versioned("rows", serde.String, serde.String, time.Hour, state.TTL(time.Hour)))
	buildFails(t, b, "keys expire in key-value stores only")
	b = stream.NewBuilder()
	b.GlobalTable(stringTopic("in"), state.KeyValue("rows", serde.String, serde.String, state.TTL(time.Hour)))
	buildFails(t, b, "those of a global table can't")
}
