package dsl

import (
	"regexp"
	"strings"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
)

// RepartitionStep is a topic that brings records to where their keys belong.
type RepartitionStep struct {
	Name       func() string // of the topic without its suffix; known once numbered
	Partitions int32         // 0: as many as its inputs ask for
	Operation  bool          // asked for by the user, never merged
	KeepNull   bool          // records with a null key pass: only a join that takes them follows

	topic                string
	filter, sink, source string
	Reads                *graph.Node // the source node, once written
	merged               []*Step     // the repartitions that it stands for
}

var generatedName = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)

// names takes the numbers of a repartition and sets its names.
func (r *RepartitionStep) names(c *Counter) {
	sink, filter, source := c.Name("KSTREAM-SINK-"), c.Name("KSTREAM-FILTER-"), c.Name("KSTREAM-SOURCE-")
	prefix := r.Name()
	r.topic = strings.TrimSuffix(prefix, "-repartition") + "-repartition"
	if generatedName.MatchString(prefix) {
		r.sink, r.filter, r.source = sink, filter, source
		return
	}
	r.sink, r.filter, r.source = r.topic+"-sink", r.topic+"-filter", r.topic+"-source"
}

// Repartitioned adds a repartition step behind parent. partition may be nil.
func Repartitioned[K, V any](b *Builder, name string, r *RepartitionStep, parent *Step,
	key serde.Serde[K], value serde.Serde[V], partition op.Partition[K, V]) *Step {
	s := &Step{Op: name, Parents: []*Step{parent}, Repartition: r}
	s.Number = func(s *Step, c *Counter) { r.names(c) }
	s.Write = func(s *Step, w *Writer) {
		r, at := s.Repartition, s.Parents[0].Out
		at = w.Behind(s, r.filter, op.RequireKey[K, V](), at)
		if r.KeepNull {
			at.Bind = op.Pass[K, V]()
		}
		topic := graph.Topic{Name: r.topic, Internal: true}
		w.AddRepartition(&graph.Repartition{Name: r.topic, Partitions: r.Partitions, Place: s.Place})
		w.Add(&graph.Node{Name: r.sink, Kind: graph.SinkNode, Place: s.Place, Op: s.Op,
			Sink: &graph.Sink{Topic: topic, Partition: partition != nil},
			Bind: op.Sink(op.SinkSpec[K, V]{Topic: topic, Key: key, Value: value, Partition: partition})}, at)
		s.Out = w.Add(&graph.Node{Name: r.source, Kind: graph.SourceNode, Place: s.Place, Op: s.Op,
			Source: &graph.Source{Topics: []graph.Topic{topic}, Reset: graph.Reset{Kind: graph.ResetEarliest}},
			Bind:   op.Source(key, value, nil)})
		r.Reads = s.Out
		for _, m := range r.merged {
			m.Out, m.Repartition.Reads = s.Out, s.Out
		}
	}
	return b.Add(s)
}

// SkipRepartition takes the numbers of a repartition that is there already.
func SkipRepartition(b *Builder, by *Step) {
	b.Add(&Step{Op: by.Op, Place: by.Place, Number: func(_ *Step, c *Counter) {
		for range 3 {
			c.Name("")
		}
	}})
}

// Changes is the edge of a table, for those who spell its type.
type Changes[K, V any] = flow.Next[K, flow.Change[V]]
