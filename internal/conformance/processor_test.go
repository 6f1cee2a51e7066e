package conformance

import (
	"reflect"
	"testing"
)

func TestParseProcessor(t *testing.T) {
	start := int64(25)
	for _, tt := range []struct {
		text   string
		want   Processor
		ok, ov Type // for int64 keys and string values
	}{
		{"forward", Processor{}, Int64, String}, {"drop", Processor{}, Int64, String}, {"duplicate:2", Processor{N: 2}, Int64, String},
		{"shift_ts:-7", Processor{N: -7}, Int64, String}, {"route:first,second", Processor{Children: [2]string{"first", "second"}}, Int64, String},
		{"add_header:new,a,b", Processor{Header: "new", HeaderValue: "a,b"}, Int64, String}, {"remove_header:h", Processor{Header: "h"}, Int64, String},
		{"header_to_value:h", Processor{Header: "h"}, Int64, String}, {"metadata", Processor{}, Int64, String}, {"times", Processor{}, Int64, String},
		{"dedup:s", Processor{Store: "s"}, Int64, String}, {"previous:s", Processor{Store: "s"}, Int64, String}, {"store_put:s", Processor{Store: "s"}, Int64, String},
		{"count:s", Processor{Store: "s"}, Int64, Int64}, {"lookup:s", Processor{Store: "s"}, Int64, String}, {"kv_commands:st", Processor{Store: "st"}, Int64, String},
		{"count_punctuate:n,wall,10", Processor{Store: "n", Schedule: &Schedule{WallClock: true, IntervalMS: 10, CancelAt: -1}}, Int64, Int64},
		{"ticker:stream,5", Processor{Schedule: &Schedule{IntervalMS: 5, CancelAt: -1}}, String, String},
		{"ticker:wall,10,2", Processor{Schedule: &Schedule{WallClock: true, IntervalMS: 10, CancelAt: 2}}, String, String},
		{"ticker:wall,10,-1,25", Processor{Schedule: &Schedule{WallClock: true, IntervalMS: 10, CancelAt: -1, Start: &start}}, String, String},
	} {
		got, ok, ov, err := ParseProcessor(tt.text, Int64, String)
		tt.want.Text, tt.want.Kind = tt.text, parseCall(tt.text).name
		if err != nil || ok != tt.ok || ov != tt.ov || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %s, %s, %v", tt.text, got, ok, ov, err)
		}
	}
	p, _, ov, err := ParseProcessor("map_value:field:1", String, String)
	if err != nil || ov != String || p.Map("k", "a|b") != "b" {
		t.Errorf("map_value: %s, %v", ov, err)
	}
	for _, text := range []string{"nope", "forward:1", "duplicate", "duplicate:x", "map_value:nope", "route:a", "count", "ticker:stream", "ticker:soon,5", "ticker:wall,x", "ticker:wall,1,2,3,4", "count_punctuate:n"} {
		if _, _, _, err := ParseProcessor(text, String, String); err == nil {
			t.Errorf("processor %q is parsed", text)
		}
	}
}

func TestParseTransformer(t *testing.T) {
	for _, tt := range []struct {
		text, kind, store string
		result            Type
	}{{"context_ts", TransformContextTS, "", String}, {"count:s", TransformCount, "s", Int64}, {"lookup:s", TransformLookup, "s", String}, {"length", TransformValue, "", Int64}} {
		got, result, err := ParseTransformer(tt.text, String)
		if err != nil || got.Kind != tt.kind || got.Store != tt.store || result != tt.result || (got.Value != nil) != (tt.kind == TransformValue) {
			t.Errorf("%s: %+v, %s, %v", tt.text, got, result, err)
		}
	}
	for _, text := range []string{"nope", "count", "context_ts:1"} {
		if _, _, err := ParseTransformer(text, String); err == nil {
			t.Errorf("transformer %q is parsed", text)
		}
	}
}

func TestParseCommand(t *testing.T) {
	for _, tt := range []struct {
		processor, text string
		want            Command
	}{
		{"kv_commands", "put a 1", Command{Keys: []any{"a"}, Value: int64(1)}}, {"kv_commands", "put a null", Command{Keys: []any{"a"}}},
		{"kv_commands", "put_all e=5 c=null", Command{Pairs: []Pair{{"e", int64(5)}, {"c", nil}}}}, {"kv_commands", "range - b", Command{Keys: []any{nil, "b"}}},
		{"kv_commands", "all", Command{}}, {"kv_commands", "prefix ab", Command{Keys: []any{"ab"}}},
		{"window_commands", "put a 1 10", Command{Keys: []any{"a"}, Value: int64(1), Times: []int64{10}}},
		{"window_commands", "fetch_keys - - 0 100", Command{Keys: []any{nil, nil}, Times: []int64{0, 100}}},
		{"window_commands", "fetch_all 10 15", Command{Times: []int64{10, 15}}},
		{"session_commands", "put a 0 10 1", Command{Keys: []any{"a"}, Value: int64(1), Times: []int64{0, 10}}},
		{"session_commands", "fetch_keys a b", Command{Keys: []any{"a", "b"}}},
		{"versioned_commands", "get a", Command{Keys: []any{"a"}}}, {"versioned_commands", "get a 5", Command{Keys: []any{"a"}, Times: []int64{5}}},
		{"versioned_commands", "delete a 5", Command{Keys: []any{"a"}, Times: []int64{5}}},
	} {
		got, err := ParseCommand(tt.processor, tt.text, String, Int64)
		tt.want.Op = got.Op
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"", "nope a", "put a", "put a 1 2", "put a x", "get", "put_all a", "put_all a=x"} {
		if c, err := ParseCommand("kv_commands", text, String, Int64); err == nil {
			t.Errorf("command %q is parsed as %+v", text, c)
		}
	}
}

// Every command of every case is known.
func TestCommandsOfCases(t *testing.T) {
	tested := 0
	for _, c := range loadCases(t) {
		for _, s := range c.Topology {
			kind := parseCall(s.Processor).name
			if _, ok := commandArgs[kind]; !ok {
				continue
			}
			for _, e := range c.Events {
				v, err := ParseValue(e.Value, String)
				if err != nil {
					t.Fatal(err)
				}
				tested++
				if _, err := ParseCommand(kind, v.(string), String, String); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
		}
	}
	if tested == 0 {
		t.Error("there was nothing to test")
	}
}

func TestTopicFuncs(t *testing.T) {
	info := RecordInfo{Topic: "src", Headers: []Header{{Name: "h", Value: []byte("1")}, {Name: "h", Value: []byte("2")}}}
	for text, want := range map[string]string{
		"by_key:P-": "P-k", "by_value_first_char:P-": "P-v", "by_source:P-": "P-src", "by_header:h": "2", "by_header:x": "no-x",
	} {
		f, err := ParseTopicFunc(text)
		if err != nil {
			t.Error(err)
			continue
		}
		check(t, text, want, func() any { return f("k", "vw", info) })
	}
	if _, err := ParseTopicFunc("nope:1"); err == nil {
		t.Error("nope is parsed")
	}
}

func TestPartitionersAndExtractors(t *testing.T) {
	for text, want := range map[string][2]PartitionChoice{ // for a value and for null
		"zero": {PartitionZero, PartitionZero}, "default": {NoChoice, NoChoice}, "drop_null_values": {PartitionZero, NoPartition},
	} {
		f, err := ParsePartitioner(text)
		if err != nil || f("k", "v") != want[0] || f("k", nil) != want[1] {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ParsePartitioner("nope"); err == nil {
		t.Error("partitioner nope is parsed")
	}
	for want, values := range map[int64][]any{5: {"a@4@5", int64(5)}, -1: {"a", "a@x", "a@", nil}, -3: {"@-3"}} {
		for _, v := range values {
			check(t, "value_suffix", want, func() any { return ValueSuffix(v) })
		}
	}
	if CheckExtractor("nope") == nil || CheckExtractor(ExtractLogAndSkip) != nil {
		t.Error("extractors are not checked")
	}
	for text, want := range map[string]Reset{"earliest": {Policy: "earliest"}, "by_duration:60000": {Policy: "by_duration", DurationMS: 60000}} {
		if got, err := ParseReset(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"nope", "earliest:1", "by_duration", "by_duration:x"} {
		if _, err := ParseReset(text); err == nil {
			t.Errorf("reset %q is parsed", text)
		}
	}
}
