package bench_test

import (
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// ownString is serde.String as a user would write it.
type ownString struct{ serde.Serde[string] }

// A key that goes nowhere but to a topic again is not copied. Wherever the user's
// code may see it, or keep it, it has memory of its own. Each record's value is
// one allocation more.
func TestKeysThatNobodySees(t *testing.T) {
	type str = stream.KStream[string, string]
	out := topology.NewTopic("out", serde.String, serde.String)
	same := func(v string) string { return v }
	key := ""
	for _, c := range []struct {
		name string
		with func(s *str)
		want float64
	}{
		{"values are mapped", func(s *str) { s.MapValues(same).To(out) }, 1},
		{"two topics", func(s *str) { s.MapValues(same).To(out); s.Merge(s).To(out) }, 1},
		{"a filter", func(s *str) { s.Filter(func(k, _ string) bool { key = k; return true }).MapValues(same).To(out) }, 2},
		{"a filter beside", func(s *str) { s.MapValues(same).To(out); s.Peek(func(k, _ string) { key = k }) }, 2},
		{"a filter behind", func(s *str) { s.MapValues(same).Peek(func(k, _ string) { key = k }).To(out) }, 2},
		{"values are mapped with keys", func(s *str) {
			s.MapValuesWithKey(func(k, v string) string { key = k; return v }).To(out)
		}, 2},
		{"a partitioner", func(s *str) {
			s.To(out.PartitionBy(func(r topology.Record[string, string], _ int) ([]int32, bool) { key = r.Key; return nil, false }))
		}, 2},
		{"a serde of the user's", func(s *str) {
			s.To(topology.NewTopic("out", serde.Serde[string](ownString{serde.String}), serde.String))
		}, 2},
		{"a topic for each record", func(s *str) {
			by := func(r topology.Record[string, string]) string { key = r.Key; return "out" }
			s.To(topology.TopicBy("by key", by, serde.String, serde.String))
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, func() (*topology.Topology, error) {
				b := stream.NewBuilder()
				c.with(b.Stream(events))
				return b.Build()
			}, "events")
			if per := h.allocations(t); per > c.want+0.02 || per < c.want-0.02 {
				t.Errorf("%.3f allocations for each record, want %v", per, c.want)
			}
		})
	}
	_ = key
}
