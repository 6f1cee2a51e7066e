package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/registry"
)

const orderSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Order","type":"object",
	"required":["id"],"properties":{"id":{"type":"integer","minimum":1},"customer":{"type":"string","maxLength":10}}}`

type order struct {
	ID       int64  `json:"id"`
	Customer string `json:"customer"`
}

func mustAppend[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

func TestPlain(t *testing.T) {
	s := Plain[order](orderSchema)
	v := order{9007199254740993, "Ada"}
	b := mustAppend(t, s, v)
	if want := `{"id":9007199254740993,"customer":"Ada"}`; string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
	if got, err := s.Decode(b); err != nil || got != v {
		t.Errorf("%v, %v", got, err)
	}
	if !serde.Copies(s) {
		t.Error("Copies is lost")
	}
}

func TestInvalid(t *testing.T) {
	s := Plain[order](orderSchema)
	b, err := s.AppendTo([]byte("x"), order{0, "a name too long"})
	if string(b) != "x" || !errors.Is(err, ErrInvalid) {
		t.Errorf("%q, %v", b, err)
	}
	wantError(t, err, "json schema jsonschema.order", "#/properties/id/minimum", "#/properties/customer/maxLength")
	for _, text := range []string{
		``, `{`, `{"id":1}x`, `{"id":1,"id":2}`, `{"id":01}`, "{\"id\":1,\"customer\":\"\xff\"}", `[1]`, `{}`, `{"id":"s3cret"}`,
		`{"id":1e1000000}`, `{"id":1` + strings.Repeat("0", 500) + `}`, `{"id":1,"x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	} {
		_, err := s.Decode([]byte(text))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
	// What the schema forbids has a name that could be data.
	closed := Plain[any](`{"additionalProperties":false}`)
	_, err = closed.Decode([]byte(`{"s3cret":1}`))
	wantError(t, err, "#/additionalProperties")
	if strings.Contains(fmt.Sprintf("%+v", err), "s3cret") {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	s := Plain[any](`{}`)
	for name, text := range map[string]string{
		"values": "[" + strings.Repeat("1,", maxValues) + "1]",
		"bytes":  `"` + strings.Repeat("x", maxBytes) + `"`,
		"depth":  strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2),
		"number": "1e" + strings.Repeat("9", 30),
	} {
		if _, err := s.Decode([]byte(text)); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Some schemas make the work double with each level.
func TestExponentialSchemas(t *testing.T) {
	var defs []string
	for i := range 60 {
		defs = append(defs, fmt.Sprintf(`"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]}`, i, i+1, i+1))
	}
	wide := `{"$ref":"#/$defs/a0","$defs":{` + strings.Join(defs, ",") + `,"a60":{"minimum":0}}}`
	deep := `{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}`
	data := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for name, schema := range map[string]string{"wide": wide, "deep": deep} {
		s := Plain[any](schema)
		if err := s.(serde.Checker).Err(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := s.Decode([]byte(data)); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		// It can be used again.
		if _, err := s.Decode([]byte(`{"a":1}`)); name == "deep" && err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
}

func TestBadSchemas(t *testing.T) {
	for name, s := range map[string]serde.Serde[any]{
		"none":       Plain[any](""),
		"not JSON":   Plain[any]("{"),
		"no schema":  Plain[any](`{"type":"unknown"}`),
		"expression": Plain[any](`{"pattern":"("}`),
		"file":       Plain[any](`{"$ref":"file:///etc/hostname"}`),
		"address":    Plain[any](`{"$ref":"http://127.0.0.1:1/x.json"}`),
		"metaschema": Plain[any](`{"$schema":"http://127.0.0.1:1/x.json"}`),
		"missing":    Plain[any](`{"$ref":"#/$defs/x"}`),
		"too large":  Plain[any](`{"description":"` + strings.Repeat("x", maxSchemaBytes) + `"}`),
		"parts":      Plain[any](`{"enum":[` + strings.Repeat("1,", maxParts) + `2]}`),
		"number":     Plain[any](`{"minimum":1e1000000}`),
		"using":      Plain[any](`{}`, Using("a", "{")),
	} {
		err := s.(serde.Checker).Err()
		if err == nil {
			t.Errorf("%s: Err is nil", name)
		} else if !strings.HasPrefix(err.Error(), "json schema interface {}: schema") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if Plain[func()](`{}`).(serde.Checker).Err() == nil {
		t.Error("func: Err is nil")
	}
}

func TestUsing(t *testing.T) {
	const address = `{"type":"object","required":["city"]}`
	for _, schema := range []string{
		`{"properties":{"home":{"$ref":"address.json"}}}`,
		`{"$id":"https://example.com/schemas/person.json","properties":{"home":{"$ref":"address.json"}}}`,
	} {
		s := Plain[any](schema, Using("address.json", address))
		if _, err := s.Decode([]byte(`{"home":{"city":"Rome"}}`)); err != nil {
			t.Error(err)
		}
		if _, err := s.Decode([]byte(`{"home":{}}`)); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	}
}

func fake(t testing.TB) (*srfake.Registry, *registry.Registry) {
	f := srfake.New()
	t.Cleanup(f.Close)
	r := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
	t.Cleanup(r.Close)
	return f, r
}

func TestFramed(t *testing.T) {
	f, r := fake(t)
	s := serde.Bind(Framed[order](r, orderSchema), "orders", false)
	b := mustAppend(t, s, order{7, "Ada"})
	if want := []byte("\x00\x00\x00\x00\x01{\"id\":7"); !bytes.HasPrefix(b, want) {
		t.Errorf("%q", b)
	}
	if v, err := s.Decode(b); err != nil || v != (order{7, "Ada"}) {
		t.Errorf("%v, %v", v, err)
	}
	got, _ := f.GetSchema("orders-value", 1)
	if got.Type != sr.TypeJSON {
		t.Errorf("registered as %v", got.Type)
	}
	if _, err := s.Decode([]byte("\x00\x00\x00\x00\x01{\"id\":0}")); !errors.Is(err, ErrInvalid) {
		t.Errorf("invalid: %v", err)
	}
	// By the schema of the registry.
	latest := serde.Bind(Framed[map[string]any](r.With(registry.UseLatest()), ""), "orders", false)
	if v, err := latest.Decode(b); err != nil || v["customer"] != "Ada" {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := latest.AppendTo(nil, map[string]any{"id": 0}); !errors.Is(err, ErrInvalid) {
		t.Errorf("latest: %v", err)
	}
	mustAppend(t, serde.Bind(Framed[order](r.With(registry.Subjects(registry.RecordName)), orderSchema), "orders", false), order{1, ""})
	if !f.SubjectExists("Order") {
		t.Error("the title is not the record's name")
	}
}

func TestFramedReferences(t *testing.T) {
	f, r := fake(t)
	s := Framed[any](r, `{"properties":{"home":{"$ref":"address.json"}}}`, Using("city.json", `{"type":"string"}`),
		Using("address.json", `{"properties":{"city":{"$ref":"city.json"}}}`))
	b := mustAppend(t, serde.Bind(s, "people", false), any(map[string]any{"home": map[string]any{"city": "Rome"}}))
	if !f.SubjectExists("address.json") || !f.SubjectExists("city.json") {
		t.Error("references aren't registered")
	}
	other := Framed[any](r.With(registry.UseLatest()), "")
	if _, err := other.Decode(b); err != nil {
		t.Error(err)
	}
	bad := append(b[:5:5], `{"home":{"city":7}}`...)
	if _, err := other.Decode(bad); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	for _, bad := range []serde.Serde[any]{Framed[any](r, "{"), Framed[any](r, ""), Framed[any](nil, "{}")} {
		if bad.(serde.Checker).Err() == nil {
			t.Error("Err is nil")
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s := Plain[order](orderSchema)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			v := order{int64(i) + 1, "x"}
			for range 50 {
				b, err := s.AppendTo(nil, v)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Decode(b); err != nil || got != v {
					t.Error(got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzDecode(f *testing.F) {
	s := Plain[any](orderSchema)
	plain := serde.JSON[any]()
	f.Add([]byte(`{"id":1,"customer":"a"}`))
	f.Add([]byte(`[1e5,-0,"\u0000",null,true]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := s.Decode(b)
		if _, bad := plain.Decode(b); bad != nil && err == nil {
			t.Errorf("%q isn't JSON: %v", b, bad)
		}
	})
}

func FuzzSchema(f *testing.F) {
	f.Add(orderSchema, `{"id":1}`)
	f.Add(`{"allOf":[{"$ref":"#"}],"$id":"x","if":{"pattern":"a"},"then":false,"uniqueItems":true}`, `[1,1]`)
	f.Add(`{"$dynamicRef":"#a","$dynamicAnchor":"a","unevaluatedProperties":{"multipleOf":0.1},"dependentSchemas":{"a":{"maxItems":1}}}`, `{"a":0.3}`)
	f.Fuzz(func(t *testing.T, schema, text string) {
		start := time.Now()
		_, _ = Plain[any](schema).Decode([]byte(text))
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func BenchmarkJSONSchema(b *testing.B) {
	s := Plain[order](orderSchema)
	v := order{7, "Ada"}
	data := mustAppend(b, s, v)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 100)
		for b.Loop() {
			buf, _ = s.AppendTo(buf[:0], v)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Decode(data)
		}
	})
}
