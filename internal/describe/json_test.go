package describe

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares got with a file in testdata/golden.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	diffLines(t, got, string(want))
}

// orders has everything that a description can hold.
func orders() Topology {
	return Topology{[]Subtopology{
		{
			ID: 0,
			Nodes: []Node{
				{Name: "orders", Kind: Source, Topics: []string{"orders", "returns"}, Children: []string{"by-customer", "log"}, Place: "main.go:20"},
				{Name: "by-customer", Kind: Processor, Parents: []string{"orders"}, Children: []string{"totals-repartition-sink"}, Place: "main.go:21"},
				{Name: "totals-repartition-sink", Kind: Sink, Topic: "totals-repartition", Parents: []string{"by-customer"}, Place: "main.go:22"},
				{Name: "log", Kind: Processor, Stores: []string{"seen"}, Parents: []string{"orders"}, Place: "main.go:23"},
			},
			ChangelogTopics: []Topic{{Name: "seen-changelog", Configs: map[string]string{"retention.ms": "-1", "cleanup.policy": "compact"}}},
			Stores:          []Store{{Name: "seen", Kind: "key-value", Changelog: "seen-changelog"}, {Name: "r", Kind: "window", Changelog: "rates", FromSource: true}},
		},
		{
			ID: 1, Global: true,
			Nodes: []Node{
				{Name: "rates-source", Kind: Source, Topics: []string{"rates"}, Children: []string{"rates"}},
				{Name: "rates", Kind: Processor, Stores: []string{"rates"}, Parents: []string{"rates-source"}},
			},
		},
		{
			ID: 2,
			Nodes: []Node{
				{Name: "totals-repartition-source", Kind: Source, Topics: []string{"totals-repartition"}, Children: []string{"totals"}},
				{Name: `"all" & <more>`, Kind: Source, Pattern: `cust-[0-9]+\.v1`, Children: []string{"totals"}},
				{Name: "totals", Kind: Processor, Stores: []string{"totals", "customers"}, Parents: []string{"totals-repartition-source", `"all" & <more>`}, Children: []string{"check", "route"}},
				{Name: "check", Kind: Processor, Stores: []string{"totals"}, Parents: []string{"totals"}},
				{Name: "route", Kind: Sink, TopicFunc: "main.byRegion", Parents: []string{"totals"}},
			},
			RepartitionTopics: []Topic{{Name: "totals-repartition", Partitions: 6}},
			ChangelogTopics:   []Topic{{Name: "totals-changelog"}, {Name: "customers-changelog"}},
			CopartitionGroups: [][]string{{"totals-repartition", "cust-1.v1"}, {"a", "b"}},
		},
	}}
}

func TestJSON(t *testing.T) {
	data, err := JSON(orders())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "orders.json", string(data))
	back, err := ParseJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, orders()) {
		t.Errorf("read back %+v, want %+v", back, orders())
	}
	empty, err := JSON(Topology{})
	if want := "{\n  \"version\": 1,\n  \"subtopologies\": []\n}\n"; err != nil || string(empty) != want {
		t.Errorf("got %q, %v; want %q", empty, err, want)
	}
}

func TestParseJSONErrors(t *testing.T) {
	one := func(nodes string) string {
		return `{"version": 1, "subtopologies": [{"id": 0, "nodes": [` + nodes + `]}]}`
	}
	const source = `{"name": "s", "kind": "source", "topics": ["a"], "children": ["p"]}`
	tests := []struct{ name, in, want string }{
		{"nothing", ``, "EOF"},
		{"no version", `{}`, "version 0 cannot be read: want version 1"},
		{"newer", `{"version": 2, "subtopologies": "none"}`, "version 2 cannot be read: want version 1"},
		{"more after the end", one("") + "x", "invalid character"},
		{"field twice", `{"version": 1, "version": 1}`, "duplicate"},
		{"other type", `{"version": 1, "subtopologies": 3}`, "subtopologies"},
		{"not UTF-8", one("{\"name\": \"\xff\", \"kind\": \"processor\"}"), "UTF-8"},
		{"negative id", `{"version": 1, "subtopologies": [{"id": -1}]}`, "sub-topology -1: ids must ascend"},
		{"same id", `{"version": 1, "subtopologies": [{"id": 0}, {"id": 0}]}`, "sub-topology 0: ids must ascend"},
		{"unknown kind", one(`{"name": "p", "kind": "Processor"}`), `kind "Processor" is unknown`},
		{"no kind", one(`{"name": "p"}`), `"p": the kind must be`},
		{"no name", one(`{"kind": "processor"}`), `node "": the name must be unique`},
		{"same name", one(`{"name": "p", "kind": "processor"}, {"name": "p", "kind": "processor"}`), `node "p": the name must be unique`},
		{"parent unknown", one(`{"name": "p", "kind": "processor", "parents": ["s"]}`), `processor "p": parent "s" must come before`},
		{"parent later", one(`{"name": "p", "kind": "processor", "parents": ["s"]}, ` + source), `processor "p": parent "s" must come before`},
		{"parent of none", one(`{"name": "s", "kind": "processor"}, {"name": "p", "kind": "processor", "parents": ["s"]}`), `have it as a child`},
		{"own parent", one(`{"name": "p", "kind": "processor", "parents": ["p"], "children": ["p"]}`), `parent "p" must come before`},
		{"child unknown", one(source), `source "s": child "p" must be in the sub-topology`},
		{"child of none", one(source + `, {"name": "p", "kind": "processor"}`), `have it as a parent`},
		{"source with parents", one(`{"name": "q", "kind": "source", "topics": ["a"], "parents": ["s"]}`), "a source has no parents"},
		{"source of nothing", one(`{"name": "s", "kind": "source"}`), "either topics or a pattern"},
		{"source of both", one(`{"name": "s", "kind": "source", "topics": ["a"], "pattern": "b"}`), "either topics or a pattern"},
		{"source with store", one(`{"name": "s", "kind": "source", "topics": ["a"], "stores": ["b"]}`), "stores are for processors"},
		{"processor with topics", one(`{"name": "p", "kind": "processor", "topics": ["a"]}`), "for sources"},
		{"processor with topic", one(`{"name": "p", "kind": "processor", "topic": "a"}`), "for sinks"},
		{"sink with children", one(`{"name": "k", "kind": "sink", "topic": "a", "children": ["p"]}`), "a sink has no children"},
		{"sink to nothing", one(`{"name": "k", "kind": "sink"}`), "either a topic or a topicFunc"},
		{"sink to both", one(`{"name": "k", "kind": "sink", "topic": "a", "topicFunc": "f"}`), "either a topic or a topicFunc"},
		{"topic without name", `{"version": 1, "subtopologies": [{"id": 0, "changelogTopics": [{}]}]}`, "an internal topic has no name"},
		{"negative partitions", `{"version": 1, "subtopologies": [{"id": 0, "repartitionTopics": [{"name": "r", "partitions": -1}]}]}`, "topic r: -1 partitions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseJSON([]byte(tt.in))
			if err == nil || !strings.HasPrefix(err.Error(), "topology description: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestJSONRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   Topology
		want string
	}{
		{"kind", Topology{[]Subtopology{{Nodes: []Node{{Name: "p", Kind: 9}}}}}, "the kind must be"},
		{"not UTF-8", Topology{[]Subtopology{{Nodes: []Node{{Name: "\xff", Kind: Processor}}}}}, "UTF-8"},
	}
	for _, tt := range tests {
		if _, err := JSON(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestParseJSONIgnoresNewFields(t *testing.T) {
	d, err := ParseJSON([]byte(`{"version": 1, "made": {"by": "x"}, "subtopologies": [{"id": 3, "new": [1]}]}`))
	if err != nil || len(d.Subtopologies) != 1 || d.Subtopologies[0].ID != 3 {
		t.Errorf("got %+v, %v", d, err)
	}
}

// FuzzParseJSON checks that what can be read can be written, reads back the
// same, and can be drawn in every form.
func FuzzParseJSON(f *testing.F) {
	data, err := JSON(orders())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version": 1, "subtopologies": null}`))
	f.Add([]byte(`{"version": 1, "subtopologies": [{"id": 0, "nodes": [{"name": "a", "kind": "processor", "children": ["b"]}, ` +
		`{"name": "b", "kind": "processor", "parents": ["a", "a"]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseJSON(data)
		if err != nil {
			return
		}
		written, err := JSON(d)
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		back, err := ParseJSON(written)
		if err != nil {
			t.Fatalf("cannot be read back: %v", err)
		}
		again, err := JSON(back)
		if err != nil || string(again) != string(written) {
			t.Fatalf("got %s, %v; want %s", again, err, written)
		}
		if Text(d) != Text(back) || DOT(d) != DOT(back) || Mermaid(d) != Mermaid(back) {
			t.Fatal("what was read back looks different")
		}
	})
}
