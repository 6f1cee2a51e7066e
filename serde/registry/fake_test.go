package registry

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
)

// fake is a registry in this process that counts requests and can be away.
type fake struct {
	*srfake.Registry
	asked atomic.Int64
	away  atomic.Int64 // requests that get a 503
}

func newFake(t testing.TB) *fake {
	f := &fake{Registry: srfake.New()}
	t.Cleanup(f.Close)
	f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		f.asked.Add(1)
		if f.away.Add(-1) < 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	return f
}

func (f *fake) connect(t testing.TB, change ...func(*Config)) *Registry {
	c := Config{URLs: []string{f.URL()}, Wait: 10 * time.Second}
	for _, do := range change {
		do(&c)
	}
	r := New(c)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

const text = `{"type":"string"}`

// upper is a format whose payload is the value, and that reads it with the
// schema's text before it.
func upper() Format[string] {
	return Format[string]{
		Name:       "upper",
		Definition: Definition{Type: Avro, Text: text},
		Record:     "com.example.Upper",
		Writer: func(*Schema) (AppendFunc[string], error) {
			return func(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }, nil
		},
		Reader: func(s *Schema) (DecodeFunc[string], error) {
			return func(_, p []byte) (string, error) { return s.Text + " " + string(p), nil }, nil
		},
		Copies: true,
	}
}

func seed(f *fake, subject string, version, id int, text string, refs ...sr.SchemaReference) {
	f.SeedSchema(subject, version, id, sr.Schema{Schema: text, Type: sr.TypeAvro, References: refs})
}

func mustAppend[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustDecode[T any](t testing.TB, s serde.Serde[T], b []byte) T {
	t.Helper()
	v, err := s.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return v
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

var background = context.Background()
