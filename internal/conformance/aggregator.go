package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Aggregator adds a value to an aggregate. The key is the plain one, under
// windows too.
type Aggregator func(key, value, aggregate any) any

// Reducer adds a value to an aggregate of the same type.
type Reducer func(aggregate, value any) any

// Merger merges the aggregates of two sessions.
type Merger func(key, a, b any) any

// ParseAggregator parses an aggregator for values of a type, and returns the
// type of the aggregates.
func ParseAggregator(text string, value Type) (Aggregator, Type, error) {
	c := parseCall(text)
	if err := checkAggregator(c); err != nil {
		return nil, "", err
	}
	switch c.name {
	case "concat":
		return func(_, v, agg any) any { return appendPart(agg, c.arg, v) }, String, nil
	case "concat_key":
		return func(k, v, agg any) any { return orEmpty(agg) + Format(k) + c.arg + Format(v) + ";" }, String, nil
	case "null_if":
		return func(_, v, agg any) any {
			if Format(v) == c.arg {
				return nil
			}
			return appendPart(agg, ",", v)
		}, String, nil
	case "count":
		return func(_, _, agg any) any { return orZero(agg) + 1 }, Int64, nil
	case "uncount":
		return func(_, _, agg any) any { return orZero(agg) - 1 }, Int64, nil
	case "length_sum":
		if value == String {
			return func(_, v, agg any) any { return orZero(agg) + length(orEmpty(v)) }, Int64, nil
		}
		return nil, "", c.unknown("aggregator", value)
	}
	return sharedAggregator(c, value)
}

// sharedAggregator parses the aggregators that are the same as reducers.
func sharedAggregator(c call, value Type) (Aggregator, Type, error) {
	switch c.name {
	case "remove":
		return func(_, v, agg any) any { return removePart(agg, c.arg, v) }, String, nil
	case "first":
		return func(_, v, agg any) any {
			if agg != nil {
				return agg
			}
			return v
		}, value, nil
	case "last":
		return func(_, v, _ any) any { return v }, value, nil
	case "fail_if":
		return func(_, v, _ any) any {
			if Format(v) == c.arg {
				c.fail()
			}
			return v
		}, value, nil
	}
	if f := int64Op(c.name); f != nil && value == Int64 {
		return func(_, v, agg any) any { return f(agg, v) }, Int64, nil
	}
	return nil, "", c.unknown("aggregator", value)
}

// ParseReducer parses a reducer of values of a type.
func ParseReducer(text string, value Type) (Reducer, error) {
	c := parseCall(text)
	if err := checkAggregator(c); err != nil {
		return nil, err
	}
	if c.name == "concat" && value == String {
		return func(agg, v any) any { return Format(agg) + c.arg + Format(v) }, nil
	}
	if c.name == "concat_key" {
		return nil, fmt.Errorf("reducer %q: there is no key", c.text)
	}
	aggregate, result, err := ParseAggregator(text, value)
	if err != nil {
		return nil, err
	}
	if result != value {
		return nil, c.unknown("reducer", value)
	}
	return func(agg, v any) any { return aggregate(nil, v, agg) }, nil
}

// ParseMerger parses a merger of aggregates of a type.
func ParseMerger(text string, aggregate Type) (Merger, error) {
	c := parseCall(text)
	if err := c.checkArg("sum", "max", "left", "null"); err != nil {
		return nil, err
	}
	switch {
	case c.name == "left":
		return func(_, a, _ any) any { return a }, nil
	case c.name == "null":
		return func(_, _, _ any) any { return nil }, nil
	case c.name == "sum" && aggregate == Int64, c.name == "max" && aggregate == Int64:
		f := int64Op(c.name)
		return func(_, a, b any) any { return f(a, b) }, nil
	case c.name == "concat" && aggregate == String:
		return func(_, a, b any) any {
			if orEmpty(b) == "" {
				return a
			}
			if orEmpty(a) == "" {
				return b
			}
			return Format(a) + c.arg + Format(b)
		}, nil
	}
	return nil, c.unknown("merger", aggregate)
}

func checkAggregator(c call) error {
	return c.checkArg("count", "uncount", "sum", "sub", "max", "min", "length_sum", "first", "last")
}

// int64Op is an operation on two int64s, nil if there is none of that name.
func int64Op(name string) func(aggregate, value any) any {
	switch name {
	case "sum":
		return func(agg, v any) any { return orZero(agg) + orZero(v) }
	case "sub":
		return func(agg, v any) any { return orZero(agg) - orZero(v) }
	case "max":
		return unlessOneNull(func(a, b int64) int64 { return max(a, b) })
	case "min":
		return unlessOneNull(func(a, b int64) int64 { return min(a, b) })
	}
	return nil
}

// unlessOneNull gives the other one if one of two is null.
func unlessOneNull(f func(a, b int64) int64) func(a, b any) any {
	return func(a, b any) any {
		if a == nil {
			return b
		}
		if b == nil {
			return a
		}
		return f(a.(int64), b.(int64))
	}
}

// orEmpty is a string where null counts as empty.
func orEmpty(v any) string {
	if v == nil {
		return ""
	}
	return v.(string)
}

// appendPart adds a value to an aggregate of parts.
func appendPart(agg any, sep string, v any) any {
	if orEmpty(agg) == "" {
		return Format(v)
	}
	return agg.(string) + sep + Format(v)
}

// removePart takes the first part equal to a value out of an aggregate of
// parts, or leaves a mark if there is none.
func removePart(agg any, sep string, v any) any {
	part := Format(v)
	if agg == nil {
		return "-" + part
	}
	parts := strings.Split(agg.(string), sep)
	if i := slices.Index(parts, part); i >= 0 {
		return strings.Join(slices.Delete(parts, i, i+1), sep)
	}
	return strings.Join(append(parts, "-"+part), sep)
}
