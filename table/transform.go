package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/state"
)

// TransformValues computes the value of each row with stores at hand. supply
// returns the function of one task: it is given a row, or ok false for a delete,
// and returns the new row, or keep false for none. An error goes to the app's
// error policy.
//
//	t.TransformValues(func(ctx *table.Context) func(string, string, bool) (int64, bool, error) {
//		counts := counts.In(ctx)
//		return func(k, v string, ok bool) (n int64, keep bool, err error) { … }
//	}, counts)
//
// stores are the handles that the function opens; a handle that is given to
// several operators is one store that they share. Without a store of its own
// the function is called again whenever something reads a row. (KIP-292)
func (t *KTable[K, V]) TransformValues[V2 any](supply func(ctx *Context) func(k K, v V, ok bool) (v2 V2, keep bool, err error), stores ...state.Spec) *KTable[K, V2] {
	r := t.rows()
	r.B.Need("TransformValues", "supply", supply != nil)
	used := make([]*graph.Store, 0, len(stores))
	for _, spec := range stores {
		if dsl.Missing(spec) {
			r.B.Fail(dsl.Place(), "TransformValues", "a store handle is nil: leave it out, or make one")
			continue
		}
		used = append(used, r.B.Use(spec))
	}
	return (*KTable[K, V2])(dsl.MapTable(r, dsl.MappedTable[K, V, V2]{
		Op: "TransformValues", Prefix: "KTABLE-TRANSFORMVALUES-", Unnumbered: true, Value: dsl.Same[V, V2](r.Value),
		Row: transform[K, V, V2](supply, false), Lookup: transform[K, V, V2](supply, true), Stores: used,
	}))
}

// transform binds the user's function. It is made when the stores are restored.
func transform[K, V, V2 any](supply func(ctx *Context) func(K, V, bool) (V2, bool, error), read bool) op.BindRow[K, V, V2] {
	return func(b *graph.Binder, n *graph.Node) (op.Row[K, V, V2], error) {
		ctx := &Context{Context: b.Instance.Context(), binder: b, node: n, read: read, at: -1}
		var f func(K, V, bool) (V2, bool, error)
		b.OnStart(func() error {
			f = supply(ctx)
			return nil
		})
		nulls := flow.NullsOf[V2]()
		return func(k K, v V, has bool, at int64) (V2, bool, error) {
			before := ctx.at
			ctx.at = at
			v2, keep, err := f(k, v, has)
			ctx.at = before
			return v2, keep && !nulls.Is(&v2), err
		}, nil
	}
}
