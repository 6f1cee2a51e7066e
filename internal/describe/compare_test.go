package describe

import (
	"slices"
	"testing"
)

// part is a sub-topology with one processor per store, and its repartition topics.
func part(id int, stores []Store, repartitions ...Topic) Subtopology {
	s := Subtopology{ID: id, RepartitionTopics: repartitions, Stores: stores}
	for _, store := range stores {
		s.Nodes = append(s.Nodes, Node{Name: "of " + store.Name, Kind: Processor, Stores: []string{store.Name}})
	}
	return s
}

func keyValue(name string) Store {
	return Store{Name: name, Kind: "key-value", Changelog: name + "-changelog"}
}

func TestCompare(t *testing.T) {
	one := func(s ...Store) Topology { return Topology{[]Subtopology{part(0, s)}} }
	second := func(s ...Store) Topology { return Topology{[]Subtopology{part(0, nil), part(1, s)}} }
	topic := func(name string, n int) Topology {
		return Topology{[]Subtopology{part(0, nil, Topic{Name: name, Partitions: n})}}
	}
	unlogged := Store{Name: "a", Kind: "key-value"}
	source := Store{Name: "a", Kind: "key-value", Changelog: "in", FromSource: true}
	byOne := func(store, node string) Topology {
		t := one(keyValue(store))
		t.Subtopologies[0].Nodes[0].Name = node
		return t
	}
	tests := []struct {
		name     string
		old, now Topology
		want     []string
	}{
		{"nothing", Topology{}, Topology{}, nil},
		{"the same", one(keyValue("a")), one(keyValue("a")), []string{"kept store a"}},
		{"more", one(keyValue("b")), one(keyValue("a"), keyValue("b")), []string{"new store a", "kept store b"}},
		{
			"gone", one(keyValue("a"), keyValue("z")), one(keyValue("a")),
			[]string{"lost store z: its state stays behind in topic z-changelog", "kept store a"},
		},
		{"gone from disk", one(unlogged), one(), []string{"lost store a: its state is on disk only"}},
		{"gone with its source", one(source), one(), []string{"dropped store a: topic in has all of it"}},
		{
			"moved", one(keyValue("a")), second(keyValue("a")),
			[]string{"moved store a: from sub-topology 0 to 1; local copies are read anew from a-changelog"},
		},
		{"moved away from disk", one(unlogged), second(unlogged), []string{"lost store a: it moves from sub-topology 0 to 1 and has no changelog"}},
		{
			"kind", one(keyValue("a")), one(Store{Name: "a", Kind: "window", Changelog: "a-changelog"}),
			[]string{"changed store a: it was a key-value store and is a window store now; give it another name"},
		},
		{"to its source", one(keyValue("a")), one(source), []string{"moved store a: it is read from topic in"}},
		{"from its source", one(source), one(keyValue("a")), []string{"changed store a: its changelog is a-changelog now, which does not have what it holds"}},
		{
			"no changelog", one(keyValue("a")), one(unlogged),
			[]string{"changed store a: it has no changelog any more, and its state stays behind in topic a-changelog"},
		},
		{
			"another number", one(keyValue("STORE-03")), one(keyValue("STORE-05")),
			[]string{"renamed store STORE-03 → STORE-05: its state stays behind in topic STORE-03-changelog"},
		},
		{
			"another name", byOne("a", "count"), byOne("b", "count"),
			[]string{"renamed store a → b: its state stays behind in topic a-changelog"},
		},
		{
			"another name and kind", byOne("a", "count"), one(Store{Name: "b", Kind: "session"}),
			[]string{"lost store a: its state stays behind in topic a-changelog", "new store b"},
		},
		{"topic", topic("r-repartition", 3), topic("r-repartition", 3), []string{"kept repartition topic r-repartition"}},
		{"topic with any number", topic("r-repartition", 3), topic("r-repartition", 0), []string{"kept repartition topic r-repartition"}},
		{
			"partitions", topic("r-repartition", 3), topic("r-repartition", 4),
			[]string{"changed repartition topic r-repartition: it has 3 partitions, and 4 are asked for"},
		},
		{
			"topic's number", topic("K-02-repartition", 0), topic("K-03-repartition", 0),
			[]string{"renamed repartition topic K-02-repartition → K-03-repartition: records in it that were not read yet stay behind"},
		},
		{
			"topic gone", topic("r-repartition", 0), topic("s-repartition", 0),
			[]string{"lost repartition topic r-repartition: records in it that were not read yet stay behind", "new repartition topic s-repartition"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range Compare(tt.old, tt.now) {
				got = append(got, c.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}
