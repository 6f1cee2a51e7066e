package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const smallCase = `{"name": "n", "about": "a", "topology": [STEP], "events": [EVENT], "expected": {EXPECTED}}`

func parseSmall(step, event, expected string) (*Case, error) {
	return Parse([]byte(strings.NewReplacer("STEP", step, "EVENT", event, "EXPECTED", expected).Replace(smallCase)))
}

// Whatever the language does not have is an error, at every depth.
func TestParseIsStrict(t *testing.T) {
	for _, tt := range []struct{ step, event, expected string }{
		{`{"op": "nope"}`, "", ""},
		{`{"op": "filter", "id": "f", "from": "s", "fn": "true", "joiner": "left"}`, "", ""},
		{`{"op": "filter", "id": "f", "from": "s", "fn": "true", "nope": 1}`, "", ""},
		{`{"op": "filter", "From": "s"}`, "", ""},
		{`{"op": "filter", "from": "s", "from": "t"}`, "", ""},
		{`{"op": "count", "from": "s", "materialized": {"nope": 1}}`, "", ""},
		{`{"op": "count", "from": "s", "materialized": {"logging": "yes"}}`, "", ""},
		{`{"op": "windowedBy", "from": "s", "windows": {"nope": 1}}`, "", ""},
		{`{"op": "split", "from": "s", "branches": [{"nope": 1}]}`, "", ""},
		{`{"op": "addStateStore", "store": {"store": "x", "nope": 1}}`, "", ""},
		{`{"op": "stream", "topic": "t", "key": "nope"}`, "", ""},
		{"", `{"topic": "t", "key": "k", "value": "v", "ts": 1, "nope": 1}`, ""},
		{"", `{"topic": "t", "key": "k", "ts": 1}`, ""},
		{"", `{"topic": "t", "key": "k", "value": "v", "value_b64": "AA==", "ts": 1}`, ""},
		{"", `{"topic": "t", "key": "k", "value": "v", "advance_wall_clock_ms": 1}`, ""},
		{"", `{}`, ""},
		{"", `{"topic": "t", "key": "k", "value": "v", "ts": 1, "headers": [["h"]]}`, ""},
		{"", "", `"nope": 1`}, {"", "", `"metrics": {"nope": 1}`}, {"", "", `"outputs": [[{"nope": 1}]]`}, {"", "", `"stores": {"s": {"nope": 1}}`},
		{"", "", `"stores": {"s": {"entries": [{"nope": 1}]}}`}, {"", "", `"error": {"nope": 1}`}, {"", "", `"calls": [[{"nope": 1}]]`},
		{"", "", `"outputs": [[{"headers": [["h", {"nope": 1}]]}]]`}, {"", "", `"subtopologies": [{"nope": 1}]`},
	} {
		if _, err := parseSmall(tt.step, tt.event, tt.expected); err == nil {
			t.Errorf("parsed %s %s %s", tt.step, tt.event, tt.expected)
		}
	}
}

func TestParseStep(t *testing.T) {
	c, err := parseSmall(`{"op": "filter", "id": "f", "name": ""}, {"op": "filter"}, {"op": "join", "store": "x", "logging": false},
		{"op": "addStateStore", "store": {"store": "x", "logging": {"a": "b"}}}, {"op": "aggregate", "init": null}, {"op": "aggregate"}`, "", "")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Topology
	if s[0].Name == nil || *s[0].Name != "" || s[1].Name != nil {
		t.Error("an empty name is not told from none")
	}
	if s[2].Store.Name != "x" || s[2].Store.Spec != nil || !s[2].Logging.Off || s[1].Logging != nil {
		t.Errorf("store of a join: %+v", s[2])
	}
	if spec := s[3].Store.Spec; spec == nil || spec.Store != "x" || spec.Logging.Off || spec.Logging.Settings["a"] != "b" || spec.KeyType() != String || spec.FormatOrDefault() != FormatKV {
		t.Errorf("store specification: %+v", s[3].Store)
	}
	if string(s[4].Init) != "null" || s[5].Init != nil {
		t.Error("a null init is not told from none")
	}
}

func TestEventRecord(t *testing.T) {
	c, err := parseSmall("", `{"topic": "t", "key": 1, "value": null, "ts": 5, "headers": [["a", null], ["b", "*"]]},
		{"topic": "t", "key": "", "value_b64": "AAE=", "ts": 5}, {"topic": "t", "key": "k", "value": "v", "ts": 5}`, "")
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		key  Type
		want Record
	}{
		{Int64, Record{Topic: "t", Key: []byte{0, 0, 0, 0, 0, 0, 0, 1}, Time: 5, Headers: []Header{{Name: "a"}, {Name: "b", Value: []byte("*"), Any: true}}}},
		{String, Record{Topic: "t", Key: []byte{}, Value: []byte{0, 1}, Time: 5}},
	} {
		got, err := c.Events[i].Record(tt.key, Int64)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("event %d: %+v, %v", i, got, err)
		}
	}
	if _, err := c.Events[2].Record(String, Int64); err == nil {
		t.Error("a string is encoded as int64")
	}
}

func TestOptimizes(t *testing.T) {
	for _, tt := range []struct {
		setting, name string
		want          bool
	}{
		{"", MergeRepartitions, false}, {"none", MergeRepartitions, false}, {"all", SingleStoreSelfJoin, true},
		{"reuse.ktable.source.topics,merge.repartition.topics", MergeRepartitions, true}, {"single.store.self.join", ReuseSourceTopics, false},
	} {
		if got := (&Config{Optimization: tt.setting}).Optimizes(tt.name); got != tt.want {
			t.Errorf("%q switches %s on: %v", tt.setting, tt.name, got)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadAll(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := LoadAll(filepath.Join(dir, "nope")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	text := strings.NewReplacer("STEP", "", "EVENT", "", "EXPECTED", "").Replace(smallCase)
	for _, name := range []string{"n.json", "other.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases, err := LoadAll(dir)
	if len(cases) != 1 || err == nil || !strings.Contains(err.Error(), "other.json") {
		t.Errorf("%d cases, %v", len(cases), err)
	}
}

// Types that do not fit are found before a topology is built.
func TestInferErrors(t *testing.T) {
	const s = `{"op": "stream", "id": "s", "topic": "t"}, `
	for _, step := range []string{
		`{"op": "filter", "id": "x", "from": "nope", "fn": "true"}`, s + `{"op": "filter", "id": "x", "from": "s", "fn": "nope"}`,
		s + `{"op": "count", "id": "x", "from": "s"}`, s + `{"op": "mapValues", "id": "x", "from": "s", "fn": "add:1"}`,
		s + `{"op": "table", "id": "x", "topic": "t", "key": "int64"}`, s + `{"op": "toStream", "id": "x", "from": "s"}`,
		s + `{"op": "groupByKey", "id": "g", "from": "s"}, {"op": "aggregate", "id": "x", "from": "g", "fn": "count", "init": "a"}`,
		s + `{"op": "groupByKey", "id": "g", "from": "s"}, {"op": "aggregate", "id": "x", "from": "g", "fn": "count"}`,
		s + `{"op": "groupByKey", "id": "g", "from": "s"}, {"op": "reduce", "id": "x", "from": "g", "fn": "sum"}`,
		s + `{"op": "groupByKey", "id": "g", "from": "s"}, {"op": "windowedBy", "id": "x", "from": "g", "windows": {"type": "time"}}`,
		s + `{"op": "table", "id": "i", "topic": "i", "key": "int64"}, {"op": "join", "id": "x", "left": "s", "right": "i", "joiner": "left"}`,
		s + `{"op": "globalTable", "id": "i", "topic": "i"}, {"op": "join", "id": "x", "left": "s", "right": "i", "joiner": "left"}`,
		s + `{"op": "table", "id": "i", "topic": "i"}, {"op": "merge", "id": "x", "left": "s", "right": "i"}`,
		`{"op": "stream", "id": "s", "topic": "t", "extractor": "nope"}`, `{"op": "stream", "id": "s", "topic": "t", "reset": "nope"}`,
	} {
		c, err := parseSmall(step, "", "")
		if err != nil {
			t.Errorf("%s: %v", step, err)
			continue
		}
		if types, err := Infer(c); err == nil {
			t.Errorf("%s has the types %v", step, types.Steps["x"])
		}
	}
}

func TestInferTypes(t *testing.T) {
	c, err := parseSmall(`{"op": "stream", "id": "s", "topic": "t", "value": "int64"}, {"op": "stream", "id": "p", "pattern": "p[0-9]", "key": "bytes"},
		{"op": "groupByKey", "id": "g", "from": "s"}, {"op": "windowedBy", "id": "w", "from": "g", "windows": {"type": "session", "gap_ms": 5}},
		{"op": "aggregate", "id": "a", "from": "w", "fn": "concat:,", "init": "", "merger": "concat:,"},
		{"op": "toStream", "id": "o", "from": "a", "name": "named"}, {"op": "split", "id": "b", "from": "o", "branches": [{"fn": "true"}], "default": {}}`, "", "")
	if err != nil {
		t.Fatal(err)
	}
	types, err := Infer(c)
	if err != nil {
		t.Fatal(err)
	}
	sessions := Shape{Kind: KindStream, Key: SessionWindowed(String), Value: String}
	for got, want := range map[Shape]Shape{
		types.Steps["b.1"]: sessions, types.Steps["b.default"]: sessions, types.Nodes["named"]: sessions,
		types.Steps["g"]: {Kind: KindGroupedStream, Key: String, Value: Int64},
	} {
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	for topic, want := range map[string][2]Type{"t": {String, Int64}, "p7": {Bytes, String}, "p77": {String, String}} {
		if k, v := types.Topic(topic); [2]Type{k, v} != want {
			t.Errorf("topic %s: %s, %s", topic, k, v)
		}
	}
}
