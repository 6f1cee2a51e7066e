package graph

import (
	"cmp"
	"slices"
)

// Topology is a whole topology, split into sub-topologies.
type Topology struct {
	Nodes         []*Node
	Stores        []*Store // only those that are connected or global
	Repartitions  []*Repartition
	Groups        []CopartitionGroup
	Subtopologies []*Subtopology // ascending id, global ones included
}

// Subtopology is a part of the topology that shares neither edges nor stores
// with the rest. Its tasks run independently.
type Subtopology struct {
	ID     int32
	Global bool // keeps a global store on every instance; it has no tasks
	Nodes  []*Node
	Stores []*Store
}

// Sources returns the source nodes in order of creation.
func (s *Subtopology) Sources() []*Node {
	var sources []*Node
	for _, n := range s.Nodes {
		if n.Kind == SourceNode {
			sources = append(sources, n)
		}
	}
	return sources
}

// Subtopology returns the sub-topology that node n is part of.
func (t *Topology) Subtopology(n *Node) *Subtopology { return t.Subtopologies[n.subtopology] }

// Build checks the topology and splits it. It returns all mistakes at once.
func (b *Builder) Build() (*Topology, []Mistake) {
	b.check()
	if len(b.mistakes) > 0 {
		return nil, slices.Clone(b.mistakes)
	}
	t := &Topology{Nodes: b.nodes, Repartitions: b.repartitions, Groups: b.groups}
	for _, s := range b.stores {
		if s.Global || len(s.Nodes) > 0 {
			t.Stores = append(t.Stores, s)
		}
	}
	t.split()
	globals := slices.DeleteFunc(slices.Clone(t.Stores), func(s *Store) bool { return !s.Global })
	for _, n := range t.Nodes {
		n.globals = globals
	}
	return t, nil
}

// Reach returns the store of a name that the node may use: one that it is
// connected to, or a global one. It is nil if there is none.
func (n *Node) Reach(name string) *Store {
	for _, stores := range [][]*Store{n.Stores, n.globals} {
		for _, s := range stores {
			if s.Name == name {
				return s
			}
		}
	}
	return nil
}

// split finds the connected components. The id of one is the rank of its first
// node in order of creation.
func (t *Topology) split() {
	root := make(map[*Node]*Node, len(t.Nodes))
	var find func(n *Node) *Node
	find = func(n *Node) *Node {
		if root[n] == nil || root[n] == n {
			return n
		}
		r := find(root[n])
		root[n] = r
		return r
	}
	union := func(a, b *Node) {
		a, b = find(a), find(b)
		if a != b {
			root[b] = a
		}
	}
	for _, n := range t.Nodes {
		for _, c := range n.Children {
			union(n, c)
		}
	}
	for _, s := range t.Stores {
		for _, n := range s.Nodes {
			union(s.Nodes[0], n)
		}
	}
	ids := make(map[*Node]int)
	for _, n := range t.Nodes {
		r := find(n)
		id, ok := ids[r]
		if !ok {
			id = len(t.Subtopologies)
			ids[r] = id
			t.Subtopologies = append(t.Subtopologies, &Subtopology{ID: int32(id)})
		}
		n.subtopology = id
		s := t.Subtopologies[id]
		s.Nodes = append(s.Nodes, n)
	}
	for _, s := range t.Stores {
		sub := t.Subtopologies[s.Nodes[0].subtopology]
		sub.Stores = append(sub.Stores, s)
		sub.Global = sub.Global || s.Global
	}
	for _, s := range t.Subtopologies {
		slices.SortFunc(s.Stores, func(a, b *Store) int { return cmp.Compare(a.ID, b.ID) })
	}
}
