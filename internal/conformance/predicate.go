package conformance

import "strings"

// Predicate decides on a record.
type Predicate func(key, value any) bool

// ParsePredicate parses a predicate; any types will do.
func ParsePredicate(text string) (Predicate, error) {
	c := parseCall(text)
	if err := c.checkArg("true", "false", "value_even", "value_null", "value_not_null", "key_null"); err != nil {
		return nil, err
	}
	arg := c.arg
	switch c.name {
	case "true":
		return func(_, _ any) bool { return true }, nil
	case "false":
		return func(_, _ any) bool { return false }, nil
	case "value_null":
		return func(_, v any) bool { return v == nil }, nil
	case "value_not_null":
		return func(_, v any) bool { return v != nil }, nil
	case "key_null":
		return func(k, _ any) bool { return k == nil }, nil
	case "value_eq":
		return func(_, v any) bool { return Format(v) == arg }, nil
	case "key_eq":
		return func(k, _ any) bool { return Format(k) == arg }, nil
	case "value_contains":
		return ofStringValue(func(v string) bool { return strings.Contains(v, arg) }), nil
	case "value_starts_with":
		return ofStringValue(func(v string) bool { return strings.HasPrefix(v, arg) }), nil
	case "value_even":
		return ofInt64Value(func(v int64) bool { return v%2 == 0 }), nil
	case "key_starts_with":
		return func(k, _ any) bool {
			s, ok := k.(string)
			return ok && strings.HasPrefix(s, arg)
		}, nil
	case "fail_if":
		return func(_, v any) bool {
			if v != nil && Format(v) == arg {
				c.fail()
			}
			return true
		}, nil
	}
	return numericPredicate(c)
}

// numericPredicate parses the predicates whose argument is a number.
func numericPredicate(c call) (Predicate, error) {
	n, err := c.number()
	switch c.name {
	case "value_gt":
		return ofInt64Value(func(v int64) bool { return v > n }), err
	case "value_lt":
		return ofInt64Value(func(v int64) bool { return v < n }), err
	case "value_longer":
		return ofStringValue(func(v string) bool { return length(v) > n }), err
	}
	return nil, c.unknown("predicate")
}

// ofStringValue is false for values that are no strings.
func ofStringValue(f func(string) bool) Predicate {
	return func(_, v any) bool {
		s, ok := v.(string)
		return ok && f(s)
	}
}

// ofInt64Value is false for values that are no int64s.
func ofInt64Value(f func(int64) bool) Predicate {
	return func(_, v any) bool {
		n, ok := v.(int64)
		return ok && f(n)
	}
}
