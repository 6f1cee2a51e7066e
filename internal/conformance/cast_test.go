package conformance

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/window"
)

// Some operators fix the type of keys or values: counts are int64, and the
// results of windows have window keys. A case mixes them with others of the
// same static type, so such tables are seen through a cast: the same step and
// node, with the edges behind it converted where they bind.

// cast converts keys or values between the types of a table and any.
type cast[T any] struct {
	to   func(T) any
	from func(any) T
}

// castTable is t with keys and values of type any.
func castTable[K, V any](t *table.KTable[K, V], out Shape, key cast[K], value cast[V]) ktable {
	r := dsl.Of((*dsl.Table[K, V])(t))
	c := &dsl.Rows[any, any]{
		B: r.B, Step: r.Step, Key: out.Key.Serde(), Value: out.Value.Serde(),
		Store: r.Store, Named: r.Named, NeedOld: r.NeedOld, GetStores: r.GetStores, Materialize: r.Materialize,
		Keep: r.Keep, Sources: r.Sources, Versioned: r.Versioned, GraceMillis: r.GraceMillis,
	}
	c.Get = func(b *graph.Binder) (op.Getter[any, any], error) {
		get, err := r.Get(b)
		if err != nil {
			return nil, err
		}
		return func(k any) (any, int64, bool, error) {
			v, at, ok, err := get(key.from(k))
			if err != nil || !ok {
				return nil, at, false, err
			}
			return value.to(v), at, true, nil
		}, nil
	}
	c.GetAsOf = func(b *graph.Binder) (op.AsOf[any, any], error) {
		get, err := r.GetAsOf(b)
		if err != nil {
			return nil, err
		}
		return func(k any, asOf int64) (any, int64, bool, error) {
			v, from, ok, err := get(key.from(k), asOf)
			if err != nil || !ok {
				return nil, from, false, err
			}
			return value.to(v), from, true, nil
		}, nil
	}
	r.B.Later(func(*dsl.Writer) {
		r.Step.Out.Adapters = append(r.Step.Out.Adapters, func(child any) any {
			next, ok := child.(flow.Next[any, flow.Change[any]])
			if !ok {
				return nil
			}
			return castEdge(next, key, value)
		})
	})
	return (ktable)(dsl.Wrap(c))
}

// castEdge is an edge of the types of the table that leads to one of any.
func castEdge[K, V any](next flow.Next[any, flow.Change[any]], key cast[K], value cast[V]) flow.Next[K, flow.Change[V]] {
	return func(k K, c flow.Change[V], m *flow.Meta) error {
		change := flow.Change[any]{HasNew: c.HasNew, HasOld: c.HasOld, Late: c.Late}
		if c.HasNew {
			change.New = value.to(c.New)
		}
		if c.HasOld {
			change.Old = value.to(c.Old)
		}
		return next(key.to(k), change, m)
	}
}

var (
	plain      = cast[any]{to: func(v any) any { return v }, from: func(v any) any { return v }}
	integer    = cast[int64]{to: func(n int64) any { return n }, from: func(v any) int64 { return v.(int64) }}
	windowKeys = cast[window.Key[any]]{
		to:   func(k window.Key[any]) any { return k },
		from: func(v any) window.Key[any] { return v.(window.Key[any]) },
	}
)

// castCount is the table of a count seen through a cast.
func castCount(t *table.KTable[any, int64], out Shape) ktable {
	return castTable(t, out, plain, integer)
}
