package describe

import (
	"strings"
	"testing"
)

func TestDOT(t *testing.T) { golden(t, "orders.dot", DOT(orders())) }

func TestMermaid(t *testing.T) { golden(t, "orders.mmd", Mermaid(orders())) }

func TestTextOfOrders(t *testing.T) { golden(t, "orders.txt", Text(orders())) }

func TestEmptyPictures(t *testing.T) {
	if got, want := DOT(Topology{}), "digraph topology {\n}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Mermaid(Topology{}), "flowchart TD\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuote(t *testing.T) {
	tests := []struct{ name, dot, mermaid string }{
		{"KSTREAM-SOURCE-0000000000", `"KSTREAM-SOURCE-0000000000"`, `"KSTREAM-SOURCE-0000000000"`},
		{"a_b.c d", `"a_b.c d"`, `"a_b.c d"`},
		{`say "x"`, `"say \"x\""`, `"say#32;#34;x#34;"`},
		{`a\nb\`, `"a\\nb\\"`, `"a#92;nb#92;"`},
		{"a\nb", "\"a\uFFFDb\"", `"a#10;b"`},
		{"&lt; <b>", `"&amp;lt; <b>"`, `"#38;lt#59;#32;#60;b#62;"`},
		{"#35;", `"#35;"`, `"#35;35#59;"`},
		{"style:#x;", `"style:#x;"`, `"style#58;#35;x#59;"`},
		{"`md`", "\"`md`\"", `"#96;md#96;"`},
		{"_i_", `"_i_"`, `"#95;i#95;"`},
		{"1. x", `"1. x"`, `"1#46;#32;x"`},
		{"größe-日", `"größe-日"`, `"größe-日"`},
		{"😀", `"😀"`, `"#128512;"`},
	}
	for _, tt := range tests {
		if got := dotQuote(tt.name); got != tt.dot {
			t.Errorf("DOT of %q: got %s, want %s", tt.name, got, tt.dot)
		}
		if got := mermaidQuote(tt.name); got != tt.mermaid {
			t.Errorf("Mermaid of %q: got %s, want %s", tt.name, got, tt.mermaid)
		}
	}
}

// FuzzQuote checks that no name leaves its quotes, and that names stay apart.
func FuzzQuote(f *testing.F) {
	f.Add(`a"b`, `a#34;b`)
	f.Add(`\`, `\\`)
	f.Add("x; end", "x\nend")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		q := mermaidQuote(a)
		if inner := q[1 : len(q)-1]; strings.ContainsAny(inner, "\"\n\r`<>&|[](){}\\%:") {
			t.Errorf("Mermaid of %q: %s", a, q)
		}
		if (q == mermaidQuote(b)) != (a == b) {
			t.Errorf("Mermaid of %q and %q: %s, %s", a, b, q, mermaidQuote(b))
		}
		d := dotQuote(a)
		inner := strings.NewReplacer(`\\`, "", `\"`, "").Replace(d[1 : len(d)-1])
		if strings.ContainsAny(inner, "\"\\\n") {
			t.Errorf("DOT of %q: %s", a, d)
		}
	})
}

// A topic that two sub-topologies share is drawn once.
func TestTopicsLinkSubtopologies(t *testing.T) {
	p := draw(orders())
	count := 0
	var id string
	for _, s := range p.topics {
		if s.label == "totals-repartition" {
			count++
			id = s.id
			if s.form != internalForm {
				t.Errorf("form %d, want an internal topic", s.form)
			}
		}
	}
	in, out := 0, 0
	for _, e := range p.edges {
		if e.to == id {
			in++
		}
		if e.from == id {
			out++
		}
	}
	if count != 1 || in != 1 || out != 1 {
		t.Errorf("got %d shapes, %d edges in, %d out; want one each", count, in, out)
	}
}
