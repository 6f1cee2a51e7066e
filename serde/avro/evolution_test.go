package avro_test

import (
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/avro/hamba"
)

func fields(f string) string { return `{"type":"record","name":"R","fields":[` + f + `]}` }

// Each row is a schema to write with, one to read with, and the JSON-like
// value before and after.
func TestEvolution(t *testing.T) {
	type rec = map[string]any
	tests := []struct {
		name, writer, reader string
		in, out              rec
	}{
		{
			"added with a default", fields(`{"name":"a","type":"string"}`),
			fields(`{"name":"b","type":"string","default":"none"},{"name":"a","type":"string"}`),
			rec{"a": "x"}, rec{"a": "x", "b": "none"},
		},
		{
			"added record", fields(`{"name":"a","type":"string"}`),
			fields(`{"name":"a","type":"string"},{"name":"r","type":{"type":"record","name":"S","fields":[{"name":"t","type":"string"}]},"default":{"t":"u"}}`),
			rec{"a": "x"}, rec{"a": "x", "r": rec{"t": "u"}},
		},
		{
			"added array", fields(`{"name":"a","type":"string"}`),
			fields(`{"name":"a","type":"string"},{"name":"l","type":{"type":"array","items":"string"},"default":["u"]}`),
			rec{"a": "x"}, rec{"a": "x", "l": []any{"u"}},
		},
		{
			"added optional", fields(`{"name":"a","type":"string"}`),
			fields(`{"name":"a","type":"string"},{"name":"n","type":["null","string"],"default":null}`),
			rec{"a": "x"}, rec{"a": "x", "n": nil},
		},
		{
			"removed", fields(`{"name":"m","type":{"type":"map","values":{"type":"array","items":"string"}}},{"name":"a","type":"string"}`),
			fields(`{"name":"a","type":"string"}`),
			rec{"m": rec{"k": []any{"v", "w"}}, "a": "x"}, rec{"a": "x"},
		},
		{
			"renamed by alias", fields(`{"name":"old","type":"string"}`),
			fields(`{"name":"new","aliases":["old"],"type":"string"}`),
			rec{"old": "x"}, rec{"new": "x"},
		},
		{
			"int to double", fields(`{"name":"a","type":"int"}`), fields(`{"name":"a","type":"double"}`),
			rec{"a": 3}, rec{"a": 3.0},
		},
		{
			"int to long", fields(`{"name":"a","type":"int"}`), fields(`{"name":"a","type":"long"}`),
			rec{"a": 3}, rec{"a": int64(3)},
		},
		{
			"string to bytes", fields(`{"name":"a","type":"string"}`), fields(`{"name":"a","type":"bytes"}`),
			rec{"a": "x"}, rec{"a": []byte("x")},
		},
		{
			"value to optional", fields(`{"name":"a","type":"string"}`), fields(`{"name":"a","type":["null","string"]}`),
			rec{"a": "x"}, rec{"a": "x"},
		},
		{
			"optional to value", fields(`{"name":"a","type":["string"]}`), fields(`{"name":"a","type":"string"}`),
			rec{"a": "x"}, rec{"a": "x"},
		},
		{
			"unknown symbol", fields(`{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B","C"]}}`),
			fields(`{"name":"e","type":{"type":"enum","name":"E","symbols":["C","A"],"default":"A"}}`),
			rec{"e": "B"}, rec{"e": "A"},
		},
		{
			"other order of symbols", fields(`{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}}`),
			fields(`{"name":"e","type":{"type":"enum","name":"E","symbols":["B","A"]}}`),
			rec{"e": "B"}, rec{"e": "B"},
		},
		{
			"inside an array", fields(`{"name":"l","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"x","type":"int"},{"name":"y","type":"string"}]}}}`),
			fields(`{"name":"l","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"y","type":"string"},{"name":"z","type":"string","default":"d"}]}}}`),
			rec{"l": []any{rec{"x": 1, "y": "a"}, rec{"x": 2, "y": "b"}}},
			rec{"l": []any{rec{"y": "a", "z": "d"}, rec{"y": "b", "z": "d"}}},
		},
	}
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				b := mustAppend(t, avro.Plain[rec](tt.writer, codec), tt.in)
				s := avro.Plain[rec](tt.reader, avro.WrittenWith(tt.writer), codec)
				same(t, mustDecode(t, s, b), tt.out)
				// Resolving loosens no check.
				for n := range b {
					if v, err := s.Decode(b[:n]); err == nil {
						t.Errorf("%d of %d bytes: %v", n, len(b), v)
					}
				}
				if _, err := s.Decode(append(b, 0)); err == nil {
					t.Error("a byte too many: no error")
				}
			})
		}
	})
}

func TestIncompatible(t *testing.T) {
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for name, s := range map[string][2]string{
			"no default":   {fields(`{"name":"a","type":"string"}`), fields(`{"name":"b","type":"string"}`)},
			"narrowed":     {`"long"`, `"int"`},
			"other fixed":  {`{"type":"fixed","name":"F","size":2}`, `{"type":"fixed","name":"F","size":3}`},
			"lost symbol":  {`{"type":"enum","name":"E","symbols":["A","B"]}`, `{"type":"enum","name":"E","symbols":["A"]}`},
			"other record": {`{"type":"array","items":"int"}`, `{"type":"map","values":"int"}`},
		} {
			if err := avro.Plain[any](s[1], avro.WrittenWith(s[0]), codec).(serde.Checker).Err(); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}

func TestEvolutionOfStructs(t *testing.T) {
	type v1 struct {
		Name string `avro:"name"`
		Age  int32  `avro:"age"`
	}
	type v2 struct {
		Age   int64  `avro:"age"`
		Title string `avro:"title"`
	}
	const first = `{"type":"record","name":"P","fields":[{"name":"name","type":"string"},{"name":"age","type":"int"}]}`
	const second = `{"type":"record","name":"P","fields":[{"name":"age","type":"long"},{"name":"title","type":"string","default":"Dr"}]}`
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		b := mustAppend(t, avro.Plain[v1](first, codec), v1{"Ada", 36})
		s := avro.Plain[v2](second, avro.WrittenWith(first), codec)
		same(t, mustDecode(t, s, b), v2{36, "Dr"})
		same(t, mustDecode(t, s, b), v2{36, "Dr"}) // nothing is left of the last
	})
}

const (
	listV1 = `{"type":"record","name":"N","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","N"]}]}`
	listV2 = `{"type":"record","name":"N","fields":[{"name":"v","type":"long"},{"name":"w","type":"int","default":5},{"name":"next","type":["null","N"]}]}`
)

func TestEvolutionOfRecursive(t *testing.T) {
	type rec = map[string]any
	b := mustAppend(t, avro.Plain[rec](listV1), rec{"v": 1, "next": rec{"v": 2, "next": nil}})
	got := mustDecode(t, avro.Plain[rec](listV2, avro.WrittenWith(listV1)), b)
	same(t, got, rec{"v": int64(1), "w": int32(5), "next": rec{"v": int64(2), "w": int32(5), "next": nil}})

	err := avro.Plain[rec](listV2, avro.WrittenWith(listV1), avro.With(hamba.Codec)).(serde.Checker).Err()
	if err == nil || !strings.Contains(err.Error(), "recursive") {
		t.Errorf("hamba: %v", err)
	}
	// The same schema, written differently, needs no resolving.
	spaced := strings.ReplaceAll(listV1, ",", " , ")
	same(t, len(mustDecode(t, avro.Plain[rec](listV1, avro.WrittenWith(spaced), avro.With(hamba.Codec)), b)), 2)
}
