package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// Row computes a row of a table from that of another; has and keep say whether
// there is one. at is the time of the row.
type Row[K, V, V2 any] func(k K, v V, has bool, at int64) (v2 V2, keep bool, err error)

// BindRow makes a Row for one task; n is the node that computes it.
type BindRow[K, V, V2 any] func(b *graph.Binder, n *graph.Node) (Row[K, V, V2], error)

// FilterRow keeps the rows for which keep returns want.
func FilterRow[K, V any](keep func(K, V) bool, want bool) BindRow[K, V, V] {
	return func(*graph.Binder, *graph.Node) (Row[K, V, V], error) {
		return func(k K, v V, has bool, _ int64) (V, bool, error) {
			if has && keep(k, v) == want {
				return v, true, nil
			}
			var none V // a row that is not there reaches nobody, a transformer neither
			return none, false, nil
		}, nil
	}
}

// MapRow maps the values of rows. A null result is no row.
func MapRow[K, V, V2 any](f func(K, V) V2) BindRow[K, V, V2] {
	return func(*graph.Binder, *graph.Node) (Row[K, V, V2], error) {
		nulls := flow.NullsOf[V2]()
		return func(k K, v V, has bool, _ int64) (v2 V2, keep bool, err error) {
			if has {
				v2 = f(k, v)
				keep = !nulls.Is(&v2)
			}
			return v2, keep, nil
		}, nil
	}
}

// TableMapSpec is a table made of another, row by row.
type TableMapSpec[K, V, V2 any] struct {
	Row     BindRow[K, V, V2]
	Store   *graph.Store // nil: not materialised
	Key     serde.Serde[K]
	SendOld func() bool

	// Sparse leaves out updates from no row to no row, where old rows are known.
	Sparse bool
}

// TableMap computes the rows of a table from those of another.
func TableMap[K, V, V2 any](spec TableMapSpec[K, V, V2]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		row, err := spec.Row(b, n)
		if err != nil {
			return nil, err
		}
		if spec.Store == nil {
			return bindPlainMap(b, n, row, spec)
		}
		store, err := tableStore[K, V2](b, spec.Store)
		if err != nil {
			return nil, err
		}
		out, err := NewForwarder[K, V2](b, n, spec.Store, spec.SendOld(), spec.Key, store.Find)
		if err != nil {
			return nil, err
		}
		return bindStoredMap(n, row, spec, store, out), nil
	}
}

func bindPlainMap[K, V, V2 any](b *graph.Binder, n *graph.Node, row Row[K, V, V2], spec TableMapSpec[K, V, V2]) (any, error) {
	next, err := graph.Children[K, flow.Change[V2]](b, n)
	if err != nil {
		return nil, err
	}
	id, sendOld, sparse := int32(n.ID), spec.SendOld(), spec.Sparse
	return flow.Next[K, flow.Change[V]](func(k K, c flow.Change[V], m *flow.Meta) (err error) {
		m.Node = id
		c2 := flow.Change[V2]{Late: c.Late}
		if c2.New, c2.HasNew, err = row(k, c.New, c.HasNew, m.Time); err != nil {
			return err
		}
		if sendOld {
			if c2.Old, c2.HasOld, err = row(k, c.Old, c.HasOld, m.Time); err != nil {
				return err
			}
			if sparse && !c2.HasNew && !c2.HasOld {
				return nil
			}
		}
		return next(k, c2, m)
	}), nil
}

func bindStoredMap[K, V, V2 any](n *graph.Node, row Row[K, V, V2], spec TableMapSpec[K, V, V2],
	store TableStore[K, V2], out *Forwarder[K, V2]) flow.Next[K, flow.Change[V]] {
	id, sparse, wantsOld := int32(n.ID), spec.Sparse && spec.SendOld(), out.WantsOld()
	return func(k K, c flow.Change[V], m *flow.Meta) error {
		m.Node = id
		v, has, err := row(k, c.New, c.HasNew, m.Time)
		if err != nil {
			return err
		}
		c2 := flow.Change[V2]{New: v, HasNew: has}
		if wantsOld {
			if c2.Old, _, c2.HasOld, err = store.Find(k); err != nil {
				return err
			}
		}
		if sparse && !has && !c2.HasOld {
			return nil
		}
		late, expired, err := store.Update(k, v, has, m.Time, m.Headers)
		if err != nil || expired {
			return err
		}
		c2.Late = late
		return out.Send(k, c2, c2.Old, c2.HasOld, m.Time, m)
	}
}

// MapGetter reads the rows of a table that is not materialised: get reads those
// that it is made of, and node is its own node, known once the steps are written.
func MapGetter[K, V, V2 any](get BindGetter[K, V], row BindRow[K, V, V2], node func() *graph.Node) BindGetter[K, V2] {
	return func(b *graph.Binder) (Getter[K, V2], error) {
		read, err := get(b)
		if err != nil {
			return nil, err
		}
		f, err := row(b, node())
		if err != nil {
			return nil, err
		}
		return func(k K) (v2 V2, at int64, ok bool, err error) {
			v, at, has, err := read(k)
			if err != nil {
				return v2, 0, false, err
			}
			if !has {
				at = -1
			}
			v2, ok, err = f(k, v, has, at)
			return v2, at, ok, err
		}, nil
	}
}

// MapAsOf is MapGetter as of a time.
func MapAsOf[K, V, V2 any](get BindAsOf[K, V], row BindRow[K, V, V2], node func() *graph.Node) BindAsOf[K, V2] {
	return func(b *graph.Binder) (AsOf[K, V2], error) {
		read, err := get(b)
		if err != nil {
			return nil, err
		}
		f, err := row(b, node())
		if err != nil {
			return nil, err
		}
		return func(k K, at int64) (v2 V2, from int64, ok bool, err error) {
			v, from, has, err := read(k, at)
			if err != nil {
				return v2, 0, false, err
			}
			v2, ok, err = f(k, v, has, from)
			return v2, from, ok, err
		}, nil
	}
}
