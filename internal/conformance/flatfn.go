package conformance

import "strings"

// FlatFunc makes a list of a value. A nil list, as opposed to an empty one,
// is no list at all: an error of the user function.
type FlatFunc func(value any) []any

// ParseFlatFunc parses a flat function for values of a type, and returns the
// type of the elements.
func ParseFlatFunc(text string, value Type) (FlatFunc, Type, error) {
	c := parseCall(text)
	if err := c.checkArg("split_words", "split_chars", "range", "none", "null_list"); err != nil {
		return nil, "", err
	}
	switch c.name {
	case "none":
		return func(any) []any { return []any{} }, value, nil
	case "null_list":
		return func(any) []any { return nil }, value, nil
	case "repeat":
		n, err := c.count()
		return repeat(n), value, err
	case "split_words":
		if value == String {
			return splitBy(func(s string) []string { return strings.Split(s, " ") }), String, nil
		}
	case "split_chars":
		if value == String {
			return splitBy(func(s string) []string { return strings.Split(s, "") }), String, nil
		}
	case "range":
		if value == Int64 {
			return countTo, Int64, nil
		}
	}
	return nil, "", c.unknown("flat function", value)
}

func repeat(n int) FlatFunc {
	return func(v any) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = v
		}
		return list
	}
}

// splitBy cuts strings and leaves empty parts out.
func splitBy(cut func(string) []string) FlatFunc {
	return func(v any) []any {
		list := []any{}
		if v == nil {
			return list
		}
		for _, part := range cut(v.(string)) {
			if part != "" {
				list = append(list, part)
			}
		}
		return list
	}
}

// countTo lists 1 to the value.
func countTo(v any) []any {
	list := []any{}
	for i := int64(1); i <= orZero(v); i++ {
		list = append(list, i)
	}
	return list
}
