package topology_test

import (
	gocontext "context"
	"log/slog"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/topology"
)

// bare is as much of a task as a node without stores needs.
type bare struct {
	graph.Instance
	meta flow.Meta
}

func (*bare) Context() gocontext.Context { return gocontext.Background() }
func (*bare) Logger() *slog.Logger       { return slog.New(slog.DiscardHandler) }
func (*bare) Guarded() bool              { return false }
func (*bare) Measure() *measure.Task     { return nil }
func (b *bare) Meta() *flow.Meta         { return &b.meta }

// bound binds a node of a topology.
func bound(t testing.TB, top *topology.Topology, name string) flow.Next[string, string] {
	t.Helper()
	for _, n := range top.Graph().Nodes {
		if n.Name == name {
			f, err := graph.NewBinder(&bare{}).Bind(n)
			if err != nil {
				t.Fatal(err)
			}
			return f.(flow.Next[string, string])
		}
	}
	t.Fatalf("no node %s", name)
	return nil
}

// hops is a topology of two processors, and one that takes what they forward.
func hops(t testing.TB, got *int) *topology.Topology {
	t.Helper()
	b := topology.NewBuilder()
	b.Source("src", in).
		Process("p", topology.Func(func(ctx *context, r record) error { return ctx.ForwardTo("q", r.WithValue("x")) })).
		ProcessValues("q", topology.ValueFunc(func(ctx *topology.ValueContext[string, string], r record) error {
			return ctx.Forward(r.Value)
		})).
		Process("r", topology.Func(func(ctx *context, r record) error { *got++; return nil }))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestForwardAllocatesNothing(t *testing.T) {
	got := 0
	next := bound(t, hops(t, &got), "p")
	m := flow.Meta{Time: 5, Headers: topology.Headers{{Key: "h"}}, Origin: &flow.Origin{Topic: "in"}}
	before := m
	allocs := testing.AllocsPerRun(100, func() {
		if err := next("k", "v", &m); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record", allocs)
	}
	if got == 0 {
		t.Error("nothing arrived")
	}
	if m.Time != before.Time || len(m.Headers) != 1 || m.NoKey || m.NoValue || m.Origin != before.Origin {
		t.Errorf("the record context is left as %+v", m)
	}
}

func BenchmarkThreeProcessors(b *testing.B) {
	got := 0
	next := bound(b, hops(b, &got), "p")
	m := flow.Meta{Time: 5, Origin: &flow.Origin{Topic: "in"}}
	b.ReportAllocs()
	for b.Loop() {
		if err := next("k", "v", &m); err != nil {
			b.Fatal(err)
		}
	}
}

// What never started is not closed.
func TestCloseWithoutInit(t *testing.T) {
	var log []string
	b := topology.NewBuilder()
	b.Source("src", in).Process("p", func() *lifecycle { return &lifecycle{log: &log} })
	binder := graph.NewBinder(&bare{})
	if _, err := binder.Bind(build(t, b).Graph().Nodes[1]); err != nil {
		t.Fatal(err)
	}
	if err := binder.Close(); err != nil || len(log) != 0 {
		t.Errorf("got %v, calls %q", err, log)
	}
}
