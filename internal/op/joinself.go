package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// SelfJoinSpec is a stream joined with itself over one window.
type SelfJoinSpec[K, V, O any] struct {
	Window *graph.Store
	Span   Span
	Join   Joiner[K, V, V, O]
}

// SelfJoin joins a stream with itself: a record as the left one with those kept,
// then those kept as left ones with the record, and the record with itself,
// where its time belongs.
func SelfJoin[K, V, O any](spec SelfJoinSpec[K, V, O]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, O](b, n)
		if err != nil {
			return nil, err
		}
		window, err := joinWindow[K, V](b, spec.Window)
		if err != nil {
			return nil, err
		}
		j := &selfJoin[K, V, O]{
			SelfJoinSpec: spec, in: b.Instance, node: n, window: window,
			out: joined[K, O]{int32(n.ID), next, flow.NullsOf[O]()},
		}
		return flow.Next[K, V](j.process), nil
	}
}

type selfJoin[K, V, O any] struct {
	SelfJoinSpec[K, V, O]
	in     graph.Instance
	node   *graph.Node
	window *JoinWindow[K, V]
	out    joined[K, O]
}

func (j *selfJoin[K, V, O]) process(k K, v V, m *flow.Meta) error {
	if m.NoKey || m.NoValue {
		j.in.Dropped(j.node, "null key or value")
		return nil
	}
	before, after := j.Span.Before, j.Span.After
	// A record that is too old for the window is not joined with itself, nor is
	// any if the window asks for a difference.
	alone := m.Time > j.window.observed-j.Span.Retention() && before >= 0 && after >= 0
	err := j.window.fetch(k, m.Time-before, max(0, m.Time+after), func(v2 V, at int64) error {
		return j.send(k, v, v2, max(m.Time, at), m)
	})
	if err != nil {
		return err
	}
	err = j.window.fetch(k, m.Time-after, max(0, m.Time+before), func(v2 V, at int64) error {
		if at > m.Time && alone {
			alone = false
			if err := j.send(k, v, v, m.Time, m); err != nil {
				return err
			}
		}
		return j.send(k, v2, v, max(m.Time, at), m)
	})
	if err != nil || !alone {
		return err
	}
	return j.send(k, v, v, m.Time, m)
}

func (j *selfJoin[K, V, O]) send(k K, l, r V, at int64, m *flow.Meta) error {
	m.Node = j.out.id
	return j.out.send(k, j.Join(k, l, true, r, true), at, m)
}
