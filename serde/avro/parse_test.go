package avro

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseAccepts(t *testing.T) {
	for _, s := range []string{
		`string`, `"string"`, `{"type":"string"}`, `{"type":{"type":"string"}}`, `["null","string"]`,
		`{"type":"error","name":"E","fields":[]}`,
		`{"type":"record","name":"a.b.R","fields":[{"name":"x","type":["null","R"]},{"name":"y","type":"a.b.R"}]}`,
		`{"type":"record","name":"R","namespace":"n","fields":[{"name":"x","type":{"type":"enum","name":"E","symbols":[]}},{"name":"y","type":"n.E"},{"name":"z","type":"E"}]}`,
		`{"type":"bytes","logicalType":"decimal","precision":1000,"scale":10}`,
		`{"type":"string","connect.name":"x","scale":1e12}`,
	} {
		if _, err := Parse(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat(`{"type":"array","items":`, n) + `"int"` + strings.Repeat("}", n)
	}
	for schema, want := range map[string]error{
		"":                                nil,
		"{":                               nil,
		"7":                               nil,
		"null x":                          nil,
		`{}`:                              nil,
		`{"type":7}`:                      nil,
		`"Order"`:                         nil,
		`{"type":"array"}`:                nil,
		`{"type":"map","values":"Order"}`: nil,
		`{"type":"record","fields":[]}`:   nil,
		`{"type":"record","name":"R"}`:    nil,
		`{"type":"record","name":"R","fields":[7]}`:                                                               nil,
		`{"type":"record","name":"R","fields":[{"name":"x"}]}`:                                                    nil,
		`{"type":"record","name":"R","fields":[{"name":"x","type":"enum","symbols":["A"]}]}`:                      nil,
		`[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]`:                             nil,
		`{"type":"fixed","name":"F"}`:                                                                             nil,
		`{"type":"fixed","name":"F","size":-1}`:                                                                   nil,
		`{"type":"fixed","name":"F","size":1099511627776}`:                                                        nil,
		`{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":5,"scale":1e9}`:                  nil,
		`{"type":"bytes","logicalType":"decimal","precision":2147483647,"scale":2147483647}`:                      nil,
		`{"type":"bytes","LogicalType":"decimal","Precision":2147483647}`:                                         nil,
		`{"type":"record","name":"R","fields":[{"name":"x","type":"bytes","logicalType":"decimal","scale":1e9}]}`: nil,
		nested(maxSchemaNest + 1):                                                                                 errSchemaNest,
		nested(9_000):                                                                                             errSchemaNest,
		nested(100_000):                                                                                           errSchemaSize,
		`"` + strings.Repeat("a", maxSchemaBytes) + `"`:                                                           errSchemaSize,
		strings.Repeat("[", 20_000) + strings.Repeat("]", 9):                                                      nil,
	} {
		start := time.Now()
		_, err := Parse(schema)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%.100s: %v", schema, err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%.100s: took %v", schema, d)
		}
	}
	if _, err := Parse(nested(maxSchemaNest)); err != nil {
		t.Error(err)
	}
}

// doubling is a schema with 2^n types once all names are replaced.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString(`[{"type":"record","name":"R0","fields":[]}`)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `,{"type":"record","name":"R%d","fields":[{"name":"a","type":"R%d"},{"name":"b","type":"R%d"}]}`, i, i-1, i-1)
	}
	return b.String() + "]"
}

func TestParseMeasures(t *testing.T) {
	if _, err := Parse(doubling(10)); err != nil {
		t.Error(err)
	}
	if _, err := Parse(doubling(40)); !errors.Is(err, errSchemaTree) {
		t.Errorf("2^40 types: %v", err)
	}
	s := mustParse(t, `{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","R"]}]}`)
	if !s.Recursive() || s.Tree() != 5 || s.Name() != "R" {
		t.Errorf("recursive %v, tree %d, name %s", s.Recursive(), s.Tree(), s.Name())
	}
	flat := mustParse(t, `{"type":"array","items":["null","int"]}`)
	if flat.Recursive() || flat.Tree() != 4 || flat.Name() != "" {
		t.Errorf("recursive %v, tree %d", flat.Recursive(), flat.Tree())
	}
}

func TestParseUses(t *testing.T) {
	a := mustParse(t, `{"type":"enum","name":"x.A","symbols":["S"]}`)
	b := mustParse(t, `{"type":"record","name":"x.B","fields":[{"name":"a","type":"A"}]}`, a)
	c := mustParse(t, `{"type":"array","items":"x.B"}`, a, b)
	if len(b.asks) != 1 || b.asks[0] != a || len(c.asks) != 1 || c.asks[0] != b || len(c.Uses()) != 2 {
		t.Errorf("b asks %v, c asks %v", b.asks, c.asks)
	}
	d := c.definition()
	if len(d.Imports) != 1 || d.Imports[0].Name != "x.B" || len(d.Imports[0].Definition.Imports) != 1 {
		t.Errorf("definition %+v", d)
	}
	if _, err := Parse(a.text, a); err == nil {
		t.Error("defined twice: no error")
	}
}
