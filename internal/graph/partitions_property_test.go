package graph

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomTopology draws sources, processors, stores, repartitions and joins.
func randomTopology(t *testing.T, r *rand.Rand) (*Topology, counts) {
	s := newSketch(t)
	input := make(counts)
	var streams, sources []*Node
	source := func(n *Node) {
		streams, sources = append(streams, n), append(sources, n)
	}
	for i := range 1 + r.IntN(4) {
		name := fmt.Sprintf("in%d", i)
		input[name] = 1 + r.Int32N(4)
		source(s.read(name))
	}
	pick := func(nodes []*Node) *Node { return nodes[r.IntN(len(nodes))] }
	for i := range r.IntN(12) {
		name := fmt.Sprintf("n%d", i)
		switch r.IntN(4) {
		case 0:
			source(s.internal(name, max(0, r.Int32N(8)-4), pick(streams)))
		case 1:
			streams = append(streams, s.process(name, pick(streams), pick(streams)))
		case 2:
			n := s.process(name, pick(streams))
			s.keep(n, &Store{Name: name, Kind: KeyValueStore, Logged: r.IntN(4) > 0})
			streams = append(streams, n)
		case 3:
			streams = append(streams, s.join(name, pick(sources), pick(sources)))
		}
	}
	return s.build(), input
}

func TestPartitionsProperties(t *testing.T) {
	fits, misfits := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		top, input := randomTopology(t, r)
		internal, tasks, err := Partitions(top, "app", input)
		again, _, _ := Partitions(top, "app", input)
		if !maps.Equal(internal, again) {
			t.Fatalf("seed %d: %v, then %v", seed, internal, again)
		}
		if err != nil {
			misfits++
			if !impossible(top, input) {
				t.Errorf("seed %d: %v", seed, err)
			}
			continue
		}
		fits++
		checkCounts(t, seed, top, input, internal)
		checkTasks(t, seed, top, input, internal, tasks)
	}
	if fits < 100 || misfits < 100 {
		t.Errorf("%d topologies fit and %d do not: the draw says little", fits, misfits)
	}
}

// impossible says whether no choice of free topics can satisfy the groups:
// whether a topic that can't change reaches one of another number over groups.
func impossible(top *Topology, input counts) bool {
	reach := make(map[*Node]map[int32]bool)
	for _, n := range top.Nodes {
		if n.Kind != SourceNode {
			continue
		}
		reach[n] = make(map[int32]bool)
		name := n.Source.Topics[0]
		if !name.Internal {
			reach[n][input[name.Name]] = true
		} else if i := slices.IndexFunc(top.Repartitions, func(r *Repartition) bool { return r.Name == name.Name }); top.Repartitions[i].Partitions > 0 {
			reach[n][top.Repartitions[i].Partitions] = true
		}
	}
	for range len(top.Groups) {
		for _, g := range top.Groups {
			for _, a := range g.Sources {
				for _, b := range g.Sources {
					maps.Copy(reach[a], reach[b])
				}
			}
		}
	}
	for _, numbers := range reach {
		if len(numbers) > 1 {
			return true
		}
	}
	return false
}

// checkCounts checks fixed numbers, groups and that every number is one of an
// input or fixed.
func checkCounts(t *testing.T, seed uint64, top *Topology, input, internal counts) {
	t.Helper()
	all := maps.Clone(input)
	maps.Copy(all, internal)
	for _, g := range top.Groups {
		a, b := g.Sources[0].Source.Topics[0].Full("app"), g.Sources[1].Source.Topics[0].Full("app")
		if all[a] != all[b] {
			t.Errorf("seed %d: group of %s with %d and %s with %d", seed, a, all[a], b, all[b])
		}
	}
	possible := slices.Collect(maps.Values(input))
	for _, r := range top.Repartitions {
		if r.Partitions > 0 && internal["app-"+r.Name] != r.Partitions {
			t.Errorf("seed %d: %s is fixed at %d and gets %d", seed, r.Name, r.Partitions, internal["app-"+r.Name])
		}
		possible = append(possible, r.Partitions)
	}
	for name, n := range internal {
		if n < 1 || !slices.Contains(possible, n) {
			t.Errorf("seed %d: %s has %d partitions out of nowhere", seed, name, n)
		}
	}
}

// checkTasks checks that there is a task for each partition of each input and
// a changelog partition for each task.
func checkTasks(t *testing.T, seed uint64, top *Topology, input, internal counts, tasks []TaskID) {
	t.Helper()
	of := make(map[int32]int32)
	for _, id := range tasks {
		of[id.Subtopology]++
	}
	for _, sub := range top.Subtopologies {
		var most int32
		for _, n := range sub.Sources() {
			name := n.Source.Topics[0].Full("app")
			most = max(most, input[name], internal[name])
		}
		if of[sub.ID] != most {
			t.Errorf("seed %d: sub-topology %d has %d tasks for %d partitions", seed, sub.ID, of[sub.ID], most)
		}
		for _, s := range sub.Stores {
			if got := internal["app-"+s.Name+"-changelog"]; s.Logged && got != most || !s.Logged && got != 0 {
				t.Errorf("seed %d: changelog of %s has %d partitions for %d tasks", seed, s.Name, got, most)
			}
		}
	}
}

func TestImpossible(t *testing.T) {
	s := newSketch(t)
	s.join("join", s.read("a"), s.internal("r", 0, s.read("b")))
	top := s.build()
	if impossible(top, counts{"a": 2, "b": 1}) {
		t.Error("a free topic fits any other")
	}
	_, _, err := Partitions(top, "app", counts{"a": 2})
	if _, ok := errors.AsType[*MissingTopicsError](err); !ok {
		t.Errorf("error is %v", err)
	}
}
