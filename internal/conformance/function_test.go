package conformance

import (
	"math"
	"reflect"
	"testing"

	"github.com/ottla-streams/ottla/window"
)

// fails stands for a panic with the function as written.
type fails struct{}

// outcome is what a function returns, or fails.
func outcome(t *testing.T, text string, f func() any) (got any) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			if f, ok := p.(Failure); !ok || f.Error() != text {
				t.Errorf("%s panics with %v", text, p)
			}
			got = fails{}
		}
	}()
	return f()
}

func check(t *testing.T, text string, want any, f func() any) {
	t.Helper()
	if got := outcome(t, text, f); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", text, got, want)
	}
}

const (
	maxInt = int64(math.MaxInt64)
	minInt = int64(math.MinInt64)
)

var windowed = window.Key[any]{Key: "k", Start: 10, End: 20}

func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, "null"}, {"", ""}, {"a b", "a b"}, {int64(-7), "-7"}, {minInt, "-9223372036854775808"},
		{[]byte("ß"), "ß"}, {windowed, "[k@10/20]"}, {window.Key[any]{Key: int64(1), Start: 0, End: maxInt}, "[1@0/9223372036854775807]"},
		{window.Key[any]{Key: windowed, Start: 1, End: 2}, "[[k@10/20]@1/2]"},
	} {
		check(t, "fmt", tt.want, func() any { return Format(tt.value) })
	}
}

func TestPredicates(t *testing.T) {
	for _, tt := range []struct {
		text       string
		key, value any
		want       any
	}{
		{"true", nil, nil, true}, {"false", "k", "v", false},
		{"value_contains:b", "k", "abc", true}, {"value_contains:x", "k", "abc", false},
		{"value_contains:1", "k", int64(1), false}, {"value_contains:b", "k", nil, false}, {"value_contains:null", "k", nil, false},
		{"value_starts_with:a", "k", "abc", true}, {"value_starts_with:b", "k", "abc", false}, {"value_starts_with:n", "k", nil, false},
		{"value_eq:1", "k", int64(1), true}, {"value_eq:1", "k", "2", false}, {"value_eq:null", "k", nil, true}, {"value_eq:a:b", "k", "a:b", true},
		{"value_gt:2", "k", int64(3), true}, {"value_gt:2", "k", int64(2), false}, {"value_gt:2", "k", "3", false}, {"value_gt:-1", "k", nil, false},
		{"value_lt:2", "k", int64(1), true}, {"value_lt:2", "k", int64(2), false}, {"value_lt:2", "k", nil, false},
		{"value_even", "k", int64(-2), true}, {"value_even", "k", int64(-3), false}, {"value_even", "k", "2", false}, {"value_even", "k", nil, false},
		{"value_longer:1", "k", "ab", true}, {"value_longer:1", "k", "a", false}, {"value_longer:0", "k", int64(5), false}, {"value_longer:0", "k", nil, false},
		{"value_null", "k", nil, true}, {"value_null", "k", "", false}, {"value_not_null", "k", nil, false}, {"value_not_null", "k", "", true},
		{"key_eq:k", "k", nil, true}, {"key_eq:[k@10/20]", windowed, nil, true}, {"key_eq:null", nil, nil, true}, {"key_eq:x", "k", nil, false},
		{"key_starts_with:k", "key", nil, true}, {"key_starts_with:1", int64(1), nil, false}, {"key_starts_with:n", nil, nil, false},
		{"key_null", nil, "v", true}, {"key_null", "", "v", false},
		{"fail_if:bad", "k", "bad", fails{}}, {"fail_if:bad", "k", "good", true}, {"fail_if:7", "k", int64(7), fails{}},
		{"fail_if:bad", "k", nil, true}, {"fail_if:null", "k", nil, true},
	} {
		f, err := ParsePredicate(tt.text)
		if err != nil {
			t.Error(err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f(tt.key, tt.value) })
	}
	for _, text := range []string{"", "nope", "true:1", "value_gt", "value_gt:x", "value_contains", "value_longer:", "key_null:x"} {
		if _, err := ParsePredicate(text); err == nil {
			t.Errorf("predicate %q is parsed", text)
		}
	}
}

func TestValueFuncs(t *testing.T) {
	for _, tt := range []struct {
		text       string
		key, value any
		want       any
		typ        Type // of the values
		result     Type
	}{
		{"identity", "k", int64(1), int64(1), Int64, Int64}, {"identity", "k", nil, nil, Bytes, Bytes},
		{"null_if:a", "k", "a", nil, String, String}, {"null_if:a", "k", "b", "b", String, String},
		{"null_if:1", "k", int64(1), nil, Int64, Int64}, {"null_if:a", "k", nil, nil, String, String},
		{"upper", "k", "aB1", "AB1", String, String}, {"upper", "k", nil, nil, String, String},
		{"lower", "k", "aB1", "ab1", String, String}, {"lower", "k", nil, nil, String, String},
		{"reverse", "k", "abc", "cba", String, String}, {"reverse", "k", "aß", "ßa", String, String}, {"reverse", "k", nil, nil, String, String},
		{"append:ß→🎈", "k", "a", "aß→🎈", String, String}, {"append:!", "k", nil, nil, String, String}, {"append:", "k", "a", "a", String, String},
		{"prefix:!", "k", "a", "!a", String, String}, {"prefix:!", "k", nil, nil, String, String},
		{"first_char", "k", "abc", "a", String, String}, {"first_char", "k", "", "", String, String}, {"first_char", "k", nil, nil, String, String},
		{"field:0", "k", "a|b", "a", String, String}, {"field:1", "k", "a|b", "b", String, String}, {"field:2", "k", "a|b", nil, String, String},
		{"field:1", "k", "a||c", nil, String, String}, {"field:0", "k", "", nil, String, String}, {"field:0", "k", nil, nil, String, String},
		{"or_else:x", "k", nil, "x", String, String}, {"or_else:x", "k", "", "", String, String},
		{"length", "k", "abc", int64(3), String, Int64}, {"length", "k", "", int64(0), String, Int64}, {"length", "k", nil, nil, String, Int64},
		{"parse_int64", "k", "-12", int64(-12), String, Int64}, {"parse_int64", "k", "+12", int64(12), String, Int64},
		{"parse_int64", "k", "9223372036854775808", nil, String, Int64}, {"parse_int64", "k", "-9223372036854775808", minInt, String, Int64},
		{"parse_int64", "k", "1_0", nil, String, Int64}, {"parse_int64", "k", "0x1", nil, String, Int64}, {"parse_int64", "k", " 1", nil, String, Int64},
		{"parse_int64", "k", "", nil, String, Int64}, {"parse_int64", "k", nil, nil, String, Int64},
		{"add:1", "k", int64(1), int64(2), Int64, Int64}, {"add:1", "k", maxInt, minInt, Int64, Int64}, {"add:1", "k", nil, nil, Int64, Int64},
		{"mul:-2", "k", int64(3), int64(-6), Int64, Int64}, {"mul:2", "k", maxInt, int64(-2), Int64, Int64}, {"mul:2", "k", nil, nil, Int64, Int64},
		{"to_string", "k", int64(3), "3", Int64, String}, {"to_string", "k", []byte("b"), "b", Bytes, String}, {"to_string", "k", nil, nil, String, String},
		{"const:c", "k", nil, "c", Int64, String}, {"const:", "k", "v", "", String, String},
		{"key", "k", nil, "k", String, String}, {"key", nil, "v", "null", String, String}, {"key", windowed, "v", "[k@10/20]", String, String},
		{"with_key:-", "k", "v", "k-v", String, String}, {"with_key:-", nil, nil, "null-null", Int64, String},
		{"fail_if:bad", "k", "bad", fails{}, String, String}, {"fail_if:bad", "k", "good", "good", String, String}, {"fail_if:null", "k", nil, nil, String, String},
	} {
		f, result, err := ParseValueFunc(tt.text, tt.typ)
		if err != nil || result != tt.result {
			t.Errorf("%s: type %s, error %v", tt.text, result, err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f(tt.key, tt.value) })
	}
	for _, tt := range []struct {
		text string
		typ  Type
	}{
		{"nope", String}, {"upper", Int64}, {"upper:x", String}, {"append", String}, {"add:1", String}, {"add:x", Int64}, {"length", Bytes},
		{"field:-1", String}, {"field:x", String}, {"parse_int64", Int64}, {"or_else:x", Int64},
	} {
		if _, _, err := ParseValueFunc(tt.text, tt.typ); err == nil {
			t.Errorf("value function %q of %s is parsed", tt.text, tt.typ)
		}
	}
}

func TestKeyFuncs(t *testing.T) {
	win := TimeWindowed(String, 10)
	for _, tt := range []struct {
		text       string
		key, value any
		want       any
		k, v       Type
		result     Type
	}{
		{"key", "k", "v", "k", String, String, String}, {"key", nil, "v", nil, Int64, String, Int64},
		{"value", "k", int64(1), int64(1), String, Int64, Int64}, {"value", "k", nil, nil, String, Bytes, Bytes},
		{"const:all", nil, nil, "all", Int64, Int64, String}, {"null", "k", "v", nil, win, String, win},
		{"null_if_value:2", "k", "2", nil, String, String, String}, {"null_if_value:2", "k", int64(2), nil, String, Int64, String},
		{"null_if_value:2", "k", "3", "k", String, String, String}, {"null_if_value:null", "k", nil, nil, String, String, String},
		{"key_value:/", "k", int64(1), "k/1", String, Int64, String}, {"key_value:/", nil, nil, "null/null", String, String, String},
		{"key_to_string", int64(1), nil, "1", Int64, String, String}, {"key_to_string", nil, nil, nil, Int64, String, String},
		{"key_to_string", windowed, nil, "[k@10/20]", win, String, String},
		{"fail_if_value:bad", "k", "bad", fails{}, String, String, String}, {"fail_if_value:bad", "k", nil, "k", String, String, String},
		{"key_upper", "k", nil, "K", String, String, String}, {"key_upper", nil, "v", nil, String, String, String},
		{"key_prefix:p", "k", nil, "pk", String, String, String}, {"key_prefix:p", nil, "v", nil, String, String, String},
		{"key_append:p", "k", nil, "kp", String, String, String}, {"key_append:p", nil, "v", nil, String, String, String},
		{"key_first_char", "key", nil, "k", String, String, String}, {"key_first_char", "", nil, "", String, String, String}, {"key_first_char", nil, "v", nil, String, String, String},
		{"key_length", "key", nil, int64(3), String, String, Int64}, {"key_length", nil, "v", nil, String, String, Int64},
		{"key_parse_int64", "12", nil, int64(12), String, String, Int64}, {"key_parse_int64", "x", nil, nil, String, String, Int64}, {"key_parse_int64", nil, "1", nil, String, String, Int64},
		{"value_first_char", "k", "vw", "v", Int64, String, String}, {"value_first_char", "k", nil, nil, String, String, String},
		{"value_field:1", "k", "v|w", "w", String, String, String}, {"value_field:2", "k", "v|w", nil, String, String, String}, {"value_field:0", "k", nil, nil, String, String, String},
		{"value_length", "k", "vw", int64(2), String, String, Int64}, {"value_length", "k", nil, nil, String, String, Int64},
		{"value_parse_int64", "k", "-1", int64(-1), String, String, Int64}, {"value_parse_int64", "k", nil, nil, String, String, Int64},
		{"window_key", windowed, nil, "k", win, String, String}, {"window_key", nil, nil, nil, SessionWindowed(Int64), String, Int64},
		{"window_start", windowed, nil, int64(10), win, String, Int64}, {"window_end", windowed, nil, int64(20), win, String, Int64},
	} {
		f, result, err := ParseKeyFunc(tt.text, tt.k, tt.v)
		if err != nil || result != tt.result {
			t.Errorf("%s: type %s, error %v", tt.text, result, err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f(tt.key, tt.value) })
	}
	for _, tt := range []struct {
		text string
		k, v Type
	}{
		{"nope", String, String}, {"key_upper", Int64, String}, {"value_length", String, Int64}, {"window_key", String, String}, {"window_nope", win, String},
		{"key_field:0", String, String}, {"value_upper", String, String}, {"value_prefix:x", String, String}, {"value_field:x", String, String}, {"key:x", String, String}, {"const", String, String},
	} {
		if _, _, err := ParseKeyFunc(tt.text, tt.k, tt.v); err == nil {
			t.Errorf("key function %q of %s, %s is parsed", tt.text, tt.k, tt.v)
		}
	}
}

func TestFlatFuncs(t *testing.T) {
	for _, tt := range []struct {
		text   string
		value  any
		want   []any
		typ    Type
		result Type
	}{
		{"split_words", " a  bc ", []any{"a", "bc"}, String, String}, {"split_words", "", []any{}, String, String}, {"split_words", nil, []any{}, String, String},
		{"split_chars", "aß🎈", []any{"a", "ß", "🎈"}, String, String}, {"split_chars", "", []any{}, String, String}, {"split_chars", nil, []any{}, String, String},
		{"repeat:2", int64(1), []any{int64(1), int64(1)}, Int64, Int64}, {"repeat:2", nil, []any{nil, nil}, Bytes, Bytes}, {"repeat:0", "a", []any{}, String, String},
		{"range", int64(3), []any{int64(1), int64(2), int64(3)}, Int64, Int64}, {"range", int64(-1), []any{}, Int64, Int64}, {"range", nil, []any{}, Int64, Int64},
		{"none", "a", []any{}, String, String}, {"null_list", "a", nil, String, String},
	} {
		f, result, err := ParseFlatFunc(tt.text, tt.typ)
		if err != nil || result != tt.result {
			t.Errorf("%s: type %s, error %v", tt.text, result, err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f(tt.value) })
	}
	for _, tt := range []struct {
		text string
		typ  Type
	}{{"nope", String}, {"split_words", Int64}, {"split_chars", Int64}, {"range", String}, {"repeat", String}, {"repeat:x", String}, {"none:1", String}} {
		if _, _, err := ParseFlatFunc(tt.text, tt.typ); err == nil {
			t.Errorf("flat function %q of %s is parsed", tt.text, tt.typ)
		}
	}
}

func TestJoiners(t *testing.T) {
	for _, tt := range []struct {
		text        string
		left, right any
		want        any
		l, r        Type
		result      Type
	}{
		{"concat:+", "a", int64(1), "a+1", String, Int64, String}, {"concat:+", nil, nil, "null+null", String, String, String},
		{"with_key:/", "a", nil, "k/a/null", String, String, String},
		{"left", "a", int64(1), "a", String, Int64, String}, {"left", nil, int64(1), nil, String, Int64, String},
		{"right", "a", int64(1), int64(1), String, Int64, Int64}, {"null", "a", "b", nil, String, Int64, String},
		{"sum", int64(1), int64(2), int64(3), Int64, Int64, Int64}, {"sum", nil, int64(2), int64(2), Int64, Int64, Int64},
		{"sum", nil, nil, int64(0), Int64, Int64, Int64}, {"sum", maxInt, int64(1), minInt, Int64, Int64, Int64},
		{"null_if_right:b", "a", "b", nil, String, String, String}, {"null_if_right:b", "a", nil, "a+null", String, String, String},
		{"fail_if_right:b", "a", "b", fails{}, String, String, String}, {"fail_if_right:b", nil, "c", "null+c", String, String, String},
	} {
		f, result, err := ParseJoiner(tt.text, tt.l, tt.r)
		if err != nil || result != tt.result {
			t.Errorf("%s: type %s, error %v", tt.text, result, err)
			continue
		}
		check(t, tt.text, tt.want, func() any { return f("k", tt.left, tt.right) })
	}
	for _, text := range []string{"nope", "sum", "concat", "left:1"} {
		if _, _, err := ParseJoiner(text, String, Int64); err == nil {
			t.Errorf("joiner %q is parsed", text)
		}
	}
	if !JoinsWithKey("with_key:/") || JoinsWithKey("concat:/") {
		t.Error("only with_key is key-aware")
	}
}
