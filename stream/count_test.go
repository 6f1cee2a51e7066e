package stream_test

import (
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
)

func TestWordCount(t *testing.T) {
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
	d := streamtest.New(t, top, streamtest.Partitions(3))
	d.Send(lines, "", "The quick brown the")
	d.Send(lines, "", "THE end")
	got := make(map[string]int64)
	for _, r := range d.Read(totals) {
		if r.Value != got[r.Key]+1 {
			t.Errorf("%s went from %d to %d", r.Key, got[r.Key], r.Value)
		}
		got[r.Key] = r.Value
	}
	if got["the"] != 3 || len(got) != 4 {
		t.Errorf("counts are %v", got)
	}
}
