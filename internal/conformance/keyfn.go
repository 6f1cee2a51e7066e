package conformance

import (
	"strings"

	"github.com/ottla-streams/ottla/window"
)

// KeyFunc makes a key of a record.
type KeyFunc func(key, value any) any

// ParseKeyFunc parses a key function for records of the types, and returns the
// type of its results.
func ParseKeyFunc(text string, key, value Type) (KeyFunc, Type, error) {
	c := parseCall(text)
	err := c.checkArg("key", "value", "null", "key_to_string", "key_upper", "key_first_char", "key_length",
		"key_parse_int64", "value_first_char", "value_length", "value_parse_int64", "window_key", "window_start", "window_end")
	if err != nil {
		return nil, "", err
	}
	switch c.name {
	case "key":
		return func(k, _ any) any { return k }, key, nil
	case "value":
		return func(_, v any) any { return v }, value, nil
	case "const":
		return func(_, _ any) any { return c.arg }, String, nil
	case "null":
		return func(_, _ any) any { return nil }, key, nil
	case "null_if_value":
		return func(k, v any) any {
			if Format(v) == c.arg {
				return nil
			}
			return k
		}, key, nil
	case "fail_if_value":
		return func(k, v any) any {
			if Format(v) == c.arg {
				c.fail()
			}
			return k
		}, key, nil
	case "key_value":
		return func(k, v any) any { return Format(k) + c.arg + Format(v) }, String, nil
	case "key_to_string":
		return ofKey(func(k any) any { return Format(k) }), String, nil
	}
	return partKeyFunc(c, key, value)
}

// partKeyFunc parses the functions of a part of the key or the value.
func partKeyFunc(c call, key, value Type) (KeyFunc, Type, error) {
	of, name, _ := strings.Cut(c.name, "_")
	switch {
	case of == "window" && key.IsWindowed():
		return windowKeyFunc(c, key)
	case of == "key" && key == String:
		if f, t := keyTextFunc(c, name); f != nil {
			return ofKey(func(k any) any { return f(k.(string)) }), t, nil
		}
	case of == "value" && value == String:
		f, t, err := valueTextFunc(c, name)
		if f != nil {
			return KeyFunc(unlessNull(func(v any) any { return f(v.(string)) })), t, err
		}
	}
	return nil, "", c.unknown("key function", key, value)
}

// keyTextFunc is a function of a string key and the type of its results, nil
// if there is none of that name.
func keyTextFunc(c call, name string) (func(string) any, Type) {
	switch name {
	case "upper":
		return func(s string) any { return strings.ToUpper(s) }, String
	case "prefix":
		return func(s string) any { return c.arg + s }, String
	case "append":
		return func(s string) any { return s + c.arg }, String
	}
	return textFunc(name)
}

// valueTextFunc is a function of a string value, likewise.
func valueTextFunc(c call, name string) (func(string) any, Type, error) {
	if name == "field" {
		n, err := c.count()
		return func(s string) any { return field(s, n) }, String, err
	}
	f, t := textFunc(name)
	return f, t, nil
}

// textFunc is a function of a string key or value, likewise.
func textFunc(name string) (func(string) any, Type) {
	switch name {
	case "first_char":
		return func(s string) any { return firstRune(s) }, String
	case "length":
		return func(s string) any { return length(s) }, Int64
	case "parse_int64":
		return parseDecimal, Int64
	}
	return nil, ""
}

func windowKeyFunc(c call, key Type) (KeyFunc, Type, error) {
	switch c.name {
	case "window_key":
		return ofKey(func(k any) any { return k.(window.Key[any]).Key }), key.Inner(), nil
	case "window_start":
		return ofKey(func(k any) any { return k.(window.Key[any]).Start }), Int64, nil
	case "window_end":
		return ofKey(func(k any) any { return k.(window.Key[any]).End }), Int64, nil
	}
	return nil, "", c.unknown("key function", key)
}

// ofKey gives null for a null key.
func ofKey(f func(any) any) KeyFunc {
	return func(k, _ any) any {
		if k == nil {
			return nil
		}
		return f(k)
	}
}
