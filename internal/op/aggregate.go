package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// AggregateSpec is a store that aggregates the records of each key.
type AggregateSpec[K, V, A any] struct {
	Store *graph.Store
	Key   serde.Serde[K]

	// Init gives the aggregate before the first record of a key. Without it the
	// first record becomes the aggregate by First: a reduce.
	Init  func() A
	First func(v V) A
	Add   func(k K, v V, a A) A

	// SendOld says, when the node is bound, whether a node behind needs old values.
	SendOld func() bool
	// Relay marks a node that shares its store with others, in front of a merge.
	Relay bool
}

// Aggregate aggregates a stream by key. Null keys and null values are dropped.
// The result has the highest time of the records that went into it.
func Aggregate[K, V, A any](spec AggregateSpec[K, V, A]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		store, err := tableStore[K, A](b, spec.Store)
		if err != nil {
			return nil, err
		}
		out, err := spec.forwarder(b, n, store)
		if err != nil {
			return nil, err
		}
		a := &aggregate[K, V, A]{AggregateSpec: spec, in: b.Instance, node: n, store: store, out: out, nulls: flow.NullsOf[A]()}
		return flow.Next[K, V](a.process), nil
	}
}

func (spec *AggregateSpec[K, V, A]) forwarder(b *graph.Binder, n *graph.Node, store TableStore[K, A]) (*Forwarder[K, A], error) {
	if spec.Relay {
		return NewRelay[K, A](b, n, spec.Store)
	}
	return NewForwarder[K, A](b, n, spec.Store, spec.SendOld(), spec.Key, store.Find)
}

type aggregate[K, V, A any] struct {
	AggregateSpec[K, V, A]
	in    graph.Instance
	node  *graph.Node
	store TableStore[K, A]
	out   *Forwarder[K, A]
	nulls flow.Nulls[A]
}

func (a *aggregate[K, V, A]) process(k K, v V, m *flow.Meta) error {
	if m.NoKey || m.NoValue {
		a.in.Dropped(a.node, "null key or value")
		return nil
	}
	was, at, had, err := a.store.Find(k)
	if err != nil {
		return err
	}
	m.Node = int32(a.node.ID)
	old, hasOld, time := was, had, m.Time
	if had {
		time = max(at, m.Time)
	}
	var agg A
	switch {
	case had:
		agg = a.Add(k, v, old)
	case a.Init != nil:
		old = a.Init()
		hasOld = !a.nulls.Is(&old)
		agg = a.Add(k, v, old)
	default:
		agg = a.First(v)
	}
	has := !a.nulls.Is(&agg)
	late, expired, err := a.store.Update(k, agg, has, time, m.Headers)
	if err != nil {
		return err
	}
	if expired {
		return nil
	}
	c := flow.Change[A]{New: agg, Old: old, HasNew: has, HasOld: hasOld, Late: late}
	return a.out.Send(k, c, was, had, time, m)
}

// tableStore opens a store that holds a table.
func tableStore[K, V any](b *graph.Binder, st *graph.Store) (TableStore[K, V], error) {
	s, err := b.Store(st)
	if err != nil {
		return nil, err
	}
	return s.(TableStore[K, V]), nil
}
