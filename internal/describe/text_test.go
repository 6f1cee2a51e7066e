package describe

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// readFiles returns the contents of testdata files by their name without
// extension.
func readFiles(t *testing.T, pattern string, atLeast int) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < atLeast {
		t.Fatalf("%s: %d files, want at least %d", pattern, len(paths), atLeast)
	}
	files := make(map[string]string)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))] = string(data)
	}
	return files
}

// TestTextOfJavaTopologies compares with texts that Kafka Streams printed for
// random topologies, whose models come along. Their names collide in Java's hash
// tables, reach beyond the basic multilingual plane, and parents repeat. One,
// "overflow", has so many paths that Java's int weights wrap around.
func TestTextOfJavaTopologies(t *testing.T) {
	texts := readFiles(t, "java/*.txt", 20)
	for name, model := range readFiles(t, "java/*.json", 20) {
		t.Run(name, func(t *testing.T) {
			d, err := ParseJSON([]byte(model))
			if err != nil {
				t.Fatal(err)
			}
			diffLines(t, Text(d), texts[name])
		})
	}
}

// TestTextReconstructed compares with texts of DSL topologies, after it made
// their models from the texts themselves.
func TestTextReconstructed(t *testing.T) {
	unlike := 0
	for name, data := range readFiles(t, "text/*.txt", 130) {
		t.Run(name, func(t *testing.T) {
			h, text := splitHints(t, data)
			d, err := reconstruct(h, text)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.check(); err != nil {
				t.Fatal(err)
			}
			diffLines(t, Text(d), text)
			unlike += unlikePrinted(t, d, text)
		})
	}
	// The test would prove little if it put back the order it was given.
	if unlike < 100 {
		t.Errorf("%d lists were not in printed order, want 100 or more", unlike)
	}
}

// unlikePrinted counts the lists of d that the text has in another order.
func unlikePrinted(t *testing.T, d Topology, text string) int {
	printed, err := parseText(text)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for i, s := range printed.Subtopologies {
		for _, p := range s.Nodes {
			at := slices.IndexFunc(d.Subtopologies[i].Nodes, func(n Node) bool { return n.Name == p.Name })
			n := d.Subtopologies[i].Nodes[at]
			for _, pair := range [][2][]string{{n.Parents, p.Parents}, {n.Children, p.Children}, {n.Stores, p.Stores}, {n.Topics, p.Topics}} {
				if !slices.Equal(pair[0], pair[1]) {
					count++
				}
			}
		}
	}
	return count
}

// diffLines reports the first line that differs.
func diffLines(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("line %d:\n got %q\nwant %q", i+1, g[i], w[i])
		}
	}
	t.Fatalf("got %d lines, want %d", len(g), len(w))
}

func TestTextForms(t *testing.T) {
	source := Node{Name: "s", Kind: Source, Topics: []string{"a", "b"}}
	tests := []struct {
		name string
		in   Topology
		want string
	}{
		{"nothing", Topology{}, "Topologies:\n "},
		{
			"source without children",
			Topology{[]Subtopology{{Nodes: []Node{source}}}},
			"Topologies:\n   Sub-topology: 0\n    Source: s (topics: [a, b])\n      --> none\n\n",
		},
		{
			"global store before a sub-topology, given in the wrong order",
			Topology{[]Subtopology{
				{ID: 1, Nodes: []Node{{Name: "x", Kind: Source, Pattern: "p.*"}}},
				{ID: 0, Global: true, Nodes: []Node{
					{Name: "gs", Kind: Source, Topics: []string{"g"}},
					{Name: "gp", Kind: Processor, Stores: []string{"st"}, Parents: []string{"gs"}},
				}},
			}},
			"Topologies:\n   Sub-topology: 0 for global store (will not generate tasks)\n" +
				"    Source: gs (topics: [g])\n      --> gp\n" +
				"    Processor: gp (stores: [st])\n      --> none\n      <-- gs\n" +
				"  Sub-topology: 1\n    Source: x (topics: p.*)\n      --> none\n\n",
		},
		{
			"sinks",
			Topology{[]Subtopology{{Nodes: []Node{
				source,
				{Name: "one", Kind: Sink, Topic: "out", Parents: []string{"s"}},
				{Name: "two", Kind: Sink, TopicFunc: "by_key", Parents: []string{"s"}},
			}}}},
			"Topologies:\n   Sub-topology: 0\n    Source: s (topics: [a, b])\n      --> one, two\n" +
				"    Sink: one (topic: out)\n      <-- s\n" +
				"    Sink: two (extractor class: by_key)\n      <-- s\n\n",
		},
		{
			"parent elsewhere",
			Topology{[]Subtopology{{Nodes: []Node{{Name: "p", Kind: Processor, Parents: []string{"gone"}}}}}},
			"Topologies:\n   Sub-topology: 0\n    Processor: p (stores: [])\n      --> none\n      <-- none\n\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			diffLines(t, Text(tt.in), tt.want)
		})
	}
}

func TestTextLeavesItsInput(t *testing.T) {
	d := deep(4)
	slices.Reverse(d.Subtopologies[0].Nodes)
	before := fmt.Sprint(d)
	Text(d)
	if after := fmt.Sprint(d); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

// TestTextOfManyPaths needs weights that do not walk every path: there are 2^40.
func TestTextOfManyPaths(t *testing.T) {
	text := Text(deep(40))
	d, err := parseText(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.Subtopologies[0].Nodes); got != 121 {
		t.Errorf("got %d nodes, want 121", got)
	}
}

func TestTextOfCycle(t *testing.T) {
	d := Topology{[]Subtopology{{Nodes: []Node{
		{Name: "a", Kind: Processor, Parents: []string{"b", "a"}},
		{Name: "b", Kind: Processor, Parents: []string{"a"}},
	}}}}
	if text := Text(d); !strings.Contains(text, "Processor: a") || !strings.Contains(text, "Processor: b") {
		t.Errorf("got %q, want both nodes", text)
	}
}

// deep returns a chain of diamonds, with 2^levels paths from top to bottom. The
// names of up to 192 nodes fill Java's buckets in order of creation.
func deep(levels int) Topology {
	nodes := []Node{{Name: string(rune(0x4e00)), Kind: Source, Topics: []string{"in"}}}
	add := func(parents ...string) string {
		name := string(rune(0x4e00 + len(nodes)))
		for i := range nodes {
			if slices.Contains(parents, nodes[i].Name) {
				nodes[i].Children = append(nodes[i].Children, name)
			}
		}
		nodes = append(nodes, Node{Name: name, Kind: Processor, Parents: parents})
		return name
	}
	last := nodes[0].Name
	for range levels {
		last = add(add(last), add(last))
	}
	return Topology{[]Subtopology{{Nodes: nodes}}}
}

func TestKind(t *testing.T) {
	for _, k := range []Kind{Source, Processor, Sink} {
		text, err := k.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Kind
		if err := back.UnmarshalText(text); err != nil || back != k || k.String() != string(text) {
			t.Errorf("%s: read %s back as %v: %v", k, text, back, err)
		}
	}
	for _, k := range []Kind{0, 4} {
		if _, err := k.MarshalText(); err == nil {
			t.Errorf("%v: want an error", k)
		}
		if want := fmt.Sprintf("Kind(%d)", uint8(k)); k.String() != want {
			t.Errorf("got %s, want %s", k, want)
		}
	}
	var k Kind
	for _, bad := range []string{"", "Source", "Kind(0)"} {
		if err := k.UnmarshalText([]byte(bad)); err == nil || !reflect.ValueOf(k).IsZero() {
			t.Errorf("%q: got %v, %v; want an error", bad, k, err)
		}
	}
}
