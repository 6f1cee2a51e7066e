package avro_test

import (
	"testing"

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
