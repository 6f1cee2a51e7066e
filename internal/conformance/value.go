package conformance

import (
	"encoding/base64"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"math"
	"strconv"

	"github.com/ottla-streams/ottla/window"
)

// Format is the textual form of a value, fmt(x) in the case language.
func Format(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case []byte:
		return string(v)
	case window.Key[any]:
		return "[" + Format(v.Key) + "@" + strconv.FormatInt(v.Start, 10) + "/" + strconv.FormatInt(v.End, 10) + "]"
	}
	panic(fmt.Errorf("value of type %T is none of the case language", v))
}

// ParseValue turns the JSON form of a value of a type into the value.
func ParseValue(text jsontext.Value, t Type) (any, error) {
	if text.Kind() == 'n' {
		return nil, nil
	}
	switch {
	case t == String:
		return parseAs[string](text)
	case t == Int64:
		return parseAs[int64](text)
	case t == Bytes:
		var b []byte
		err := decodeBase64(text, &b)
		return b, err
	case t.IsWindowed():
		return parseWindowKey(text, t)
	}
	return nil, fmt.Errorf("type %q is unknown", t)
}

func parseAs[T any](text jsontext.Value) (any, error) {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	return v, nil
}

func parseWindowKey(text jsontext.Value, t Type) (any, error) {
	var w struct {
		Key   jsontext.Value `json:"key"`
		Start int64          `json:"start"`
		End   int64          `json:"end"`
	}
	if err := json.Unmarshal(text, &w, strict); err != nil {
		return nil, err
	}
	key, err := ParseValue(w.Key, t.Inner())
	if err != nil {
		return nil, err
	}
	return window.Key[any]{Key: key, Start: w.Start, End: w.End}, nil
}

// JSON is the JSON form of a value, for calls and store entries. Beside the
// values of the case language it takes maps from strings and slices of them,
// with which the entries of join and subscription stores are written.
func JSON(v any) jsontext.Value {
	switch v := v.(type) {
	case nil:
		return jsontext.Value("null")
	case []byte:
		return jsontext.Value(`{"b64":"` + base64.StdEncoding.EncodeToString(v) + `"}`)
	case window.Key[any]:
		return JSON(map[string]any{"key": v.Key, "start": v.Start, "end": v.End})
	case map[string]any:
		members := make(map[string]jsontext.Value, len(v))
		for name, m := range v {
			members[name] = JSON(m)
		}
		return mustMarshal(members)
	case []any:
		elements := make([]jsontext.Value, len(v))
		for i, e := range v {
			elements[i] = JSON(e)
		}
		return mustMarshal(elements)
	case string, int64:
		return mustMarshal(v)
	}
	panic(fmt.Errorf("value of type %T is none of the case language", v))
}

func mustMarshal(v any) jsontext.Value {
	text, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return text
}

// canonical brings JSON texts of the same meaning into the same form, without
// touching the digits of integers.
func canonical(text jsontext.Value) string {
	if text == nil {
		return ""
	}
	c := text.Clone()
	if err := c.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.AllowInvalidUTF8(true)); err != nil {
		return string(text)
	}
	return string(c)
}

// windowEnd is the end of a time window, the largest int64 where the sum
// overflows as it does for unlimited windows.
func windowEnd(start, size int64) int64 {
	if start > math.MaxInt64-size {
		return math.MaxInt64
	}
	return start + size
}
