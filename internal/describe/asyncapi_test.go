package describe

import (
	"strings"
	"testing"
)

func TestAsyncAPI(t *testing.T) {
	text := Schema{"application/schema+json;version=draft-07", `{"type":"string"}`}
	a := API{App: "shop", Version: "v1.2.3", Brokers: []string{"a:9092", "b:9092"}, Topics: []APITopic{
		{Name: "orders.v1", Reads: true, Key: text, Value: Schema{"application/vnd.apache.avro;version=1.9.0", `"long"`}},
		{Name: "totals", Reads: true, Writes: true, Key: text, Value: Schema{"application/vnd.google.protobuf;version=3", `syntax = "proto3"; message Total { int64 n = 1; }`}},
		{Name: "cust-[0-9]+", Open: true, Reads: true},
		{Name: "main.byRegion", Open: true, Writes: true, Key: text},
	}}
	got, err := AsyncAPI(a)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.asyncapi.json", string(got))
	a.Topics[0].Value.Text = "{"
	if _, err := AsyncAPI(a); err == nil || !strings.Contains(err.Error(), "topic orders.v1: value schema") {
		t.Errorf("a schema that is no JSON: %v", err)
	}
}
