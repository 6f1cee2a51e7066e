package stream_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// groupModel is a table whose rows are in groups: the first letter of a value is
// its group, n is none, and the rest goes there, where x is null.
type groupModel struct {
	rows   rowsModel
	groups map[string][]string // what is in each, in order
	times  map[string]int64    // of groups that are not empty
}

func groupOf(v string) (group, member string, in bool) {
	if v == "" || v[0] == 'n' || strings.HasPrefix(v[1:], "x") {
		return "", "", false
	}
	return v[:1], v[1:], true
}

// process says what comes out: an update of the group that the row left, then
// one of the group where it is now, and only one if that is the same.
func (m *groupModel) process(r fed) (out []string) {
	if r.key == "" {
		return nil
	}
	before, _ := m.rows.row(r.key, -1)
	late := m.rows.versioned && before.at > r.at
	m.rows.tell(r.key, r.value, r.at)
	if late {
		return nil
	}
	oldGroup, old, had := groupOf(before.value)
	newGroup, member, has := groupOf(r.value)
	if had {
		g := m.groups[oldGroup]
		m.groups[oldGroup] = slices.Delete(g, slices.Index(g, old), slices.Index(g, old)+1)
		if !has || newGroup != oldGroup {
			out = append(out, m.update(oldGroup, r.at))
		}
	}
	if has {
		m.groups[newGroup] = append(m.groups[newGroup], member)
		slices.Sort(m.groups[newGroup])
		out = append(out, m.update(newGroup, r.at))
	}
	return out
}

// update is the group as it is now; its time is the latest that it has seen
// since it was empty.
func (m *groupModel) update(group string, at int64) string {
	m.times[group] = max(m.times[group], at)
	text := fmt.Sprintf("%s=%s@%d", group, cmp.Or(strings.Join(m.groups[group], ","), "null"), m.times[group])
	if len(m.groups[group]) == 0 {
		delete(m.times, group)
	}
	return text
}

// addMember keeps what was added in order. What was not, subtractMember tells;
// it is null when nothing is left.
func addMember(_ string, v, all nullText) nullText {
	members := []string{v.V}
	if all.V != "" {
		members = append(members, strings.Split(all.V, ",")...)
	}
	slices.Sort(members)
	return serde.Some(strings.Join(members, ","))
}

func subtractMember(_ string, v, all nullText) nullText {
	members := strings.Split(all.V, ",")
	i := slices.Index(members, v.V)
	if i < 0 {
		return serde.Some(all.V + " lacks " + v.V)
	}
	left := strings.Join(slices.Delete(members, i, i+1), ",")
	return nullText{V: left, Valid: left != ""}
}

func groupTopology(t *testing.T, versioned, reduced bool) *topology.Topology {
	b := stream.NewBuilder()
	source := b.Table(lookupTopic("in"))
	if versioned {
		source = source.Materialize(state.Versioned("rows", serde.String, serde.String, time.Hour))
	} else {
		source = source.Materialize(state.KeyValue("rows", serde.String, serde.String))
	}
	groups := source.GroupBy(func(_, v string) (nullText, nullText) {
		group, member := nullText{V: v[:1], Valid: v[0] != 'n'}, nullText{V: v[1:], Valid: v[1] != 'x'}
		return group, member
	}).Serdes(nullTexts, nullTexts)
	add := func(g nullText, v, all nullText) nullText { return addMember(g.V, v, all) }
	subtract := func(g nullText, v, all nullText) nullText { return subtractMember(g.V, v, all) }
	store := state.KeyValue("groups", nullTexts, nullTexts)
	out := topology.NewTopic("out", nullTexts, nullTexts)
	if reduced {
		groups.Reduce(func(all, v nullText) nullText { return addMember("", v, all) },
			func(all, v nullText) nullText { return subtractMember("", v, all) }, store).To(out)
	} else {
		groups.Aggregate(func() nullText { return serde.Some("") }, add, subtract, store).To(out)
	}
	return build(t, b)
}

// A group has the rows that are in it, record by record, as they come, move and
// go: what was added is subtracted once, with late updates, deletes, null keys
// and rows that are in no group, from tables with and without a history, on one
// partition and on more.
func TestTableGroupModel(t *testing.T) {
	for _, versioned := range []bool{false, true} {
		for _, reduced := range []bool{false, true} {
			t.Run(fmt.Sprintf("versioned %v reduced %v", versioned, reduced), func(t *testing.T) {
				for seed := range uint64(25) {
					runGroups(t, groupTopology(t, versioned, reduced), versioned, seed)
				}
			})
		}
	}
}

func runGroups(t *testing.T, top *topology.Topology, versioned bool, seed uint64) {
	t.Helper()
	partitions := 1 + int32(seed%3)
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "test", Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 19))
	m := &groupModel{rows: rowsModel{versioned: versioned, all: make(map[string][]told)}, groups: make(map[string][]string), times: make(map[string]int64)}
	draw := drawer(rng, []string{"a", "b", "c", "d", "e", "f"}, 30, 4, func(i int) string {
		if rng.IntN(10) == 0 {
			return string("pqn"[rng.IntN(3)]) + "x"
		}
		return fmt.Sprint(string("ppqrn"[rng.IntN(5)]), rng.IntN(4))
	})
	for i := range 200 {
		r := draw(i)
		raw := drive.Record{Topic: "in", Time: r.at}
		raw.Key, raw.Value = r.raw()
		raw.Partition = hash.Partition([]byte(r.key), partitions)
		if err := d.Send(raw); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range d.Produced() {
			if p.Topic == "out" {
				got = append(got, fmt.Sprintf("%s=%s@%d", orNull(p.Key), orNull(p.Value), p.Time))
			}
		}
		want := m.process(r)
		if partitions > 1 {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, record %d %+v: got %v, want %v", seed, i, r, got, want)
		}
	}
	if err := d.Close(true); err != nil {
		t.Fatal(err)
	}
}
