package avro_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/registry"
)

func fake(t testing.TB) (*srfake.Registry, *registry.Registry) {
	f := srfake.New()
	t.Cleanup(f.Close)
	r := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
	t.Cleanup(r.Close)
	return f, r
}

func TestFramed(t *testing.T) {
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		f, r := fake(t)
		s := serde.Bind(avro.Framed[order](r, orderSchema, codec), "orders", false)
		b := mustAppend(t, s, sample())
		if !bytes.HasPrefix(b, []byte{0, 0, 0, 0, 1}) {
			t.Errorf("frame %x", b[:5])
		}
		same(t, mustDecode(t, s, b), sample())
		got, _ := f.GetSchema("orders-value", 1)
		same(t, got.Schema.Schema, orderSchema)
		// Generic, by the schema that it was written with.
		latest := avro.Framed[map[string]any](r.With(registry.UseLatest()), "", codec)
		v := mustDecode(t, latest, b)
		same(t, v["customer"], any("Ada"))
		same(t, mustAppend(t, serde.Bind(latest, "orders", false), v), b)
	})
}

func TestFramedEvolution(t *testing.T) {
	const (
		v1 = `{"type":"record","name":"P","fields":[{"name":"name","type":"string"},{"name":"age","type":"int"}]}`
		v2 = `{"type":"record","name":"P","fields":[{"name":"age","type":"long"},{"name":"title","type":"string","default":"Dr"}]}`
	)
	type rec = map[string]any
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		_, r := fake(t)
		old := serde.Bind(avro.Framed[rec](r, v1, codec), "p", false)
		s := serde.Bind(avro.Framed[rec](r, v2, codec), "p", false)
		b := mustAppend(t, old, rec{"name": "Ada", "age": 36})
		same(t, mustDecode(t, s, b), rec{"age": int64(36), "title": "Dr"})
		again := mustAppend(t, s, rec{"age": int64(1), "title": "Ms"})
		same(t, mustDecode(t, s, again), rec{"age": int64(1), "title": "Ms"})
		// The old program meets data without the name, which has no default.
		_, err := old.Decode(again)
		if err == nil || !strings.Contains(err.Error(), "schema id 2") {
			t.Errorf("no default: %v", err)
		}
	})
}

func TestFramedReferences(t *testing.T) {
	type address struct {
		City string `avro:"city"`
	}
	type person struct {
		Home address `avro:"home"`
	}
	const (
		part  = `{"type":"record","name":"x.Address","fields":[{"name":"city","type":"string"}]}`
		whole = `{"type":"record","name":"x.Person","fields":[{"name":"home","type":"x.Address"}]}`
	)
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		f, r := fake(t)
		s := serde.Bind(avro.Framed[person](r, whole, avro.Using(part), codec), "people", true)
		v := person{address{"Rome"}}
		b := mustAppend(t, s, v)
		same(t, mustDecode(t, s, b), v)
		got, ok := f.GetSchema("people-key", 1)
		if !ok || len(got.References) != 1 || got.References[0].Subject != "x.Address" {
			t.Errorf("registered %+v", got)
		}
		// Another program finds all it needs in the registry.
		other := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
		generic := avro.Framed[any](other.With(registry.UseLatest()), "", codec)
		same(t, mustDecode(t, generic, b), any(map[string]any{"home": map[string]any{"city": "Rome"}}))
	})
}

// What comes from the registry is checked as data is.
func TestFramedHostileSchemas(t *testing.T) {
	f, r := fake(t)
	schemas := []string{
		`{"type":"fixed","name":"F","size":1099511627776}`,
		`{"type":"bytes","logicalType":"decimal","precision":2147483647,"scale":2147483647}`,
		strings.Repeat(`{"type":"array","items":`, 4000) + `"int"` + strings.Repeat("}", 4000),
	}
	for i, text := range schemas {
		f.SeedSchema("hostile", i+1, i+1, sr.Schema{Schema: text, Type: sr.TypeAvro})
	}
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		s := avro.Framed[any](r.With(registry.UseLatest()), "", codec)
		for i := range schemas {
			_, err := s.Decode([]byte{0, 0, 0, 0, byte(i + 1), 2, 2, 2})
			if err == nil || !strings.Contains(err.Error(), "schema: ") {
				t.Errorf("schema %d: %v", i, err)
			}
		}
	})
}

func TestFramedMistakes(t *testing.T) {
	_, r := fake(t)
	for name, s := range map[string]serde.Serde[order]{
		"no schema":   avro.Framed[order](r, ""),
		"not JSON":    avro.Framed[order](r, "{"),
		"wrong type":  avro.Framed[order](r, fields(`{"name":"id","type":"string"}`)),
		"no registry": avro.Framed[order](nil, orderSchema),
	} {
		if s.(serde.Checker).Err() == nil {
			t.Errorf("%s: Err is nil", name)
		}
	}
	s := avro.Framed[int64](r, `"long"`)
	if _, err := s.Decode([]byte{2}); !errors.Is(err, registry.ErrFrame) {
		t.Errorf("plain data: %v", err)
	}
}
