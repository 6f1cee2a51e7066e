package avro

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

func mustParse(t testing.TB, text string, uses ...*Schema) *Schema {
	t.Helper()
	s, err := Parse(text, uses...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func long(n int64) string { return string(binary.AppendVarint(nil, n)) }

func TestCheck(t *testing.T) {
	const (
		ints = `{"type":"array","items":"int"}`
		dict = `{"type":"map","values":"int"}`
		none = `{"type":"array","items":"null"}`
		enum = `{"type":"enum","name":"E","symbols":["A","B"]}`
		list = `{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}`
	)
	limits := Limits{Bytes: 1 << 20, Values: 100, Depth: 10}
	tests := []struct {
		name, schema, data string
		want               error
	}{
		{"null", `"null"`, "", nil},
		{"null with a byte", `"null"`, "\x00", ErrTrailing},
		{"boolean", `"boolean"`, "\x01", nil},
		{"boolean 2", `"boolean"`, "\x02", ErrMalformed},
		{"int", `"int"`, long(math.MinInt32), nil},
		{"int of 33 bits", `"int"`, long(math.MaxInt32 + 1), ErrMalformed},
		{"long", `"long"`, long(math.MinInt64), nil},
		{"long of 11 bytes", `"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ErrMalformed},
		{"half a long", `"long"`, "\xff", ErrTruncated},
		{"no long", `"long"`, "", ErrTruncated},
		{"float", `"float"`, "1234", nil},
		{"half a double", `"double"`, "1234", ErrTruncated},
		{"string", `"string"`, long(3) + "abc", nil},
		{"short string", `"string"`, long(3) + "ab", ErrTruncated},
		{"huge bytes", `"bytes"`, long(1 << 40), ErrTruncated},
		{"negative length", `"bytes"`, long(-1), ErrMalformed},
		{"fixed", `{"type":"fixed","name":"F","size":3}`, "abc", nil},
		{"short fixed", `{"type":"fixed","name":"F","size":3}`, "ab", ErrTruncated},
		{"enum", enum, long(1), nil},
		{"no such symbol", enum, long(2), ErrMalformed},
		{"negative symbol", enum, long(-1), ErrMalformed},
		{"union", `["null","string"]`, long(1) + long(1) + "a", nil},
		{"no such branch", `["null","string"]`, long(2), ErrMalformed},
		{"negative branch", `["null","string"]`, long(-1), ErrMalformed},
		{"array", ints, long(2) + long(1) + long(2) + long(0), nil},
		{"array in blocks", ints, long(1) + long(1) + long(-1) + long(1) + long(2) + long(0), nil},
		{"array without end", ints, long(1) + long(1), ErrTruncated},
		{"more elements than bytes", ints, long(1<<26) + "aaaa", ErrTruncated},
		{"block size too large", ints, long(-1) + long(100) + long(1) + long(0), ErrTruncated},
		{"block size wrong", ints, long(-1) + long(2) + long(1) + long(0), ErrMalformed},
		{"block size negative", ints, long(-1) + long(-1) + long(1) + long(0), ErrMalformed},
		{"block count of min int", ints, long(math.MinInt64) + long(1) + long(1) + long(0), ErrMalformed},
		{"nulls", none, long(50) + long(0), nil},
		{"too many nulls", none, long(1<<31) + long(0), ErrLimit},
		{"too many nulls in blocks", none, strings.Repeat(long(60), 100) + long(0), ErrLimit},
		{"map", dict, long(1) + long(1) + "k" + long(5) + long(0), nil},
		{"map cut short", dict, long(2) + long(1) + "k" + long(5), ErrTruncated},
		{"map without end", dict, long(1) + long(1) + "k" + long(5), ErrTruncated},
		{"too many values", ints, long(101) + strings.Repeat(long(1), 101) + long(0), ErrLimit},
		{"deep", list, strings.Repeat(long(1), 3) + long(0), nil},
		{"too deep", list, strings.Repeat(long(1), 8<<10), ErrLimit},
		{"too large", `"bytes"`, long(1<<20) + strings.Repeat("a", 1<<20), ErrLimit},
	}
	for _, tt := range tests {
		err := check([]byte(tt.data), mustParse(t, tt.schema).root, &limits)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestValueError(t *testing.T) {
	err := check([]byte("\x02\x05"), mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"boolean"}]}`).root, &Limits{9, 9, 9})
	if got, want := err.Error(), "at byte 2: the data doesn't fit the schema: a boolean is neither 0 nor 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	s := mustParse(t, `{"type":"map","values":["null","string",{"type":"array","items":"double"}]}`)
	data, _ := hex.DecodeString("0402610202620263040200000000000000000000")
	limits := Limits{}.withDefaults()
	if n := testing.AllocsPerRun(100, func() {
		if err := check(data, s.root, &limits); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLeastSizes(t *testing.T) {
	for schema, want := range map[string]int{
		`"null"`: 0, `"string"`: 1, `["null","int"]`: 1, `["double","string"]`: 2, `{"type":"array","items":"double"}`: 1,
		`{"type":"record","name":"R","fields":[{"name":"a","type":"float"},{"name":"b","type":{"type":"fixed","name":"F","size":3}},{"name":"c","type":"F"}]}`:                                             10,
		`{"type":"record","name":"N","fields":[{"name":"v","type":"int"},{"name":"next","type":["N","null"]}]}`:                                                                                            2,
		`{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"c","type":["null",{"type":"record","name":"C","fields":[{"name":"a","type":"A"}]}]}]}}]}`: 1,
	} {
		if s := mustParse(t, schema); s.root.min != want {
			t.Errorf("%s: %d, want %d", schema, s.root.min, want)
		}
	}
	// Nothing can be a value of this; only no overflow matters.
	if s := mustParse(t, `{"type":"record","name":"A","fields":[{"name":"x","type":"A"},{"name":"y","type":"A"},{"name":"z","type":"int"}]}`); s.root.min <= 0 || s.root.min > 1<<30 {
		t.Errorf("endless: %d", s.root.min)
	}
}
