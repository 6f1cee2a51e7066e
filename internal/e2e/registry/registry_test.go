package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/avro/hamba"
	"github.com/ottla-streams/ottla/serde/jsonschema"
	"github.com/ottla-streams/ottla/serde/protobuf"
	"github.com/ottla-streams/ottla/serde/registry"
)

const (
	v1 = `{"type":"record","name":"Order","namespace":"e2e","fields":[{"name":"id","type":"long"},{"name":"item","type":"string"}]}`
	v2 = `{"type":"record","name":"Order","namespace":"e2e","fields":[{"name":"id","type":"long"},{"name":"note","type":"string","default":"-"}]}`
	v3 = `{"type":"record","name":"Order","namespace":"e2e","fields":[{"name":"id","type":"string"}]}`
)

type order1 struct {
	ID   int64  `avro:"id" json:"id"`
	Item string `avro:"item" json:"item"`
}

type order2 struct {
	ID   int64  `avro:"id"`
	Note string `avro:"note"`
}

func mustAppend[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantValue[T any](t testing.TB, s serde.Serde[T], b []byte, want T) {
	t.Helper()
	got, err := s.Decode(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAvroEvolution(t *testing.T) {
	for name, codec := range map[string]avro.Option{"twmb": avro.Within(avro.Limits{}), "hamba": avro.With(hamba.Codec)} {
		t.Run(name, func(t *testing.T) {
			r, cl := connect(t)
			topic := topic(t)
			old := serde.Bind(avro.Framed[order1](r, v1, codec), topic, false)
			b := mustAppend(t, old, order1{7, "lamp"})
			wantValue(t, old, b, order1{7, "lamp"})

			for _, res := range cl.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatBackward}, topic+"-value") {
				if res.Err != nil {
					t.Fatal(res.Err)
				}
			}
			now := serde.Bind(avro.Framed[order2](r, v2, codec), topic, false)
			wantValue(t, now, b, order2{7, "-"})
			wantValue(t, now, mustAppend(t, now, order2{8, "x"}), order2{8, "x"})

			bad := serde.Bind(avro.Framed[map[string]any](r, v3, codec), topic, false)
			_, err := bad.AppendTo(nil, map[string]any{"id": "s3cret"})
			if !errors.Is(err, registry.ErrIncompatible) {
				t.Errorf("incompatible: %v", err)
			}
			versions, err := cl.SubjectVersions(t.Context(), topic+"-value")
			if err != nil || len(versions) != 2 {
				t.Errorf("versions %v, %v", versions, err)
			}
		})
	}
}

func TestModes(t *testing.T) {
	r, _ := connect(t)
	topic := topic(t)
	lookup := serde.Bind(avro.Framed[order1](r.With(registry.LookupOnly()), v1), topic, true)
	if _, err := lookup.AppendTo(nil, order1{}); !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("not registered yet: %v", err)
	}
	v := order1{1, "a"}
	b := mustAppend(t, serde.Bind(avro.Framed[order1](r, v1), topic, true), v)
	id, _, err := registry.SplitID(b)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := connect(t) // with no memory of what was missing
	for name, s := range map[string]serde.Serde[order1]{
		"lookup": avro.Framed[order1](other.With(registry.LookupOnly()), v1),
		"latest": avro.Framed[order1](other.With(registry.UseLatest()), ""),
		"fixed":  avro.Framed[order1](other.With(registry.UseID(id)), ""),
	} {
		if got := mustAppend(t, serde.Bind(s, topic, true), v); string(got) != string(b) {
			t.Errorf("%s: %x, want %x", name, got, b)
		}
	}
	if _, err := other.ByID(t.Context(), 1<<30); !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := other.Latest(t.Context(), topic+"-missing"); !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("unknown subject: %v", err)
	}
	invalid := registry.Definition{Type: registry.Avro, Text: `{"type":"nothing"}`}
	if _, err := other.Register(t.Context(), topic+"-bad", invalid); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("invalid: %v", err)
	}
}

func TestReferences(t *testing.T) {
	r, _ := connect(t)
	n := time.Now().UnixNano()
	part := fmt.Sprintf(`{"type":"record","name":"e2e.Part%d","fields":[{"name":"x","type":"int"}]}`, n)
	whole := fmt.Sprintf(`{"type":"record","name":"e2e.Whole%d","fields":[{"name":"p","type":"e2e.Part%d"}]}`, n, n)
	topic := topic(t)
	type rec = map[string]any
	b := mustAppend(t, serde.Bind(avro.Framed[rec](r, whole, avro.Using(part)), topic, false), rec{"p": rec{"x": 7}})
	other, _ := connect(t)
	wantValue(t, avro.Framed[rec](other.With(registry.UseLatest()), ""), b, rec{"p": rec{"x": int32(7)}})
}

func TestJSONSchema(t *testing.T) {
	r, _ := connect(t)
	topic := topic(t)
	const schema = `{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object","properties":{"id":{"type":"integer","minimum":1}}}`
	b := mustAppend(t, serde.Bind(jsonschema.Framed[order1](r, schema), topic, false), order1{7, "a"})
	other, _ := connect(t)
	s := jsonschema.Framed[map[string]any](other.With(registry.UseLatest()), "")
	wantValue(t, s, b, map[string]any{"id": 7.0, "item": "a"})
	if _, err := serde.Bind(s, topic, false).AppendTo(nil, map[string]any{"id": 0}); !errors.Is(err, jsonschema.ErrInvalid) {
		t.Errorf("invalid: %v", err)
	}
}

func TestProtobuf(t *testing.T) {
	r, cl := connect(t)
	topic := topic(t)
	m := &typepb.Type{Name: "Order", Fields: []*typepb.Field{{Name: "id"}}}
	b := mustAppend(t, serde.Bind(protobuf.Framed[*typepb.Type](r), topic, false), m)
	other, _ := connect(t)
	got, err := protobuf.Framed[*typepb.Type](other).Decode(b)
	if err != nil || !proto.Equal(got, m) {
		t.Errorf("got %v, %v", got, err)
	}
	// As protoc's users register it: the text of the file.
	_, err = cl.CreateSchema(t.Context(), topic+"-text-value", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3";
package google.protobuf;
message Before { string x = 1; }
message Type { string name = 1; message Nested { int32 y = 1; } }
`})
	if err != nil {
		t.Fatal(err)
	}
	s := serde.Bind(protobuf.Framed[*typepb.Type](other.With(registry.UseLatest())), topic+"-text", false)
	b = mustAppend(t, s, &typepb.Type{Name: "a"})
	if string(b[5:7]) != "\x02\x02" {
		t.Errorf("index %x, want that of the second message", b[5:7])
	}
	if got, err := s.Decode(b); err != nil || got.Name != "a" {
		t.Errorf("got %v, %v", got, err)
	}
}

// The registry is away when the program starts, and again later.
func TestAway(t *testing.T) {
	p, through := newProxy(t, address(t))
	r := registry.New(registry.Config{URLs: []string{through}, Wait: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(r.Close)
	s := serde.Bind(avro.Framed[order1](r, v1), topic(t), false)
	time.AfterFunc(500*time.Millisecond, p.open)
	b := mustAppend(t, s, order1{1, "a"})
	wantValue(t, s, b, order1{1, "a"})

	p.cut()
	wantValue(t, s, mustAppend(t, s, order1{2, "b"}), order1{2, "b"}) // from the cache
	time.AfterFunc(500*time.Millisecond, p.open)
	again := serde.Bind(avro.Framed[order1](r, v1), topic(t)+"-2", false)
	wantValue(t, again, mustAppend(t, again, order1{3, "c"}), order1{3, "c"})

	p.cut()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.ByID(ctx, 1<<29); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("away: %v", err)
	}
}

// A schema that was deleted is an unknown one for who does not know it yet, and
// all the same for who does; its subject can be registered again.
func TestDeleted(t *testing.T) {
	r, cl := connect(t)
	topic := topic(t)
	s := serde.Bind(avro.Framed[order1](r, v1), topic, false)
	b := mustAppend(t, s, order1{1, "a"})
	id, _, err := registry.SplitID(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []sr.DeleteHow{sr.SoftDelete, sr.HardDelete} {
		if _, err := cl.DeleteSubject(t.Context(), topic+"-value", how); err != nil {
			t.Fatal(err)
		}
		wantValue(t, s, mustAppend(t, s, order1{2, "b"}), order1{2, "b"}) // from the cache
	}
	other, _ := connect(t)
	if _, err := other.Latest(t.Context(), topic+"-value"); !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("latest of a deleted subject: %v", err)
	}
	lookup := serde.Bind(avro.Framed[order1](other.With(registry.LookupOnly()), v1), topic, false)
	if _, err := lookup.AppendTo(nil, order1{}); !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("look-up in a deleted subject: %v", err)
	}
	// Registries may keep the schema of an id that no subject has any more.
	if _, err := serde.Bind(avro.Framed[order1](other, v1), topic, false).Decode(b); err != nil && !errors.Is(err, registry.ErrUnknown) {
		t.Errorf("schema %d: %v", id, err)
	}
	third, _ := connect(t)
	again := serde.Bind(avro.Framed[order1](third, v1), topic, false)
	wantValue(t, again, mustAppend(t, again, order1{3, "c"}), order1{3, "c"})
}
