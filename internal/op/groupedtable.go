package op

import (
	"bytes"
	"errors"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

var errNullGroup = errors.New("a null key can't be grouped")

// TableGroupSpec is a table whose rows go into groups.
type TableGroupSpec[K, V, K2, V2 any] struct {
	Select func(k K, v V) (K2, V2)
	Key    serde.Serde[K2] // tells whether two groups are the same; nil if nothing follows
	// Apart sends the old row and the new one apart always, as was done before
	// KIP-904.
	Apart bool
}

// TableGroup sends the rows of a table to their groups: what leaves one as an
// old value, what enters one as a new value, and both as one when the group
// stays. A row that is selected with a null key or value is in no group.
// Updates of a versioned table that are not the latest of their key are left out.
func TableGroup[K, V, K2, V2 any](spec TableGroupSpec[K, V, K2, V2]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K2, flow.Change[V2]](b, n)
		if err != nil {
			return nil, err
		}
		g := &tableGroup[K, V, K2, V2]{spec: spec, id: int32(n.ID), next: next, kn: flow.NullsOf[K2](), vn: flow.NullsOf[V2]()}
		return flow.Next[K, flow.Change[V]](func(k K, c flow.Change[V], m *flow.Meta) error {
			if m.NoKey {
				return errNullGroup
			}
			if c.Late {
				return nil
			}
			null := m.NoValue
			m.Node, m.NoValue = g.id, false // the change of a delete is a value on its way
			err := g.process(k, c, m)
			m.NoValue = null
			return err
		}), nil
	}
}

type tableGroup[K, V, K2, V2 any] struct {
	spec   TableGroupSpec[K, V, K2, V2]
	id     int32
	next   flow.Next[K2, flow.Change[V2]]
	kn     flow.Nulls[K2]
	vn     flow.Nulls[V2]
	oldKey []byte
	newKey []byte
}

func (g *tableGroup[K, V, K2, V2]) process(k K, c flow.Change[V], m *flow.Meta) error {
	fresh, freshKey := g.selected(k, c.New, c.HasNew)
	old, oldKey := g.selected(k, c.Old, c.HasOld)
	both := flow.Change[V2]{New: fresh.New, HasNew: fresh.HasNew, Old: old.New, HasOld: old.HasNew}
	if both.HasNew && both.HasOld && !g.spec.Apart && g.spec.Key != nil {
		same, err := g.same(oldKey, freshKey)
		if err != nil {
			return err
		}
		if same {
			return g.next(freshKey, both, m)
		}
	}
	if both.HasOld {
		if err := g.next(oldKey, flow.Change[V2]{Old: both.Old, HasOld: true}, m); err != nil {
			return err
		}
	}
	if both.HasNew {
		return g.next(freshKey, flow.Change[V2]{New: both.New, HasNew: true}, m)
	}
	return nil
}

// selected returns the group of a row and, as a new value, what goes there.
func (g *tableGroup[K, V, K2, V2]) selected(k K, v V, has bool) (c flow.Change[V2], k2 K2) {
	if has {
		k2, c.New = g.spec.Select(k, v)
		c.HasNew = !g.kn.Is(&k2) && !g.vn.Is(&c.New)
	}
	return c, k2
}

func (g *tableGroup[K, V, K2, V2]) same(a, b K2) (same bool, err error) {
	if g.oldKey, err = g.spec.Key.AppendTo(g.oldKey[:0], a); err != nil {
		return false, err
	}
	if g.newKey, err = g.spec.Key.AppendTo(g.newKey[:0], b); err != nil {
		return false, err
	}
	return bytes.Equal(g.oldKey, g.newKey), nil
}

// TableAggregateSpec is a store that aggregates the rows of each group.
type TableAggregateSpec[K, V, A any] struct {
	Store *graph.Store
	Key   serde.Serde[K]

	// Init gives the aggregate of an empty group. Without it the first row
	// becomes the aggregate by First: a reduce.
	Init     func() A
	First    func(v V) A
	Add      func(k K, v V, a A) A
	Subtract func(k K, v V, a A) A

	// SendOld says, when the node is bound, whether a node behind needs old values.
	SendOld func() bool
}

// TableAggregate aggregates groups of rows: it subtracts the old row if the
// group has an aggregate, then adds the new one.
func TableAggregate[K, V, A any](spec TableAggregateSpec[K, V, A]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		store, err := tableStore[K, A](b, spec.Store)
		if err != nil {
			return nil, err
		}
		out, err := NewForwarder[K, A](b, n, spec.Store, spec.SendOld(), spec.Key, store.Find)
		if err != nil {
			return nil, err
		}
		a := &tableAggregate[K, V, A]{TableAggregateSpec: spec, id: int32(n.ID), store: store, out: out, nulls: flow.NullsOf[A]()}
		return flow.Next[K, flow.Change[V]](a.process), nil
	}
}

type tableAggregate[K, V, A any] struct {
	TableAggregateSpec[K, V, A]
	id    int32
	store TableStore[K, A]
	out   *Forwarder[K, A]
	nulls flow.Nulls[A]
}

func (a *tableAggregate[K, V, A]) process(k K, c flow.Change[V], m *flow.Meta) error {
	if m.NoKey {
		return errNullGroup
	}
	was, at, had, err := a.store.Find(k)
	if err != nil {
		return err
	}
	m.Node = a.id
	agg, has, time := was, had, m.Time
	if had && (c.HasOld || c.HasNew) {
		time = max(at, m.Time)
	}
	if c.HasOld && had {
		agg = a.Subtract(k, c.Old, agg)
		has = !a.nulls.Is(&agg)
	}
	if c.HasNew {
		agg = a.added(k, c.New, agg, has)
		has = !a.nulls.Is(&agg)
	}
	late, expired, err := a.store.Update(k, agg, has, time, m.Headers)
	if err != nil || expired {
		return err
	}
	return a.out.Send(k, flow.Change[A]{New: agg, Old: was, HasNew: has, HasOld: had, Late: late}, was, had, time, m)
}

func (a *tableAggregate[K, V, A]) added(k K, v V, agg A, has bool) A {
	switch {
	case has:
		return a.Add(k, v, agg)
	case a.Init != nil:
		return a.Add(k, v, a.Init())
	}
	return a.First(v)
}
