package stream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// A wrapper that counts sees the nodes of the DSL
// and those of the user, and has a store of its own.
func TestWrapProcessors(t *testing.T) {
	lines := topology.NewTopic("lines", serde.String, serde.String)
	counts := topology.NewTopic("word-counts", serde.String, serde.Int64)
	seen := state.KeyValue("seen", serde.String, serde.Int64)
	calls, values := make(map[string]int), make(map[string][]any)
	b := stream.NewBuilder(stream.WrapProcessors(func(name string) topology.Wrapping {
		return topology.Wrapping{
			Stores: []state.Spec{seen},
			Open: func(ctx *topology.WrapContext) (topology.Around, error) {
				store := seen.In(ctx)
				return func(r topology.Record[any, any], next func() error) error {
					if o, ok := ctx.Origin(); !ok || o.Topic == "" {
						t.Errorf("%s: origin %v", name, o)
					}
					err := next()
					calls[name]++
					if !r.NoValue {
						values[name] = append(values[name], r.Value)
					}
					n, _, found := store.Get(name)
					return errors.Join(err, found, store.Put(name, n+1))
				}, nil
			},
		}
	}))
	b.Stream(lines).
		FlatMapValues(strings.FieldsSeq).Named("split").
		ProcessValues(topology.ValueFunc(func(ctx *topology.ValueContext[string, string], r topology.Record[string, string]) error {
			return ctx.Forward(strings.ToLower(r.Value))
		})).Named("lower").
		GroupBy(func(_, word string) string { return word }).
		Count(state.KeyValue("counts", serde.String, serde.Int64)).Named("count").
		Via(stream.Of).Named("changes").
		To(counts)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	d.Send(lines, "k", "The quick the")
	want := map[string]int{"split": 1, "lower": 3, "count": 3, "changes": 3}
	for name, n := range want {
		if calls[name] != n {
			t.Errorf("%s: %d calls, want %d", name, calls[name], n)
		}
	}
	if got := values["changes"]; !slices.Equal(got, []any{int64(1), int64(1), int64(2)}) {
		t.Errorf("changes has the values %v", got)
	}
	if got := values["lower"]; !slices.Equal(got, []any{"The", "quick", "the"}) {
		t.Errorf("lower has the values %v", got)
	}
}
