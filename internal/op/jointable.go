package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// TableSideSpec is one side of two tables that are joined: the updates of this
// table, V, meet the rows of the other one, V2.
type TableSideSpec[K, V, V2, R any] struct {
	Other BindGetter[K, V2]
	Join  Joiner[K, V, V2, R]

	Alone      bool // a row of this table without one of the other has a result
	OtherAlone bool // and the other way round

	// Versioned says that this table has a history: updates that are not the
	// latest of their key are dropped.
	Versioned func() bool
	SendOld   func() bool
}

// TableSide joins the updates of one table with the rows of another. The result
// has the higher time of both. Without a row on either side, now or before,
// nothing is sent; an inner join sends nothing without a row of the other table.
func TableSide[K, V, V2, R any](spec TableSideSpec[K, V, V2, R]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, flow.Change[R]](b, n)
		if err != nil {
			return nil, err
		}
		other, err := spec.Other(b)
		if err != nil {
			return nil, err
		}
		s := &tableSide[K, V, V2, R]{
			TableSideSpec: spec, in: b.Instance, node: n, next: next, other: other, nulls: flow.NullsOf[R](),
			versioned: spec.Versioned(), sendOld: spec.SendOld(),
		}
		return flow.Next[K, flow.Change[V]](s.process), nil
	}
}

type tableSide[K, V, V2, R any] struct {
	TableSideSpec[K, V, V2, R]
	in        graph.Instance
	node      *graph.Node
	next      flow.Next[K, flow.Change[R]]
	other     Getter[K, V2]
	nulls     flow.Nulls[R]
	versioned bool
	sendOld   bool
}

func (s *tableSide[K, V, V2, R]) process(k K, c flow.Change[V], m *flow.Meta) error {
	switch {
	case m.NoKey:
		s.in.Dropped(s.node, "null key")
		return nil
	case s.versioned && c.Late:
		s.in.Dropped(s.node, "out-of-order update of a versioned table")
		return nil
	}
	v2, at, has2, err := s.other(k)
	if err != nil {
		return err
	}
	saved := m.Time
	switch {
	case has2:
		m.Time = max(m.Time, at)
	case !s.Alone || !c.HasNew && !c.HasOld:
		return nil
	}
	m.Node = int32(s.node.ID)
	out := flow.Change[R]{Late: c.Late}
	out.New, out.HasNew = s.result(k, c.New, c.HasNew, v2, has2)
	if s.sendOld {
		out.Old, out.HasOld = s.result(k, c.Old, c.HasOld, v2, has2)
	}
	err = s.next(k, out, m)
	m.Time = saved
	return err
}

// result joins two rows, if what is there of them has a result.
func (s *tableSide[K, V, V2, R]) result(k K, v V, has bool, v2 V2, has2 bool) (r R, ok bool) {
	if has && (has2 || s.Alone) || has2 && s.OtherAlone {
		r = s.Join(k, v, has, v2, has2)
		ok = !s.nulls.Is(&r)
	}
	return r, ok
}

// TableMergeSpec is the results of both sides put together.
type TableMergeSpec[K, R any] struct {
	Store   *graph.Store // nil: not materialised
	Key     serde.Serde[K]
	SendOld func() bool
}

// TableMerge takes the results of both sides of joined tables.
func TableMerge[K, R any](spec TableMergeSpec[K, R]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		if spec.Store == nil {
			next, err := graph.Children[K, flow.Change[R]](b, n)
			return next, err
		}
		store, err := tableStore[K, R](b, spec.Store)
		if err != nil {
			return nil, err
		}
		out, err := NewForwarder[K, R](b, n, spec.Store, spec.SendOld(), spec.Key, store.Find)
		if err != nil {
			return nil, err
		}
		held := out.Holds()
		return flow.Next[K, flow.Change[R]](func(k K, c flow.Change[R], m *flow.Meta) error {
			var was R
			var had bool
			var err error
			if held {
				if was, _, had, err = store.Find(k); err != nil {
					return err
				}
			}
			late, expired, err := store.Update(k, c.New, c.HasNew, m.Time, m.Headers)
			if err != nil || expired {
				return err
			}
			c.Late = late
			return out.Send(k, c, was, had, m.Time, m)
		}), nil
	}
}

// JoinGetter reads the rows of joined tables that are not materialised: left
// and right read those that they are made of. A row has the higher time of both.
func JoinGetter[K, L, R, O any](left BindGetter[K, L], right BindGetter[K, R], join Joiner[K, L, R, O], leftAlone, rightAlone bool) BindGetter[K, O] {
	return func(b *graph.Binder) (Getter[K, O], error) {
		readLeft, err := left(b)
		if err != nil {
			return nil, err
		}
		readRight, err := right(b)
		if err != nil {
			return nil, err
		}
		nulls := flow.NullsOf[O]()
		return func(k K) (o O, at int64, ok bool, err error) {
			l, at, hasLeft, err := readLeft(k)
			if err != nil || !hasLeft && !rightAlone {
				return o, 0, false, err
			}
			r, rightAt, hasRight, err := readRight(k)
			if err != nil {
				return o, 0, false, err
			}
			switch {
			case hasLeft && hasRight:
				at = max(at, rightAt)
			case hasRight:
				at = rightAt
			case !hasLeft || !leftAlone:
				return o, 0, false, nil
			}
			o = join(k, l, hasLeft, r, hasRight)
			return o, at, !nulls.Is(&o), nil
		}, nil
	}
}
