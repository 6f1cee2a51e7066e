package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// StreamGlobalSpec is a stream joined with a global table: each record of the
// stream with the row of the key that Select gives.
type StreamGlobalSpec[K, V, GK, GV, R any] struct {
	Get    BindGetter[GK, GV]
	Select func(k K, v V) GK
	Left   bool // records without a row are joined too
	Join   Joiner[K, V, GV, R]
}

// StreamGlobal joins a stream with a global table. A record without a value is
// dropped, and so is one for which a null key is selected, which a left join
// takes to have no row.
func StreamGlobal[K, V, GK, GV, R any](spec StreamGlobalSpec[K, V, GK, GV, R]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, R](b, n)
		if err != nil {
			return nil, err
		}
		get, err := spec.Get(b)
		if err != nil {
			return nil, err
		}
		out := joined[K, R]{int32(n.ID), next, flow.NullsOf[R]()}
		in, keys := b.Instance, flow.NullsOf[GK]()
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			if m.NoValue {
				in.Dropped(n, "null value")
				return nil
			}
			m.Node = out.id
			key := spec.Select(k, v)
			var row GV
			var ok bool
			if !keys.Is(&key) {
				if row, _, ok, err = get(key); err != nil {
					return err
				}
			} else if !spec.Left {
				in.Dropped(n, "null key of the global table")
				return nil
			}
			if !ok && !spec.Left {
				return nil
			}
			return out.send(k, spec.Join(k, v, true, row, ok), m.Time, m)
		}), nil
	}
}
