package avro_test

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
)

// flat has no slices, maps or pointers, so that only strings allocate.
type flat struct {
	ID       int64   `avro:"id"`
	Customer string  `avro:"customer"`
	Amount   float64 `avro:"amount"`
	Paid     bool    `avro:"paid"`
	Country  string  `avro:"country"`
}

const flatSchema = `{"type":"record","name":"Flat","fields":[{"name":"id","type":"long"},{"name":"customer","type":"string"},
	{"name":"amount","type":"double"},{"name":"paid","type":"boolean"},{"name":"country","type":"string"}]}`

var flatSample = flat{7, "Ada", 3.5, true, "IT"}

// nested has the types beside strings that need no memory of their own either.
type nested struct {
	Shop flat      `avro:"shop"`
	At   time.Time `avro:"at"`
	Size float32   `avro:"size"`
	Note string    `avro:"note"`
}

const nestedSchema = `{"type":"record","name":"Nested","fields":[{"name":"shop","type":` + flatSchema + `},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"size","type":"float"},{"name":"note","type":"string"}]}`

func TestAllocationsOfNested(t *testing.T) {
	sample := nested{flatSample, time.UnixMilli(1_700_000_000_000).UTC(), 1.5, "by noon"}
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Plain[nested](nestedSchema, codec)
		b := mustAppend(t, s, sample)
		if got, err := s.Decode(b); err != nil || got != sample {
			t.Fatalf("decoded %+v, %v", got, err)
		}
		buf := make([]byte, 0, 100)
		if n := testing.AllocsPerRun(1000, func() { buf, _ = s.AppendTo(buf[:0], sample) }); n != 0 {
			t.Errorf("%v allocations to encode", n)
		}
		if n := testing.AllocsPerRun(1000, func() { _, _ = s.Decode(b) }); n > 3 {
			t.Errorf("%v allocations to decode, want at most the 3 strings", n)
		}
	})
}

func TestAllocations(t *testing.T) {
	_, r := fake(t)
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for name, s := range map[string]serde.Serde[flat]{
			"plain":  avro.Plain[flat](flatSchema, codec),
			"framed": serde.Bind(avro.Framed[flat](r, flatSchema, codec), "flat", false),
		} {
			b := mustAppend(t, s, flatSample)
			buf := make([]byte, 0, 100)
			if n := testing.AllocsPerRun(1000, func() { buf, _ = s.AppendTo(buf[:0], flatSample) }); n != 0 {
				t.Errorf("%s: %v allocations to encode", name, n)
			}
			if n := testing.AllocsPerRun(1000, func() { _, _ = s.Decode(b) }); n > 2 {
				t.Errorf("%s: %v allocations to decode, want at most the 2 strings", name, n)
			}
		}
	})
}

func BenchmarkAvro(b *testing.B) {
	_, r := fake(b)
	for name, codec := range codecs {
		plain := avro.Plain[flat](flatSchema, codec)
		framed := serde.Bind(avro.Framed[flat](r, flatSchema, codec), "flat", false)
		generic := avro.Plain[map[string]any](flatSchema, codec)
		b.Run(name+"/encode", func(b *testing.B) { benchEncode(b, plain) })
		b.Run(name+"/encode-framed", func(b *testing.B) { benchEncode(b, framed) })
		b.Run(name+"/decode", func(b *testing.B) { benchDecode(b, plain, mustAppend(b, plain, flatSample)) })
		b.Run(name+"/decode-framed", func(b *testing.B) { benchDecode(b, framed, mustAppend(b, framed, flatSample)) })
		b.Run(name+"/decode-generic", func(b *testing.B) { benchDecode(b, generic, mustAppend(b, plain, flatSample)) })
	}
}

func benchEncode(b *testing.B, s serde.Serde[flat]) {
	b.ReportAllocs()
	buf := make([]byte, 0, 100)
	for b.Loop() {
		var err error
		if buf, err = s.AppendTo(buf[:0], flatSample); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDecode[T any](b *testing.B, s serde.Serde[T], data []byte) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
