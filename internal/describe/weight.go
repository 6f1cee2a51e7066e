package describe

import "slices"

// Java prints the nodes of a sub-topology by weight: 1 plus the weights of all
// children, so a node that is reached over two paths counts twice. It builds the
// weights while it links the nodes, in hash order, and keeps the neighbours of
// each node in a sorted set. What is printed after an arrow therefore depends on
// the weights that both sides had when one of them was inserted.

// A vertex is a node on its way to the printed page.
type vertex struct {
	node     *Node
	weight   int32 // Java's int, wrap-around included
	children tree[*vertex]
	parents  tree[*vertex]
}

// compare orders the heavier vertex first, then by name.
func (v *vertex) compare(o *vertex) int {
	if v.node.Name == o.node.Name {
		return 0
	}
	switch d := o.weight - v.weight; {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return compareUTF16(v.node.Name, o.node.Name)
}

// link connects each node with its parents, in Java's order.
func link(nodes []Node) []*vertex {
	byName := make(map[string]*vertex, len(nodes))
	names := make([]string, len(nodes))
	for i := range nodes {
		names[i] = nodes[i].Name
		byName[names[i]] = &vertex{node: &nodes[i], weight: 1}
	}
	var linked []*vertex
	for _, name := range mapOfSet(names) {
		v := byName[name]
		linked = append(linked, v)
		for _, parent := range v.node.Parents {
			p, ok := byName[parent]
			if !ok {
				continue
			}
			v.parents.add(p)
			p.children.add(v)
			p.grow(v.weight)
		}
	}
	return linked
}

// grow adds delta to v, and to each ancestor linked so far once per path that
// leads from it to v. Java walks every path; as their number can double with
// each level, this counts them instead.
func (v *vertex) grow(delta int32) {
	paths := map[*vertex]int32{v: 1}
	for _, a := range v.upwards() {
		a.weight += delta * paths[a]
		for p := range a.parents.all() {
			paths[p] += paths[a]
		}
	}
}

// upwards returns v and its ancestors, children before parents.
func (v *vertex) upwards() []*vertex {
	var order []*vertex
	seen := make(map[*vertex]bool)
	var visit func(*vertex)
	visit = func(a *vertex) {
		seen[a] = true
		for p := range a.parents.all() {
			if !seen[p] {
				visit(p)
			}
		}
		order = append(order, a)
	}
	visit(v)
	slices.Reverse(order)
	return order
}

// printed returns the vertices in the order of their blocks, by final weight.
func printed(linked []*vertex) []*vertex {
	var t tree[*vertex]
	for _, v := range linked {
		t.add(v)
	}
	return slices.Collect(t.all())
}
