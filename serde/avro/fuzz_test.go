package avro_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
)

func long(n int64) string { return string(binary.AppendVarint(nil, n)) }

// fuzzed are schemas that together have all types.
var fuzzed = []string{
	orderSchema,
	listV1,
	`{"type":"array","items":"null"}`,
	`{"type":"map","values":["null","string",{"type":"array","items":"double"}]}`,
	fields(`{"name":"f","type":{"type":"fixed","name":"F","size":12,"logicalType":"duration"}},
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":4}},
		{"name":"u","type":{"type":"string","logicalType":"uuid"}},
		{"name":"b","type":["boolean","float","bytes","F"]},
		{"name":"t","type":{"type":"int","logicalType":"time-millis"}},
		{"name":"l","type":{"type":"array","items":"R"}}`),
}

func FuzzDecode(f *testing.F) { fuzzDecode(f, codecs["twmb"]) }

func FuzzDecodeHamba(f *testing.F) { fuzzDecode(f, codecs["hamba"]) }

func fuzzDecode(f *testing.F, codec avro.Option) {
	var generic []serde.Serde[any]
	limits := avro.Within(avro.Limits{Bytes: 1 << 16, Values: 10_000})
	for _, s := range fuzzed {
		generic = append(generic, avro.Plain[any](s, codec, limits))
	}
	generic = append(generic, avro.Plain[any](
		fields(`{"name":"b","type":"bytes","default":"x"},{"name":"a","type":"double"}`), codec, limits,
		avro.WrittenWith(fields(`{"name":"m","type":{"type":"map","values":"string"}},{"name":"a","type":"int"}`)),
	))
	typed := avro.Plain[order](orderSchema, codec, limits)
	for i := range generic {
		f.Add(byte(i), mustAppend(f, typed, sample()))
	}
	f.Add(byte(1), []byte("\x02\x02\x04\x00"))
	f.Add(byte(2), []byte("\x10\x00"))
	f.Add(byte(3), []byte("\x02\x02k\x02\x02v\x00"))
	f.Add(byte(5), []byte("\x02\x02k\x02v\x00\x06"))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		i := int(which) % len(generic)
		start := time.Now()
		v, err := generic[i].Decode(data)
		if d := time.Since(start); d > 2*time.Second {
			t.Fatalf("took %v", d)
		}
		if err == nil && len(data) > 0 {
			// Nothing was left out: less of the same is never a value.
			if v, err := generic[i].Decode(data[:len(data)-1]); err == nil {
				t.Errorf("without the last byte: %v", v)
			}
		}
		if i != 0 {
			return
		}
		o, typedErr := typed.Decode(data)
		if (typedErr == nil) != (err == nil) {
			t.Errorf("generic: %v; typed: %v, %v", err, v, typedErr)
		}
		if typedErr == nil {
			again := mustDecode(t, typed, mustAppend(t, typed, o))
			if again.ID != o.ID || again.Customer != o.Customer || len(again.Tags) != len(o.Tags) || len(again.Extra) != len(o.Extra) {
				t.Errorf("%+v became %+v", o, again)
			}
		}
	})
}

// A schema that is accepted can be compiled and used by any codec.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzed {
		f.Add(s, []byte("\x02\x02\x02\x00"))
	}
	f.Add(`[{"type":"enum","name":"E","symbols":["A"],"default":"A"},"null",{"type":"record","name":"a.R","namespace":"b","fields":[{"name":"x","type":"E","default":"A"}]}]`, []byte{})
	f.Fuzz(func(t *testing.T, schema string, data []byte) {
		start := time.Now()
		if _, err := avro.Parse(schema); err != nil {
			return
		}
		for _, c := range codecs {
			s := avro.Plain[any](schema, c, avro.Within(avro.Limits{Bytes: 1 << 16, Values: 10_000}))
			if v, err := s.Decode(data); err == nil {
				_, _ = s.AppendTo(nil, v)
			}
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Fatalf("took %v", d)
		}
	})
}
