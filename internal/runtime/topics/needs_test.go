package topics

import (
	"regexp"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
)

// busy has a pattern, a fixed and a free repartition topic that is joined, and a
// sink whose topics are chosen by record.
func busy(t *testing.T) *graph.Topology {
	t.Helper()
	b := graph.NewBuilder()
	add := func(n *graph.Node, parents ...*graph.Node) *graph.Node { return b.Add(n, parents...) }
	repartition := func(name string, partitions int32, from *graph.Node) *graph.Node {
		topic := graph.Topic{Name: name, Internal: true}
		b.AddRepartition(&graph.Repartition{Name: name, Partitions: partitions, Place: "main.go:5"})
		add(&graph.Node{Name: name + "-sink", Kind: graph.SinkNode, Sink: &graph.Sink{Topic: topic}}, from)
		return add(&graph.Node{Name: name + "-source", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{topic}}})
	}
	logs := add(&graph.Node{Name: "logs", Kind: graph.SourceNode, Source: &graph.Source{Pattern: regexp.MustCompile("logs-.*")}})
	rows := add(&graph.Node{Name: "rows", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{{Name: "rows"}}}})
	fixed := repartition("fixed", 3, logs)
	free := repartition("free", 0, fixed)
	b.Copartition(graph.CopartitionGroup{Sources: []*graph.Node{free, rows}})
	join := add(&graph.Node{Name: "join", Kind: graph.ProcessorNode}, free, rows)
	b.Connect(join, b.AddStore(&graph.Store{Name: "st", Kind: graph.KeyValueStore, Logged: true}))
	add(&graph.Node{Name: "by", Kind: graph.SinkNode, Sink: &graph.Sink{Dynamic: "byCountry"}}, join)
	repartition("plain", 0, logs)
	return build(t, b)
}

func TestRule(t *testing.T) {
	top := busy(t)
	want := map[string]string{
		"fixed":        "3 partitions, fixed at main.go:5",
		"free":         "as many partitions as rows, co-partitioned with it",
		"plain":        "as many partitions as what matches logs-.*",
		"st-changelog": "as many partitions as the largest of app-free, rows",
	}
	its := top.InternalTopics(graph.TopicSettings{})
	if len(its) != len(want) {
		t.Errorf("internal topics are %v", its)
	}
	for _, it := range its {
		if got := Rule(top, "app", it); got != want[it.Topic.Name] {
			t.Errorf("%s: %s, want %s", it.Topic.Name, got, want[it.Topic.Name])
		}
	}
}

func TestRightsText(t *testing.T) {
	tests := []struct {
		top  *graph.Topology
		once bool
		want []string
	}{
		{busy(t), true, []string{
			"READ on topic logs-.* (a pattern: on all that match it)",
			"READ on topic rows",
			"WRITE on topic byCountry (a function: on all that it chooses)",
			"CREATE, READ, WRITE, DELETE on each topic that begins with app- (DELETE removes consumed records of repartition topics)",
			"READ on group app",
			"WRITE on each transactional-id that begins with app-",
		}},
		{stateless(t), false, []string{"READ on topic in", "WRITE on topic out", "READ on group app"}},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range Rights(tt.top, "app", tt.once) {
			got = append(got, r.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("rights are\n%q, want\n%q", got, tt.want)
		}
	}
}

func stateless(t *testing.T) *graph.Topology {
	b := graph.NewBuilder()
	in := b.Add(&graph.Node{Name: "in", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{{Name: "in"}}}})
	b.Add(&graph.Node{Name: "out", Kind: graph.SinkNode, Sink: &graph.Sink{Topic: graph.Topic{Name: "out"}}}, in)
	return build(t, b)
}
