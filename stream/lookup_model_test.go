package stream_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// The joins that look rows up are compared with models over plain lists of all
// that the tables were ever told.

// told is an update of a table; an empty value deletes.
type told struct {
	value string
	at    int64
}

// told of each key, in the order in which it came.
type rowsModel struct {
	versioned bool
	all       map[string][]told
}

// row returns what a table has of key; at is what a versioned one is asked for,
// -1 for now.
func (m *rowsModel) row(key string, at int64) (row told, ok bool) {
	for _, u := range m.all[key] {
		if !m.versioned || (at < 0 || u.at <= at) && (row == told{} || u.at >= row.at) {
			row = u
		}
	}
	return row, row.value != ""
}

func (m *rowsModel) tell(key, value string, at int64) {
	m.all[key] = append(m.all[key], told{value, at})
}

// lookup is a kind of join. Its left side is a stream or a table.
type lookup struct {
	name   string
	stream bool
	left   bool // rows without a match are joined too
	outer  bool
	asOf   bool                      // as of the time of the stream's record
	by     func(value string) string // nil: the row's own key
	build  func(b *stream.Builder, left, right topology.Topic[string, string], store func(name string) state.TableSpec[string, string]) *stream.KStream[string, string]
}

func lookupTopic(name string) topology.Topic[string, string] {
	return topology.NewTopic(name, serde.String, serde.String)
}

func bothSides(l, r string) string { return l + "+" + r }

func leftSide(l, r string, ok bool) string {
	if !ok {
		r = "-"
	}
	return l + "+" + r
}

func eitherSide(p join.Pair[string, string]) string {
	l, r := "-", "-"
	if p.HasLeft {
		l = p.Left
	}
	if p.HasRight {
		r = p.Right
	}
	return l + "+" + r
}

// foreign is the key that a value refers to: its first letter.
func foreign(v string) string { return v[:1] }

func foreignKey(_, v string) (string, bool) { return v[:1], v[:1] != "n" }

type side = topology.Topic[string, string]
type storeOf = func(name string) state.TableSpec[string, string]

func tablesOf(b *stream.Builder, l, r side, store storeOf) (left, right *table.KTable[string, string]) {
	return b.Table(l).Materialize(store("left")), b.Table(r).Materialize(store("right"))
}

func lookups() []lookup {
	return []lookup{
		{name: "stream with table", stream: true, asOf: true, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			return b.Stream(l).JoinTable(b.Table(r).Materialize(store("right")), bothSides)
		}},
		{name: "stream with table, left", stream: true, asOf: true, left: true, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			return b.Stream(l).LeftJoinTable(b.Table(r).Materialize(store("right")), leftSide)
		}},
		{name: "stream with global table", stream: true, by: foreign, build: func(b *stream.Builder, l, r side, _ storeOf) *stream.KStream[string, string] {
			rows := b.GlobalTable(r, state.KeyValue("right", serde.String, serde.String))
			return b.Stream(l).JoinGlobal(rows, func(_, v string) string { return foreign(v) }, bothSides)
		}},
		{name: "stream with global table, left", stream: true, left: true, by: foreign, build: func(b *stream.Builder, l, r side, _ storeOf) *stream.KStream[string, string] {
			rows := b.GlobalTable(r, state.KeyValue("right", serde.String, serde.String))
			return b.Stream(l).LeftJoinGlobal(rows, func(_, v string) string { return foreign(v) }, leftSide)
		}},
		{name: "tables", build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			left, right := tablesOf(b, l, r, store)
			return stream.Of(left.Join(right, bothSides))
		}},
		{name: "tables, left", left: true, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			left, right := tablesOf(b, l, r, store)
			return stream.Of(left.LeftJoin(right, leftSide))
		}},
		{name: "tables, outer", left: true, outer: true, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			left, right := tablesOf(b, l, r, store)
			return stream.Of(left.OuterJoin(right, eitherSide))
		}},
		{name: "tables by foreign key", by: foreign, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			left, right := tablesOf(b, l, r, store)
			return stream.Of(left.JoinForeign(right, foreignKey, bothSides).Named("join"))
		}},
		{name: "tables by foreign key, left", left: true, by: foreign, build: func(b *stream.Builder, l, r side, store storeOf) *stream.KStream[string, string] {
			left, right := tablesOf(b, l, r, store)
			return stream.Of(left.LeftJoinForeign(right, foreignKey, leftSide).Named("join"))
		}},
	}
}

// joined is the row of the result for a key of the left side.
func (j *lookup) joined(key string, l told, hasLeft bool, right *rowsModel, asOf int64) (told, bool) {
	ref, refers := key, hasLeft || j.outer
	if j.by != nil && hasLeft {
		ref = j.by(l.value)
		refers = j.stream || ref != "n"
	}
	var r told
	hasRight := false
	if refers {
		r, hasRight = right.row(ref, asOf)
	}
	switch {
	case hasLeft && hasRight:
		at := max(l.at, r.at)
		if j.stream {
			at = l.at
		}
		return told{l.value + "+" + r.value, at}, true
	case hasLeft && j.left:
		return told{l.value + "+-", l.at}, true
	case hasRight && j.outer:
		return told{"-+" + r.value, r.at}, true
	}
	return told{}, false
}

// updated is the time of a row of the result of two tables that an update made:
// the later one of both rows, a delete's own where one side is none any more. By
// a foreign key an update of the right side gives it its own.
func (j *lookup) updated(isLeft bool, at, both int64) int64 {
	if j.by != nil && !isLeft {
		return at
	}
	return max(at, both)
}

func TestLookupModel(t *testing.T) {
	for _, j := range lookups() {
		for _, versioned := range []bool{false, true} {
			if versioned && j.stream && !j.asOf {
				continue // a global table has no history
			}
			t.Run(fmt.Sprintf("%s, versioned %t", j.name, versioned), func(t *testing.T) {
				for seed := range uint64(60) {
					runLookup(t, &j, versioned, seed)
				}
			})
		}
	}
}

func runLookup(t *testing.T, j *lookup, versioned bool, seed uint64) {
	t.Helper()
	store := func(name string) state.TableSpec[string, string] {
		if versioned {
			return state.Versioned(name, serde.String, serde.String, time.Hour)
		}
		return state.KeyValue(name, serde.String, serde.String)
	}
	b := stream.NewBuilder()
	j.build(b, lookupTopic("left"), lookupTopic("right"), store).To(lookupTopic("out"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "test", Partitions: 1 + int32(seed%3)})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	left := &rowsModel{versioned: versioned && !j.stream, all: make(map[string][]told)}
	right := &rowsModel{versioned: versioned, all: make(map[string][]told)}
	view := make(map[string]string) // what the output says, of tables
	now := int64(1000)
	for i := range 150 {
		now += int64(rng.IntN(4))
		at := now
		if rng.IntN(3) == 0 {
			at -= int64(rng.IntN(30))
		}
		r := drive.Record{Topic: "right", Time: at}
		key := string("abcdn"[rng.IntN(5)])
		value := fmt.Sprintf("%c%d", "abcdn"[rng.IntN(5)], i)
		isLeft := rng.IntN(2) == 0
		if isLeft {
			r.Topic = "left"
		}
		if rng.IntN(5) == 0 {
			value = ""
		} else {
			r.Value = []byte(value)
		}
		noKey := rng.IntN(15) == 0
		if !noKey {
			r.Key = []byte(key)
			r.Partition = hash.Partition([]byte(key), 1+int32(seed%3))
		}
		if err := d.Send(r); err != nil {
			t.Fatal(err)
		}
		var got []drive.Record
		for _, p := range d.Produced() {
			if p.Topic == "out" {
				got = append(got, p)
			}
		}
		where := fmt.Sprintf("seed %d record %d, %s %q=%q@%d", seed, i, r.Topic, r.Key, r.Value, at)
		if j.stream {
			if isLeft {
				compareLookup(t, where, j, got, key, noKey, told{value, at}, right)
			} else if len(got) > 0 {
				t.Fatalf("%s: an update of the table has results", where)
			}
			if !isLeft && !noKey {
				right.tell(key, value, at)
			}
			continue
		}
		if !noKey {
			if isLeft {
				left.tell(key, value, at)
			} else {
				right.tell(key, value, at)
			}
		}
		want, times := make(map[string]string), make(map[string]int64)
		for _, k := range []string{"a", "b", "c", "d", "n"} {
			l, ok := left.row(k, -1)
			if row, ok := j.joined(k, l, ok, right, -1); ok {
				want[k], times[k] = row.value, j.updated(isLeft, at, row.at)
			}
		}
		last := make(map[string]int64)
		for _, p := range got {
			delete(view, string(p.Key))
			delete(last, string(p.Key))
			if p.Value != nil {
				view[string(p.Key)], last[string(p.Key)] = string(p.Value), p.Time
			}
		}
		if !maps.Equal(view, want) {
			t.Fatalf("%s: the result is %v, want %v", where, view, want)
		}
		for k, got := range last {
			if got != times[k] {
				t.Fatalf("%s: %s has time %d, want %d", where, k, got, times[k])
			}
		}
	}
	if err := d.Close(true); err != nil {
		t.Fatal(err)
	}
}

// compareLookup compares what a record of a stream came to.
func compareLookup(t *testing.T, where string, j *lookup, got []drive.Record, key string, noKey bool, l told, right *rowsModel) {
	t.Helper()
	asOf := int64(-1)
	if j.asOf {
		asOf = l.at
	}
	var want []string
	switch {
	case l.value == "":
	case noKey && j.by == nil:
		if j.left {
			want = append(want, fmt.Sprintf("[]=%s+-@%d", l.value, l.at))
		}
	default:
		if row, ok := j.joined(key, l, true, right, asOf); ok {
			k := "[" + key + "]"
			if noKey {
				k = "[]"
			}
			want = append(want, fmt.Sprintf("%s=%s@%d", k, row.value, row.at))
		}
	}
	var texts []string
	for _, p := range got {
		texts = append(texts, fmt.Sprintf("[%s]=%s@%d", p.Key, p.Value, p.Time))
	}
	if fmt.Sprint(texts) != fmt.Sprint(want) {
		t.Fatalf("%s: got %q, want %q", where, texts, want)
	}
}
