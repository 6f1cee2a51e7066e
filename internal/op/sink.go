package op

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/serde"
)

// Partition chooses the partitions of a record: the record goes to each of to.
// None drops it. With chosen unset the key's hash decides.
type Partition[K, V any] func(topic string, k K, v V, m *flow.Meta, partitions int32) (to []int32, chosen bool)

// SinkSpec is what a sink writes.
type SinkSpec[K, V any] struct {
	Topic     graph.Topic
	Dynamic   func(k K, v V, m *flow.Meta) string // chooses the topic, if set
	Partition Partition[K, V]
	Key       serde.Serde[K]
	Value     serde.Serde[V]
	// AtCommit lets records leave together with the state that they come from.
	AtCommit bool
}

// Keyless says what [graph.Node] wants to know.
func (s *SinkSpec[K, V]) Keyless() bool {
	return s.Dynamic == nil && s.Partition == nil && any(s.Key) == any(serde.String)
}

// Sink encodes records and hands them to the collector.
func Sink[K, V any](spec SinkSpec[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		s := &sink[K, V]{in: b.Instance, node: n, spec: spec, kn: flow.NullsOf[K](), vn: flow.NullsOf[V]()}
		s.out.AtCommit = spec.AtCommit
		s.nulls = s.kn.Possible() || s.vn.Possible()
		s.task = b.Instance.Measure()
		if spec.Dynamic == nil {
			s.out.Topic = b.Instance.TopicName(spec.Topic)
			s.bindSerdes()
		}
		return flow.Next[K, V](s.write), nil
	}
}

type sink[K, V any] struct {
	in    graph.Instance
	node  *graph.Node
	spec  SinkSpec[K, V]
	key   encoder[K]
	value encoder[V]
	kn    flow.Nulls[K]
	vn    flow.Nulls[V]
	nulls bool // keys or values may be null by themselves
	out   graph.Output
	task  *measure.Task
	count *measure.Output // of the present topic
}

// bindSerdes makes the sink ready for the topic of out.
func (s *sink[K, V]) bindSerdes() {
	s.count = s.task.Output(s.out.Topic, s.node.Name)
	s.key = newEncoder(serde.Bind(s.spec.Key, s.out.Topic, true))
	s.value = newEncoder(serde.Bind(s.spec.Value, s.out.Topic, false))
}

func (s *sink[K, V]) write(k K, v V, m *flow.Meta) (err error) {
	if s.spec.Dynamic != nil {
		m.Node = int32(s.node.ID)
		if topic := s.spec.Dynamic(k, v, m); topic != s.out.Topic {
			s.out.Topic = topic
			s.bindSerdes()
		}
	}
	o := &s.out
	o.Time, o.Headers, o.Cause, o.Final = m.Time, m.Headers, m.Origin, m.Final
	if o.Time < 0 {
		return &graph.EncodeError{Topic: o.Topic, Part: "timestamp", Err: fmt.Errorf("%d is negative", o.Time)}
	}
	noKey, noValue := m.NoKey, m.NoValue
	if s.nulls {
		noKey, noValue = noKey || s.kn.Is(&k), noValue || s.vn.Is(&v)
	}
	o.Key, o.Value, o.Hash, o.Partition = nil, nil, nil, graph.ByKey
	if !noKey {
		if o.Key, err = s.key.encode(k, o); err != nil {
			return &graph.EncodeError{Topic: o.Topic, Part: "key", Err: err}
		}
		o.Hash = s.key.hashed(o.Key)
	}
	if !noValue {
		if o.Value, err = s.value.encode(v, o); err != nil {
			return &graph.EncodeError{Topic: o.Topic, Part: "value", Err: err}
		}
	}
	if s.spec.Partition != nil {
		err = s.route(k, v, m)
	} else {
		err = s.send()
	}
	o.Headers, o.Cause = nil, nil // the record's: a task at rest would keep a batch with them
	return err
}

func (s *sink[K, V]) send() error {
	s.count.Add(s.task, len(s.out.Key)+len(s.out.Value), s.out.Time)
	return s.in.Emit(&s.out)
}

func (s *sink[K, V]) route(k K, v V, m *flow.Meta) error {
	n, err := s.in.Partitions(s.out.Topic)
	if err != nil {
		return fmt.Errorf("topic %s: %w", s.out.Topic, err)
	}
	m.Node = int32(s.node.ID)
	to, chosen := s.spec.Partition(s.out.Topic, k, v, m, n)
	if !chosen {
		return s.send()
	}
	if len(to) == 0 {
		s.in.Dropped(s.node, "the partitioner chose no partition")
	}
	for _, p := range to {
		if p < 0 || p >= n {
			return fmt.Errorf("topic %s: the partitioner chose partition %d of %d", s.out.Topic, p, n)
		}
		s.out.Partition = p
		if err := s.send(); err != nil {
			return err
		}
	}
	return nil
}

// encoder encodes into a buffer of its own.
type encoder[T any] struct {
	serde   serde.Serde[T]
	headers serde.HeaderAware[T]
	inner   serde.InnerKeyer
	buf     []byte
}

func newEncoder[T any](s serde.Serde[T]) encoder[T] {
	h, _ := s.(serde.HeaderAware[T])
	i, _ := s.(serde.InnerKeyer)
	return encoder[T]{serde: s, headers: h, inner: i}
}

// encode returns bytes that are valid until the next call.
func (e *encoder[T]) encode(v T, o *graph.Output) (b []byte, err error) {
	if e.headers != nil {
		h := append(serde.Headers(nil), o.Headers...)
		b, err = e.headers.AppendRecord(e.buf[:0], v, &h)
		o.Headers = h
	} else {
		b, err = e.serde.AppendTo(e.buf[:0], v)
	}
	if err != nil {
		return nil, err
	}
	if b == nil {
		b = []byte{}
	}
	e.buf = b
	return b, nil
}

// hashed is the part of the key that chooses the partition: of a windowed key
// the inner one. Nil stands for all of it.
func (e *encoder[T]) hashed(key []byte) []byte {
	if e.inner == nil {
		return nil
	}
	return e.inner.InnerKey(key)
}
