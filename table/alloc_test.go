package table_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// bare is a task without any more than nodes need.
type bare struct {
	graph.Instance
	layers map[*graph.Store]*overlay.Store
}

// nobody is what it counts in, which nobody reads.
var nobody = measure.NewTask("0_0")

func (bare) Guarded() bool                             { return false }
func (bare) Measure() *measure.Task                    { return nobody }
func (bare) CacheBytes() int                           { return 0 }
func (bare) OnIdle(*graph.Node, func(int64) error)     {}
func (bare) TopicName(t graph.Topic) string            { return t.Name }
func (bare) Emit(*graph.Output) error                  { return nil }
func (bare) Now() (*flow.Origin, int64, serde.Headers) { return nil, 0, nil }

func (b bare) Layers(s *graph.Store) (*overlay.Store, error) {
	b.layers[s] = overlay.New(s.Layout, nil, s.Ordered)
	return b.layers[s], nil
}

var numbers = topology.NewTopic("numbers", serde.String, serde.Int64)

// TestNoAllocations updates rows that are there already, through each operator.
func TestNoAllocations(t *testing.T) {
	stored := state.KeyValue("numbers", serde.String, serde.Int64)
	even := func(_ string, n int64) bool { return n%2 == 0 }
	for name, build := range map[string]func(*table.KTable[string, int64]){
		"filter": func(n *table.KTable[string, int64]) { n.Filter(even).To(numbers) },
		"stored filter": func(n *table.KTable[string, int64]) {
			n.Filter(even).Materialize(state.KeyValue("even", serde.String, serde.Int64))
		},
		"map": func(n *table.KTable[string, int64]) { n.MapValues(func(n int64) int64 { return -n }).To(numbers) },
		"group": func(n *table.KTable[string, int64]) {
			n.GroupBy(func(k string, n int64) (string, int64) { return k, n }).Count(state.KeyValue("counts", serde.String, serde.Int64))
		},
		"suppress": func(n *table.KTable[string, int64]) { n.Suppress(table.UntilTimeLimit(time.Hour)).Named("wait") },
	} {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBuilder()
			build(b.Table(numbers).Materialize(stored))
			top, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			in := bare{layers: make(map[*graph.Store]*overlay.Store)}
			process := head(t, top.Graph(), in)
			var n uint64
			value, m := make([]byte, 8), &flow.Meta{}
			o := &flow.Origin{Key: []byte("k"), Value: value}
			step := func() {
				n++
				binary.BigEndian.PutUint64(value, n)
				*m = flow.Meta{Time: int64(n), Origin: o}
				if err := process(o, m); err != nil {
					t.Fatal(err)
				}
				if n%16 == 0 {
					for _, l := range in.layers {
						l.Commit()
					}
				}
			}
			for range 100 {
				step()
			}
			if allocs := testing.AllocsPerRun(1000, step); allocs != 0 {
				t.Errorf("%v allocations for an update", allocs)
			}
		})
	}
}

// head binds the sub-topology that reads numbers and returns its input.
func head(t *testing.T, g *graph.Topology, in graph.Instance) func(*flow.Origin, *flow.Meta) error {
	t.Helper()
	binder := graph.NewBinder(in)
	for _, n := range g.Nodes {
		if n.Kind != graph.SourceNode || n.Source.Topics[0].Name != "numbers" {
			continue
		}
		v, err := binder.Bind(n)
		if err != nil {
			t.Fatal(err)
		}
		h, err := v.(func(string) (graph.Head, error))("numbers")
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range binder.Starters() {
			if err := start(); err != nil {
				t.Fatal(err)
			}
		}
		return h.Process
	}
	t.Fatal("no source")
	return nil
}
