package graph

import "github.com/ottla-streams/ottla/internal/flow"

// Around runs around the processing of each record in a node. next goes on with
// the record and is called at most once; without it the record goes no further.
type Around func(key, value any, m *flow.Meta, next func() error) error

// around returns what runs around node n in this task, nil for nothing.
func (b *Binder) around(n *Node) (Around, error) {
	if n.Kind != ProcessorNode || n.Around == nil {
		return nil, nil
	}
	if f, ok := b.arounds[n]; ok {
		return f, nil
	}
	f, err := n.Around(b, n)
	if err == nil {
		b.arounds[n] = f
	}
	return f, err
}

// watch puts around f, the edge to node n, what counts its records and what the
// user wraps it in. An edge that nobody watches stays as it is.
func watch[K, V any](b *Binder, n *Node, f flow.Next[K, V]) (flow.Next[K, V], error) {
	around, err := b.around(n)
	if err != nil {
		return nil, err
	}
	if around != nil {
		inner := f
		f = func(k K, v V, m *flow.Meta) error {
			m.Node = int32(n.ID)
			return around(k, v, m, func() error { return inner(k, v, m) })
		}
	}
	t := b.Instance.Measure()
	if t == nil || !t.Debug {
		return f, nil
	}
	count, inner := t.Node(n.Name, len(n.Children) == 0), f
	if count.Latency == nil {
		return func(k K, v V, m *flow.Meta) error {
			count.Records++
			return inner(k, v, m)
		}, nil
	}
	return func(k K, v V, m *flow.Meta) error {
		count.Records++
		count.Latency.Observe(t.Now - m.Time)
		return inner(k, v, m)
	}, nil
}
