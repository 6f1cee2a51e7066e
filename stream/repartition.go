package stream

import (
	"math"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/topology"
)

// Repartition sends the stream through an internal topic, so that its records
// are where their keys belong and the work behind it is spread anew. Records
// with a null key are left out. The topic is named by [KStream.Named], and gets
// as many partitions as what is written to it asks for. (KIP-221)
func (s *KStream[K, V]) Repartition() *KStream[K, V] { return s.repartition(0, nil) }

// RepartitionInto is Repartition into a topic of a fixed number of partitions,
// at least 1.
func (s *KStream[K, V]) RepartitionInto(partitions int) *KStream[K, V] {
	if partitions < 1 {
		s.b.Fail(graph.Place(), "RepartitionInto", "the number of partitions is %d: it must be at least 1", partitions)
	}
	return s.repartition(partitions, nil)
}

// RepartitionBy is RepartitionInto with a partitioner in place of the hash of
// the key. With 0 partitions the topic gets as many as what is written to it
// asks for. A stream that is joined must be partitioned as its other side is.
func (s *KStream[K, V]) RepartitionBy(partitions int, p topology.Partitioner[K, V]) *KStream[K, V] {
	if partitions < 0 {
		s.b.Fail(graph.Place(), "RepartitionBy", "the number of partitions is %d: it can't be negative", partitions)
	}
	by := topology.NewTopic("", s.key, s.value).PartitionBy(p).Sink().Partition
	return s.repartition(partitions, by)
}

func (s *KStream[K, V]) repartition(partitions int, by op.Partition[K, V]) *KStream[K, V] {
	const call = "Repartition"
	place := graph.Place()
	if partitions > math.MaxInt32 {
		s.b.Fail(place, call, "the number of partitions is %d: it must be at most %d", partitions, math.MaxInt32)
	}
	c := *s
	c.key = dsl.Serde(s.b, s.key, place, call, "keys")
	c.value = dsl.Serde(s.b, s.value, place, call, "values")
	var name string
	r := &dsl.RepartitionStep{Partitions: int32(partitions), Operation: true, Name: func() string { return name }}
	step := dsl.Repartitioned(s.b, call, r, s.step, c.key, c.value, by)
	number, write := step.Number, step.Write
	step.Number = func(step *dsl.Step, counter *dsl.Counter) {
		if name = step.Given; name == "" {
			name = counter.Name("KSTREAM-REPARTITION-")
		}
		number(step, counter)
	}
	step.Write = func(step *dsl.Step, w *dsl.Writer) {
		if step.Given == "" {
			s.b.RequireName(w, step, "the repartition topic")
		}
		write(step, w)
	}
	c.step, c.written, c.moved, c.sources = step, nil, false, []*dsl.Step{step}
	return &c
}
