package avro_test

import (
	"encoding/hex"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/avro/hamba"
)

// codecs are all there are: what holds for one holds for the others.
var codecs = map[string]avro.Option{
	"twmb":  avro.Within(avro.Limits{}), // the default
	"hamba": avro.With(hamba.Codec),
}

func eachCodec(t *testing.T, test func(t *testing.T, codec avro.Option)) {
	for name, c := range codecs {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

const orderSchema = `{"type":"record","name":"Order","namespace":"com.example","fields":[
	{"name":"id","type":"long"},
	{"name":"customer","type":"string"},
	{"name":"amount","type":"double"},
	{"name":"note","type":["null","string"],"default":null},
	{"name":"placed","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"tags","type":{"type":"array","items":"string"}},
	{"name":"extra","type":{"type":"map","values":"int"}},
	{"name":"status","type":{"type":"enum","name":"Status","symbols":["NEW","PAID"]}}]}`

type order struct {
	ID       int64            `avro:"id"`
	Customer string           `avro:"customer"`
	Amount   float64          `avro:"amount"`
	Note     *string          `avro:"note"`
	Placed   time.Time        `avro:"placed"`
	Tags     []string         `avro:"tags"`
	Extra    map[string]int32 `avro:"extra"`
	Status   string           `avro:"status"`
}

func sample() order {
	note := "call first"
	return order{
		ID: 7, Customer: "Ada", Amount: 3.5, Note: &note, Placed: time.UnixMilli(1_700_000_000_123).UTC(),
		Tags: []string{"a", "bb"}, Extra: map[string]int32{"k": -1}, Status: "PAID",
	}
}

// sampleBytes is what Java's GenericDatumWriter makes of the sample.
const sampleBytes = "0e" + "06416461" + "0000000000000c40" + "021463616c6c206669727374" + "f6a1abfef962" +
	"0402610462620" + "0" + "02026b0100" + "02"

func mustAppend[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := s.AppendTo([]byte("head"), v)
	if err != nil {
		t.Fatal(err)
	}
	if string(b[:4]) != "head" {
		t.Fatalf("what was there is lost: %x", b)
	}
	return b[4:]
}

func mustDecode[T any](t testing.TB, s serde.Serde[T], b []byte) T {
	t.Helper()
	v, err := s.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPlainStruct(t *testing.T) {
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Plain[order](orderSchema, codec)
		b := mustAppend(t, s, sample())
		same(t, hex.EncodeToString(b), sampleBytes)
		got := mustDecode(t, s, b)
		same(t, got, sample())
		clear(b) // the value is a copy
		same(t, got, sample())
		if !serde.Copies(s) {
			t.Error("Copies is lost")
		}
		p := avro.Plain[*order](orderSchema, codec)
		v := sample()
		same(t, hex.EncodeToString(mustAppend(t, p, &v)), sampleBytes)
		same(t, *mustDecode(t, p, mustAppend(t, s, v)), v)
	})
}

func TestPlainGeneric(t *testing.T) {
	b := mustAppend(t, avro.Plain[order](orderSchema), sample())
	want := map[string]any{
		"id": int64(7), "customer": "Ada", "amount": 3.5, "note": "call first", "placed": sample().Placed,
		"tags": []any{"a", "bb"}, "extra": map[string]any{"k": int32(-1)}, "status": "PAID",
	}
	m := avro.Plain[map[string]any](orderSchema)
	same(t, mustDecode(t, m, b), want)
	same(t, hex.EncodeToString(mustAppend(t, m, want)), sampleBytes)
	a := avro.Plain[any](orderSchema)
	same(t, mustDecode(t, a, b), any(want))
	same(t, hex.EncodeToString(mustAppend(t, a, any(want))), sampleBytes)

	want["extra"] = map[string]any{"k": -1} // an int of this codec is an int
	same(t, mustDecode(t, avro.Plain[map[string]any](orderSchema, avro.With(hamba.Codec)), b), want)
}

func TestPrimitives(t *testing.T) {
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		trip(t, `"string"`, "äö", "08c3a4c3b6", codec)
		trip(t, `"long"`, int64(-64), "7f", codec)
		trip(t, `"int"`, int32(64), "8001", codec)
		trip(t, `"boolean"`, true, "01", codec)
		trip(t, `"float"`, float32(1), "0000803f", codec)
		trip(t, `"bytes"`, []byte{1, 2}, "040102", codec)
		trip(t, `{"type":"array","items":"long"}`, []int64{1, 2}, "04020400", codec)
		trip(t, `{"type":"fixed","name":"F","size":2}`, [2]byte{1, 2}, "0102", codec)
	})
}

func trip[T any](t *testing.T, schema string, v T, want string, opts ...avro.Option) {
	t.Helper()
	s := avro.Plain[T](schema, opts...)
	b := mustAppend(t, s, v)
	same(t, hex.EncodeToString(b), want)
	same(t, mustDecode(t, s, b), v)
}

func TestLogicalTypes(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_123_456).UTC()
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		trip(t, `{"type":"long","logicalType":"timestamp-micros"}`, at, "8089818283898506", codec)
		trip(t, `{"type":"long","logicalType":"timestamp-millis"}`, at.Truncate(time.Millisecond), "f6a1abfef962", codec)
		trip(t, `{"type":"int","logicalType":"date"}`, at.Truncate(24*time.Hour), "b6b302", codec)
		trip(t, `{"type":"int","logicalType":"time-millis"}`, 1500*time.Millisecond, "b817", codec)
		s := avro.Plain[*big.Rat](`{"type":"bytes","logicalType":"decimal","precision":8,"scale":2}`, codec)
		b := mustAppend(t, s, big.NewRat(-12345, 100))
		same(t, hex.EncodeToString(b), "04cfc7")
		same(t, mustDecode(t, s, b).String(), "-2469/20")
	})
}

func TestNamedTypesOfOtherSchemas(t *testing.T) {
	type address struct {
		City string `avro:"city"`
	}
	type person struct {
		Home address `avro:"home"`
	}
	using := avro.Using(`{"type":"record","name":"x.Address","fields":[{"name":"city","type":"string"}]}`)
	const schema = `{"type":"record","name":"x.Person","fields":[{"name":"home","type":"Address"}]}`
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Plain[person](schema, using, codec)
		v := person{address{"Rome"}}
		same(t, mustDecode(t, s, mustAppend(t, s, v)), v)
	})
}

func TestRecursive(t *testing.T) {
	type node struct {
		V    int32 `avro:"v"`
		Next *node `avro:"next"`
	}
	const schema = `{"type":"record","name":"Node","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","Node"]}]}`
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Plain[node](schema, codec)
		v := node{1, &node{2, &node{3, nil}}}
		same(t, mustDecode(t, s, mustAppend(t, s, v)), v)
	})
}

func TestSchemaFor(t *testing.T) {
	schema, err := avro.SchemaFor[order]("com.example")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(schema, `"com.example"`) {
		t.Errorf("schema %s", schema)
	}
	if _, err := avro.SchemaFor[int](""); err == nil {
		t.Error("not a struct: no error")
	}
}

func TestMistakesAreFoundAtOnce(t *testing.T) {
	type less struct {
		ID int64 `avro:"id"`
	}
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for name, s := range map[string]any{
			"no schema":        avro.Plain[order]("", codec),
			"not JSON":         avro.Plain[order]("{", codec),
			"undefined":        avro.Plain[order](`"Order"`, codec),
			"missing field":    avro.Plain[less](orderSchema, codec),
			"other type":       avro.Plain[chan int](`"int"`, codec),
			"bad using":        avro.Plain[order](orderSchema, avro.Using("{"), codec),
			"bad written with": avro.Plain[order](orderSchema, avro.WrittenWith("{"), codec),
			"incompatible":     avro.Plain[int64](`"long"`, avro.WrittenWith(`"string"`), codec),
		} {
			err := s.(serde.Checker).Err()
			if err == nil {
				t.Errorf("%s: Err is nil", name)
			} else if !strings.HasPrefix(err.Error(), "avro ") {
				t.Errorf("%s: %v", name, err)
			}
		}
		bad := avro.Plain[less](orderSchema, codec)
		if b, err := bad.AppendTo([]byte("x"), less{}); err == nil || string(b) != "x" {
			t.Errorf("AppendTo: %q, %v", b, err)
		}
		if _, err := bad.Decode(nil); err == nil {
			t.Error("Decode: no error")
		}
	})
}

func TestErrorsHaveNoData(t *testing.T) {
	const secret = "s3cret"
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Plain[order](orderSchema, codec)
		v := sample()
		v.Status = secret
		b, err := s.AppendTo([]byte("x"), v)
		if err == nil || string(b) != "x" || strings.Contains(err.Error(), secret) {
			t.Errorf("%q, %v", b, err)
		}
		u := avro.Plain[struct {
			U [16]byte `avro:"u"`
		}](`{"type":"record","name":"R","fields":[{"name":"u","type":{"type":"string","logicalType":"uuid"}}]}`, codec)
		if _, err := u.Decode(append([]byte{12}, secret...)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("uuid: %v", err)
		}
	})
}

// panics is a codec gone wrong.
type panics struct{}

func (panics) Encoder(*avro.Schema, reflect.Type) (func([]byte, any) ([]byte, error), error) {
	return func(_ []byte, v any) ([]byte, error) {
		if *v.(*int64) != 0 {
			panic(v)
		}
		return nil, nil
	}, nil
}

func (panics) Decoder(_, _ *avro.Schema, _ reflect.Type) (func([]byte, any) error, error) {
	return func([]byte, any) error { panic("secret") }, nil
}

func TestPanicsStayInside(t *testing.T) {
	s := avro.Plain[int64](`"long"`, avro.With(panics{}))
	if b, err := s.AppendTo([]byte("x"), 1); err == nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := s.Decode([]byte{2}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
