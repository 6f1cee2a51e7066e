package conformance

import (
	"fmt"
	"math"
	"regexp"
)

// ShapeKind says what the result of a step is.
type ShapeKind string

// The kinds of results.
const (
	KindStream          ShapeKind = "stream"
	KindTable           ShapeKind = "table"
	KindGlobalTable     ShapeKind = "global table"
	KindGroupedStream   ShapeKind = "grouped stream"
	KindGroupedTable    ShapeKind = "grouped table"
	KindWindowedStream  ShapeKind = "windowed stream"
	KindCogrouped       ShapeKind = "cogrouped stream"
	KindWindowedCogroup ShapeKind = "windowed cogrouped stream"
	KindNode            ShapeKind = "node" // of the Processor API
)

// Shape is the static type of the result of a step. Windows are those of a
// windowed stream, of which Key is still the plain type.
type Shape struct {
	Kind    ShapeKind
	Key     Type
	Value   Type
	Windows *Windows
}

// Types holds the static types of a case.
type Types struct {
	Steps map[string]Shape // by step id, branches of a split as ID.1, …, ID.default
	Nodes map[string]Shape // by the name given to a node

	topics   map[string]Shape
	patterns map[string]Shape
}

// Topic is the types of a source topic, strings if nothing reads it.
func (t *Types) Topic(name string) (key, value Type) {
	if s, ok := t.topics[name]; ok {
		return s.Key, s.Value
	}
	for p, s := range t.patterns {
		if re, err := regexp.Compile("^(?:" + p + ")$"); err == nil && re.MatchString(name) {
			return s.Key, s.Value
		}
	}
	return String, String
}

// Infer computes the static types of all steps. A step that does not type
// checks is an error, and so is one that names a step that is not there.
func Infer(c *Case) (*Types, error) {
	t := &Types{
		Steps: map[string]Shape{}, Nodes: map[string]Shape{},
		topics: map[string]Shape{}, patterns: map[string]Shape{},
	}
	for i := range c.Topology {
		s := &c.Topology[i]
		shape, err := t.infer(s)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", s.Label(), err)
		}
		if shape.Kind == "" {
			continue
		}
		if s.ID != "" {
			t.Steps[s.ID] = shape
		}
		if s.Name != nil {
			t.Nodes[*s.Name] = shape
		}
	}
	return t, nil
}

// infer is the shape of the result of one step, zero if it has none.
func (t *Types) infer(s *Step) (Shape, error) {
	switch s.Op {
	case "stream", "table", "globalTable", "addSource", "addStateStore", "addGlobalStore", "addReadOnlyStateStore":
		return t.inferSource(s)
	case "addProcessor", "addSink", "connectProcessorAndStateStores":
		return t.inferNode(s)
	case "join", "leftJoin", "outerJoin", "merge":
		return t.inferTwo(s)
	case "cogroup":
		return t.inferCogroup(s)
	}
	from, err := t.step(s.From)
	if err != nil {
		return Shape{}, err
	}
	switch s.Op {
	case "windowedBy", "count", "reduce", "aggregate":
		return inferAggregation(s, from)
	case "split":
		return t.inferSplit(s, from)
	case "groupByKey", "groupBy", "toTable", "toStream":
		return inferChange(s, from)
	}
	return inferRecord(s, from)
}

// step is the shape of an earlier step.
func (t *Types) step(id string) (Shape, error) {
	s, ok := t.Steps[id]
	if !ok {
		return Shape{}, fmt.Errorf("step %q does not stand before", id)
	}
	return s, nil
}

func (t *Types) inferSource(s *Step) (Shape, error) {
	shape := Shape{Kind: KindStream, Key: s.Key.or(String), Value: s.Value.or(String)}
	switch s.Op {
	case "table":
		shape.Kind = KindTable
	case "globalTable":
		shape.Kind = KindGlobalTable
	case "addSource":
		shape.Kind = KindNode
	case "addStateStore", "addGlobalStore", "addReadOnlyStateStore":
		if s.Store.Spec == nil {
			return Shape{}, fmt.Errorf("there is no store specification")
		}
		shape = Shape{Key: s.Store.Spec.KeyType(), Value: s.Store.Spec.ValueType()}
	}
	if s.Extractor != "" {
		if err := CheckExtractor(s.Extractor); err != nil {
			return Shape{}, err
		}
	}
	if s.Reset != "" {
		if _, err := ParseReset(s.Reset); err != nil {
			return Shape{}, err
		}
	}
	if s.Processor != "" {
		if _, _, _, err := ParseProcessor(s.Processor, shape.Key, shape.Value); err != nil {
			return Shape{}, err
		}
	}
	return shape, t.addTopics(s, shape)
}

// addTopics notes the types of the topics of a source.
func (t *Types) addTopics(s *Step, shape Shape) error {
	topics := s.Topics
	if s.Topic != "" {
		topics = append(topics, s.Topic)
	}
	for _, topic := range topics {
		if old, ok := t.topics[topic]; ok && (old.Key != shape.Key || old.Value != shape.Value) {
			return fmt.Errorf("topic %s is read with other types, too", topic)
		}
		t.topics[topic] = shape
	}
	if s.Pattern != "" {
		t.patterns[s.Pattern] = shape
	}
	return nil
}

func (t *Types) inferNode(s *Step) (Shape, error) {
	if s.Op == "connectProcessorAndStateStores" {
		return Shape{}, nil
	}
	shape := Shape{Kind: KindNode, Key: String, Value: String}
	for _, p := range s.Parents {
		if parent, ok := t.Nodes[p]; ok {
			shape.Key, shape.Value = parent.Key, parent.Value
			break
		}
	}
	var err error
	switch {
	case s.Op == "addProcessor":
		_, shape.Key, shape.Value, err = ParseProcessor(s.Processor, shape.Key, shape.Value)
	case s.TopicFn != "":
		_, err = ParseTopicFunc(s.TopicFn)
	}
	return shape, err
}

// keyType is the type of the keys of an aggregation over windows.
func (w *Windows) keyType(key Type) (Type, error) {
	switch {
	case w == nil:
		return key, nil
	case w.Type == TimeWindows && w.SizeMS != nil:
		return TimeWindowed(key, *w.SizeMS), nil
	case w.Type == SlidingWindows && w.TimeDifferenceMS != nil:
		return TimeWindowed(key, *w.TimeDifferenceMS), nil
	case w.Type == UnlimitedWindows:
		return TimeWindowed(key, math.MaxInt64), nil
	case w.Type == SessionWindows && w.GapMS != nil:
		return SessionWindowed(key), nil
	}
	return "", fmt.Errorf("windows of type %q are incomplete or unknown", w.Type)
}
