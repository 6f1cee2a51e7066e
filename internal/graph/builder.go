package graph

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Mistake is something wrong with a topology, and where the user wrote it.
type Mistake struct {
	Place string // file:line, empty if it has none
	Op    string
	Text  string
}

func (m Mistake) String() string {
	var b strings.Builder
	for _, part := range []string{m.Place, m.Op} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	return b.String() + m.Text
}

// Builder collects nodes, stores and mistakes. It is not safe for concurrent use.
type Builder struct {
	nodes        []*Node
	byName       map[string]*Node
	stores       []*Store
	storeByName  map[string]*Store
	repartitions []*Repartition
	groups       []CopartitionGroup
	mistakes     []Mistake
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	return &Builder{byName: make(map[string]*Node), storeByName: make(map[string]*Store)}
}

// Fail notes a mistake.
func (b *Builder) Fail(place, op, format string, args ...any) {
	b.mistakes = append(b.mistakes, Mistake{place, op, fmt.Sprintf(format, args...)})
}

// Mistakes returns what was noted so far.
func (b *Builder) Mistakes() []Mistake { return b.mistakes }

// Node returns the node of a name, nil if there is none.
func (b *Builder) Node(name string) *Node { return b.byName[name] }

// Nodes returns all nodes, in order of creation.
func (b *Builder) Nodes() []*Node { return b.nodes }

// Store returns the store of a name, nil if there is none.
func (b *Builder) Store(name string) *Store { return b.storeByName[name] }

var validName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// NameProblem says what is wrong with the name of a node, store or topic, or "".
func NameProblem(kind, name string) string {
	switch {
	case name == "":
		return kind + " has an empty name"
	case name == "." || name == "..":
		return fmt.Sprintf("%s name %q is not allowed", kind, name)
	case len(name) > 249:
		return fmt.Sprintf("%s name %.20q… is longer than 249 characters", kind, name)
	case !validName.MatchString(name):
		return fmt.Sprintf("%s name %q has characters other than letters, digits, '.', '_' and '-'", kind, name)
	}
	return ""
}

// Add adds a node behind its parents. A mistake is noted and the node left out
// of the names, but returned all the same.
func (b *Builder) Add(n *Node, parents ...*Node) *Node {
	n.ID = len(b.nodes)
	if p := NameProblem("node", n.Name); p != "" {
		b.Fail(n.Place, n.Op, "%s", p)
		return n
	}
	if old := b.byName[n.Name]; old != nil {
		b.Fail(n.Place, n.Op, "node name %q is taken by %s at %s", n.Name, old.Op, old.Place)
		return n
	}
	if n.Kind != SourceNode && len(parents) == 0 {
		b.Fail(n.Place, n.Op, "node %q has no parent", n.Name)
	}
	for _, p := range parents {
		if p == nil { // never written
			if len(b.mistakes) == 0 {
				b.Fail(n.Place, n.Op, "node %q comes behind one of another builder", n.Name)
			}
			continue
		}
		if p.Kind == SinkNode {
			b.Fail(n.Place, n.Op, "node %q has the sink %q as parent", n.Name, p.Name)
			continue
		}
		if slices.Contains(n.Parents, p) {
			continue // a stream merged with itself has each record once
		}
		n.Parents = append(n.Parents, p)
		p.Children = append(p.Children, n)
	}
	b.byName[n.Name] = n
	b.nodes = append(b.nodes, n)
	return n
}

// AddStore adds a store, with the mistakes of its handle. A second store of the
// name is a mistake, the same store again is not.
func (b *Builder) AddStore(s *Store) *Store {
	if p := NameProblem("store", s.Name); p != "" {
		b.Fail(s.Place, "", "%s", p)
		return s
	}
	if old := b.storeByName[s.Name]; old != nil {
		if old != s {
			b.Fail(s.Place, "", "store name %q is taken by the store at %s", s.Name, old.Place)
		}
		return old
	}
	for _, p := range s.Problems {
		b.Fail(s.Place, "", "store %s: %s", s.Name, p)
	}
	s.ID = len(b.stores)
	b.storeByName[s.Name] = s
	b.stores = append(b.stores, s)
	return s
}

// Connect gives node n access to store s.
func (b *Builder) Connect(n *Node, s *Store) {
	if n.Kind != ProcessorNode {
		b.Fail(n.Place, n.Op, "node %q can't have the store %q: only processors can", n.Name, s.Name)
		return
	}
	if slices.Contains(n.Stores, s) {
		return
	}
	n.Stores = append(n.Stores, s)
	if !s.Global {
		s.Nodes = append(s.Nodes, n)
	}
}

// AddRepartition declares an internal topic between a sink and a source.
func (b *Builder) AddRepartition(r *Repartition) {
	if p := NameProblem("topic", r.Name); p != "" {
		b.Fail(r.Place, "", "%s", p)
		return
	}
	for _, old := range b.repartitions {
		if old.Name == r.Name {
			b.Fail(r.Place, "", "internal topic %q is declared at %s too", r.Name, old.Place)
			return
		}
	}
	b.repartitions = append(b.repartitions, r)
}

// Copartition demands that the topics of the sources have equal numbers of
// partitions. To demand it again changes nothing.
func (b *Builder) Copartition(g CopartitionGroup) {
	for _, old := range b.groups {
		if sameNodes(old.Sources, g.Sources) {
			return
		}
	}
	b.groups = append(b.groups, g)
}

func sameNodes(a, b []*Node) bool {
	within := func(a, b []*Node) bool {
		return !slices.ContainsFunc(a, func(n *Node) bool { return !slices.Contains(b, n) })
	}
	return within(a, b) && within(b, a)
}
