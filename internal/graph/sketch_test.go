package graph

import (
	"regexp"
	"testing"
)

// sketch builds graphs by hand. Places are the names of the nodes with ".go:1".
type sketch struct {
	t *testing.T
	b *Builder
}

func newSketch(t *testing.T) *sketch { return &sketch{t, NewBuilder()} }

func (s *sketch) build() *Topology {
	s.t.Helper()
	top, mistakes := s.b.Build()
	if len(mistakes) > 0 {
		s.t.Fatalf("mistakes: %v", mistakes)
	}
	return top
}

func (s *sketch) node(kind Kind, name, op string, parents ...*Node) *Node {
	return s.b.Add(&Node{Name: name, Kind: kind, Place: name + ".go:1", Op: op}, parents...)
}

// read adds a source of topics, which carries the name of the first.
func (s *sketch) read(topics ...string) *Node {
	n := &Node{Name: topics[0], Kind: SourceNode, Place: topics[0] + ".go:1", Op: "Stream", Source: &Source{}}
	for _, t := range topics {
		n.Source.Topics = append(n.Source.Topics, Topic{Name: t})
	}
	return s.b.Add(n)
}

func (s *sketch) match(pattern string) *Node {
	return s.b.Add(&Node{Name: "match", Kind: SourceNode, Place: "match.go:1", Op: "Stream",
		Source: &Source{Pattern: regexp.MustCompile(pattern)}})
}

func (s *sketch) process(name string, parents ...*Node) *Node {
	return s.node(ProcessorNode, name, "Process", parents...)
}

func (s *sketch) keep(n *Node, st *Store) *Store {
	st.Place = st.Name + ".go:1"
	s.b.Connect(n, s.b.AddStore(st))
	return st
}

// internal adds an internal topic behind n and returns the source that reads
// it. partitions 0 leaves it free.
func (s *sketch) internal(name string, partitions int32, n ...*Node) *Node {
	s.b.AddRepartition(&Repartition{Name: name, Partitions: partitions, Place: name + ".go:1"})
	s.write(name, n...)
	return s.reread(name)
}

func (s *sketch) write(name string, n ...*Node) *Node {
	return s.b.Add(&Node{Name: name + "-sink", Kind: SinkNode, Place: name + ".go:1", Op: "Repartition",
		Sink: &Sink{Topic: Topic{Name: name, Internal: true}}}, n...)
}

func (s *sketch) reread(name string) *Node {
	return s.b.Add(&Node{Name: name + "-source", Kind: SourceNode, Place: name + ".go:1", Op: "Repartition",
		Source: &Source{Topics: []Topic{{Name: name, Internal: true}}}})
}

// join adds a join of sources, whose topics must fit.
func (s *sketch) join(name string, sources ...*Node) *Node {
	s.b.Copartition(CopartitionGroup{Sources: sources, Place: name + ".go:1", Op: "Join"})
	return s.process(name, sources...)
}
