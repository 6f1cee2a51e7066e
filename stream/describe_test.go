package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	lines  = topology.NewTopic("lines", serde.String, serde.String)
	totals = topology.NewTopic("word-counts", serde.String, serde.Int64)
	counts = state.KeyValue("counts", serde.String, serde.Int64)
)

func TestZZ(t *testing.T) {
	b := stream.NewBuilder()
	b.Stream(lines).
		MapValues(strings.ToLower).
		FlatMapValues(strings.FieldsSeq).
		GroupBy(func(_, word string) string { return word }).
		Count(counts).
		To(totals)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(top)
}
