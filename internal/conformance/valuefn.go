package conformance

import "strings"

// ValueFunc makes a new value of a record.
type ValueFunc func(key, value any) any

// ParseValueFunc parses a value function for values of a type, and returns
// the type of its results.
func ParseValueFunc(text string, value Type) (ValueFunc, Type, error) {
	c := parseCall(text)
	err := c.checkArg("identity", "upper", "lower", "reverse", "first_char", "length", "parse_int64", "to_string", "key")
	if err != nil {
		return nil, "", err
	}
	if f := anyValueFunc(c); f != nil {
		return f, String, nil
	}
	switch c.name {
	case "identity":
		return func(_, v any) any { return v }, value, nil
	case "null_if":
		return unlessNull(func(v any) any {
			if Format(v) == c.arg {
				return nil
			}
			return v
		}), value, nil
	case "fail_if":
		return unlessNull(func(v any) any {
			if Format(v) == c.arg {
				c.fail()
			}
			return v
		}), value, nil
	}
	switch value {
	case String:
		return stringValueFunc(c)
	case Int64:
		return int64ValueFunc(c)
	}
	return nil, "", c.unknown("value function", value)
}

// anyValueFunc is a function from any type to a string, nil if there is none
// of that name.
func anyValueFunc(c call) ValueFunc {
	switch c.name {
	case "to_string":
		return unlessNull(func(v any) any { return Format(v) })
	case "const":
		return func(_, _ any) any { return c.arg }
	case "key":
		return func(k, _ any) any { return Format(k) }
	case "with_key":
		return func(k, v any) any { return Format(k) + c.arg + Format(v) }
	}
	return nil
}

func stringValueFunc(c call) (ValueFunc, Type, error) {
	if f := stringFunc(c); f != nil {
		return unlessNull(func(v any) any { return f(v.(string)) }), String, nil
	}
	switch c.name {
	case "field":
		n, err := c.count()
		return unlessNull(func(v any) any { return field(v.(string), n) }), String, err
	case "or_else":
		return func(_, v any) any {
			if v == nil {
				return c.arg
			}
			return v
		}, String, nil
	case "length":
		return unlessNull(func(v any) any { return length(v.(string)) }), Int64, nil
	case "parse_int64":
		return unlessNull(func(v any) any { return parseDecimal(v.(string)) }), Int64, nil
	}
	return nil, "", c.unknown("value function", String)
}

// stringFunc is a function from string to string, nil if there is none of
// that name.
func stringFunc(c call) func(string) string {
	switch c.name {
	case "upper":
		return strings.ToUpper
	case "lower":
		return strings.ToLower
	case "reverse":
		return reverse
	case "first_char":
		return firstRune
	case "append":
		return func(v string) string { return v + c.arg }
	case "prefix":
		return func(v string) string { return c.arg + v }
	}
	return nil
}

func int64ValueFunc(c call) (ValueFunc, Type, error) {
	n, err := c.number()
	switch c.name {
	case "add":
		return unlessNull(func(v any) any { return v.(int64) + n }), Int64, err
	case "mul":
		return unlessNull(func(v any) any { return v.(int64) * n }), Int64, err
	}
	return nil, "", c.unknown("value function", Int64)
}

// unlessNull gives null for null.
func unlessNull(f func(any) any) ValueFunc {
	return func(_, v any) any {
		if v == nil {
			return nil
		}
		return f(v)
	}
}
