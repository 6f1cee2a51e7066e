package conformance

import (
	"fmt"
	"strconv"
)

// inferRecord is the shape of a step that takes one record after the other
// and keeps the kind of what it is applied to.
func inferRecord(s *Step, from Shape) (out Shape, err error) {
	if from.Kind != KindStream && from.Kind != KindTable {
		return Shape{}, fmt.Errorf("a %s has no %s", from.Kind, s.Op)
	}
	out = from
	switch s.Op {
	case "filter", "filterNot":
		_, err = ParsePredicate(s.Fn)
	case "mapValues":
		_, out.Value, err = ParseValueFunc(s.Fn, from.Value)
	case "transformValues":
		_, out.Value, err = ParseTransformer(s.Fn, from.Value)
	case "map":
		out.Key, out.Value, err = inferMap(s, from.Key, from.Value)
	case "flatMapValues":
		_, out.Value, err = ParseFlatFunc(s.Fn, from.Value)
	case "flatMap":
		var element Type
		if _, element, err = ParseFlatFunc(s.Fn, from.Value); err == nil {
			out.Key, out.Value, err = inferMap(s, from.Key, element)
		}
	case "selectKey":
		_, out.Key, err = ParseKeyFunc(s.Fn, from.Key, from.Value)
	case "process", "processValues":
		_, out.Key, out.Value, err = ParseProcessor(s.Processor, from.Key, from.Value)
	case "peek", "repartition", "suppress":
	case "foreach", "to":
		return Shape{}, checkSink(s)
	default:
		err = fmt.Errorf("operation %s is unknown", s.Op)
	}
	return out, err
}

// inferMap is the types that a key function and a value function make.
func inferMap(s *Step, key, value Type) (outKey, outValue Type, err error) {
	if _, outKey, err = ParseKeyFunc(s.KeyFn, key, value); err != nil {
		return "", "", err
	}
	_, outValue, err = ParseValueFunc(s.ValueFn, value)
	return outKey, outValue, err
}

func checkSink(s *Step) (err error) {
	if s.TopicFn != "" {
		_, err = ParseTopicFunc(s.TopicFn)
	}
	if s.Partitioner != "" && err == nil {
		_, err = ParsePartitioner(s.Partitioner)
	}
	return err
}

// inferChange is the shape of a step that makes another kind of thing.
func inferChange(s *Step, from Shape) (out Shape, err error) {
	out = from
	switch {
	case s.Op == "groupByKey" && from.Kind == KindStream:
		out.Kind = KindGroupedStream
	case s.Op == "groupBy" && from.Kind == KindStream:
		out.Kind = KindGroupedStream
		_, out.Key, err = ParseKeyFunc(s.Fn, from.Key, from.Value)
	case s.Op == "groupBy" && from.Kind == KindTable:
		out.Kind = KindGroupedTable
		out.Key, out.Value, err = inferMap(s, from.Key, from.Value)
	case s.Op == "toTable" && from.Kind == KindStream:
		out.Kind = KindTable
	case s.Op == "toStream" && from.Kind == KindTable:
		out.Kind = KindStream
		if s.Fn != "" {
			_, out.Key, err = ParseKeyFunc(s.Fn, from.Key, from.Value)
		}
	default:
		err = fmt.Errorf("a %s has no %s", from.Kind, s.Op)
	}
	return out, err
}

func (t *Types) inferSplit(s *Step, from Shape) (Shape, error) {
	if from.Kind != KindStream {
		return Shape{}, fmt.Errorf("a %s has no split", from.Kind)
	}
	for i, b := range s.Branches {
		if _, err := ParsePredicate(b.Fn); err != nil {
			return Shape{}, err
		}
		t.Steps[s.ID+"."+strconv.Itoa(i+1)] = from
	}
	if s.Default != nil {
		t.Steps[s.ID+".default"] = from
	}
	return Shape{}, nil
}

// inferAggregation is the shape of windowedBy and of the aggregations.
func inferAggregation(s *Step, from Shape) (out Shape, err error) {
	out = from
	if s.Op == "windowedBy" {
		out.Windows = s.Windows
		switch from.Kind {
		case KindGroupedStream:
			out.Kind = KindWindowedStream
		case KindCogrouped:
			out.Kind = KindWindowedCogroup
		default:
			return Shape{}, fmt.Errorf("a %s has no windowedBy", from.Kind)
		}
		_, err := s.Windows.keyType(from.Key)
		return out, err
	}
	switch from.Kind {
	case KindGroupedStream, KindGroupedTable, KindWindowedStream, KindCogrouped, KindWindowedCogroup:
	default:
		return Shape{}, fmt.Errorf("a %s has no %s", from.Kind, s.Op)
	}
	out = Shape{Kind: KindTable}
	if out.Key, err = from.Windows.keyType(from.Key); err != nil {
		return Shape{}, err
	}
	out.Value, err = aggregateType(s, from)
	return out, err
}

// aggregateType is the type of the aggregates of an aggregation.
func aggregateType(s *Step, from Shape) (t Type, err error) {
	cogrouped := from.Kind == KindCogrouped || from.Kind == KindWindowedCogroup
	switch {
	case s.Op == "count":
		return Int64, nil
	case s.Op == "reduce":
		if _, err = ParseReducer(s.Fn, from.Value); err == nil && s.Subtract != "" {
			_, err = ParseReducer(s.Subtract, from.Value)
		}
		return from.Value, err
	case cogrouped: // its value type is that of the aggregates
		t = from.Value
	default:
		if _, t, err = ParseAggregator(s.Fn, from.Value); err != nil {
			return "", err
		}
	}
	if s.Subtract != "" {
		_, subtracted, err := ParseAggregator(s.Subtract, from.Value)
		if err != nil || subtracted != t {
			return "", fmt.Errorf("subtractor %q of aggregates of type %s: %v", s.Subtract, t, err)
		}
	}
	if s.Merger != "" {
		if _, err := ParseMerger(s.Merger, t); err != nil {
			return "", err
		}
	}
	if s.Init == nil {
		return "", fmt.Errorf("there is no initial value")
	}
	_, err = ParseValue(s.Init, t)
	return t, err
}

func (t *Types) inferCogroup(s *Step) (Shape, error) {
	var out Shape
	for i, g := range s.Groups {
		from, err := t.step(g.From)
		if err != nil {
			return Shape{}, err
		}
		if from.Kind != KindGroupedStream {
			return Shape{}, fmt.Errorf("a %s is no grouped stream", from.Kind)
		}
		_, value, err := ParseAggregator(g.Agg, from.Value)
		if err != nil {
			return Shape{}, err
		}
		shape := Shape{Kind: KindCogrouped, Key: from.Key, Value: value}
		if i > 0 && out != shape {
			return Shape{}, fmt.Errorf("the types of group %d differ", i)
		}
		out = shape
	}
	return out, nil
}

// inferTwo is the shape of joins and merges.
func (t *Types) inferTwo(s *Step) (Shape, error) {
	left, err := t.step(s.Left)
	if err != nil {
		return Shape{}, err
	}
	right, err := t.step(s.Right)
	if err != nil {
		return Shape{}, err
	}
	if s.Op == "merge" {
		if left != right || left.Kind != KindStream {
			return Shape{}, fmt.Errorf("cannot merge a %s and a %s", left.Kind, right.Kind)
		}
		return left, nil
	}
	switch kinds := [2]ShapeKind{left.Kind, right.Kind}; kinds {
	case [2]ShapeKind{KindStream, KindStream}, [2]ShapeKind{KindStream, KindTable},
		[2]ShapeKind{KindStream, KindGlobalTable}, [2]ShapeKind{KindTable, KindTable}:
	default:
		return Shape{}, fmt.Errorf("cannot join a %s with a %s", left.Kind, right.Kind)
	}
	if (s.KeyFn != "") != (right.Kind == KindGlobalTable) {
		return Shape{}, fmt.Errorf("key_fn belongs to joins with a global table")
	}
	key := left.Key
	if fn := s.KeyFn + s.FKFn; fn != "" {
		if _, key, err = ParseKeyFunc(fn, left.Key, left.Value); err != nil {
			return Shape{}, err
		}
	}
	if key != right.Key {
		return Shape{}, fmt.Errorf("keys of type %s do not join keys of type %s", key, right.Key)
	}
	out := Shape{Kind: left.Kind, Key: left.Key}
	_, out.Value, err = ParseJoiner(s.Joiner, left.Value, right.Value)
	return out, err
}
