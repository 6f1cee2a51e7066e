package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

func TestReferences(t *testing.T) {
	f := newFake(t)
	seed(f, "base", 1, 1, `"int"`)
	seed(f, "left", 1, 2, `"long"`, sr.SchemaReference{Name: "Base", Subject: "base", Version: 1})
	seed(f, "right", 1, 3, `"float"`, sr.SchemaReference{Name: "Base", Subject: "base", Version: 1})
	seed(f, "top", 1, 4, `"string"`,
		sr.SchemaReference{Name: "Left", Subject: "left", Version: 1}, sr.SchemaReference{Name: "Right", Subject: "right", Version: 1})
	s, err := f.connect(t).ByID(background, 4)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range s.Dependencies() {
		names = append(names, d.Name+"="+d.Schema.Text)
	}
	if got, want := strings.Join(names, " "), `Base="int" Left="long" Right="float"`; got != want {
		t.Errorf("dependencies %s, want %s", got, want)
	}
	if n := f.asked.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

// answer makes the fake answer requests for a path with a schema.
func answer(f *fake, path string, schema func() string) {
	f.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		fmt.Fprint(w, schema())
		return true
	})
}

func TestReferenceCircle(t *testing.T) {
	f := newFake(t)
	const to = `{"id":%d,"subject":"%s","version":1,"schema":"\"int\"","references":[{"name":"X","subject":"%s","version":1}]}`
	answer(f, "/schemas/ids/1", func() string { return fmt.Sprintf(to, 1, "a", "b") })
	answer(f, "/subjects/a/", func() string { return fmt.Sprintf(to, 1, "a", "b") })
	answer(f, "/subjects/b/", func() string { return fmt.Sprintf(to, 2, "b", "a") })
	_, err := f.connect(t).ByID(background, 1)
	if !errors.Is(err, ErrReferences) {
		t.Fatal(err)
	}
	wantError(t, err, "schema id 1", "refers to itself")
}

func TestReferenceLimits(t *testing.T) {
	f := newFake(t)
	n := 0
	next := func() string {
		n++
		return fmt.Sprintf(`{"schema":"\"int\"","references":[{"name":"X","subject":"chain%d","version":1}]}`, n)
	}
	answer(f, "/schemas/ids/1", next)
	answer(f, "/subjects/chain", next)
	r := f.connect(t)
	_, err := r.ByID(background, 1)
	if !errors.Is(err, ErrReferences) || n > maxDepth+2 {
		t.Errorf("deep: %v after %d requests", err, n)
	}

	many := `{"schema":"\"int\"","references":[`
	for i := range maxReferences + 1 {
		many += fmt.Sprintf(`{"name":"X","subject":"leaf%d","version":1},`, i)
	}
	answer(f, "/schemas/ids/2", func() string { return strings.TrimSuffix(many, ",") + "]}" })
	answer(f, "/subjects/leaf", func() string { return `{"schema":"\"int\""}` })
	if _, err := r.ByID(background, 2); !errors.Is(err, ErrReferences) {
		t.Errorf("many: %v", err)
	}

	answer(f, "/schemas/ids/3", func() string { return `{"schema":"\"int\"","references":[{"name":"X","subject":"leaf","version":-1}]}` })
	if _, err := r.ByID(background, 3); !errors.Is(err, ErrReferences) {
		t.Errorf("version -1: %v", err)
	}
}

func TestSchemaTooLarge(t *testing.T) {
	f := newFake(t)
	const limit = 256 << 10
	sized := func(n int) func() string {
		return func() string { return `{"schema":"` + strings.Repeat("x", n) + `"}` }
	}
	answer(f, "/schemas/ids/1", sized(limit+1))
	answer(f, "/schemas/ids/2", sized(100*limit))
	answer(f, "/schemas/ids/3", sized(limit))
	r := f.connect(t)
	for id := int32(1); id <= 2; id++ {
		if _, err := r.ByID(background, id); !errors.Is(err, ErrTooLarge) {
			t.Errorf("id %d: %v", id, err)
		}
	}
	if _, err := r.ByID(background, 3); err != nil {
		t.Errorf("the largest: %v", err)
	}
	// Each is small enough, all together are not.
	refs := `{"schema":"\"int\"","references":[`
	for i := range 5 {
		refs += fmt.Sprintf(`{"name":"X","subject":"big%d","version":1},`, i)
	}
	answer(f, "/schemas/ids/4", func() string { return strings.TrimSuffix(refs, ",") + "]}" })
	answer(f, "/subjects/big", sized(limit))
	if _, err := r.ByID(background, 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("in all: %v", err)
	}
}

func TestRegisterImports(t *testing.T) {
	f := newFake(t)
	base := Definition{Type: Avro, Text: `"int"`}
	d := Definition{Type: Avro, Text: `"string"`, Imports: []Import{
		{"base", base},
		{"mid", Definition{Type: Avro, Text: `"long"`, Imports: []Import{{"base", base}}}},
	}}
	r := f.connect(t)
	s, err := r.Register(background, "top-value", d)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := f.GetSchema("top-value", 1)
	if !ok || len(got.References) != 2 || got.References[0] != (sr.SchemaReference{Name: "base", Subject: "base", Version: 1}) {
		t.Fatalf("registered %+v", got)
	}
	if n := len(s.Dependencies()); n != 2 {
		t.Errorf("%d dependencies", n)
	}
	read, err := f.connect(t).ByID(background, s.ID)
	if err != nil || len(read.Dependencies()) != 2 {
		t.Errorf("read back: %+v, %v", read, err)
	}
	deep := base
	for range maxDepth + 1 {
		deep = Definition{Type: Avro, Text: `"int"`, Imports: []Import{{"x", deep}}}
	}
	if _, err := r.Register(background, "deep", deep); !errors.Is(err, ErrReferences) {
		t.Errorf("deep: %v", err)
	}
}

func TestGUID(t *testing.T) {
	const s = "00112233-4455-6677-8899-aabbccddeeff"
	g, err := parseGUID(s)
	if err != nil || g.String() != s || g[0] != 0 || g[15] != 0xff {
		t.Errorf("%v, %v", g, err)
	}
	for _, bad := range []string{"x", s[1:], s + "0", strings.ReplaceAll(s, "a", "g"), strings.ReplaceAll(s, "-", "0")} {
		if _, err := parseGUID(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
