package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// StreamTableSpec is a stream joined with a table: each record of the stream
// with the row of its key.
type StreamTableSpec[K, V, V2, R any] struct {
	Get   BindGetter[K, V2]
	AsOf  BindAsOf[K, V2] // in place of Get for a table with a history
	Left  bool            // records without a row are joined too
	Join  Joiner[K, V, V2, R]
	Grace *Grace[K, V] // records wait for late updates of the table, nil if not
}

// StreamTable joins a stream with a table. A record without a value is dropped,
// and so is one without a key, which a left join takes to have no row. Records
// without a key never wait: they have no row that could come late.
func StreamTable[K, V, V2, R any](spec StreamTableSpec[K, V, V2, R]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, R](b, n)
		if err != nil {
			return nil, err
		}
		j := &streamTable[K, V, V2, R]{
			in: b.Instance, node: n, left: spec.Left, join: spec.Join,
			out: joined[K, R]{int32(n.ID), next, flow.NullsOf[R]()},
		}
		if j.row, err = bindRow(b, spec.Get, spec.AsOf); err != nil {
			return nil, err
		}
		if spec.Grace == nil {
			return flow.Next[K, V](j.process), nil
		}
		w := &waiting[K, V, V2, R]{streamTable: j}
		s, err := b.Store(spec.Grace.Store)
		if err != nil {
			return nil, err
		}
		w.buffer = s.(*JoinBuffer[K, V])
		b.OnStart(w.buffer.start)
		b.Instance.OnIdle(n, w.idle)
		return flow.Next[K, V](w.process), nil
	}
}

// bindRow binds what reads the row of a key at a time; without a history the
// time does not count.
func bindRow[K, V any](b *graph.Binder, get BindGetter[K, V], asOf BindAsOf[K, V]) (func(k K, at int64) (V, bool, error), error) {
	if asOf != nil {
		read, err := asOf(b)
		if err != nil {
			return nil, err
		}
		return func(k K, at int64) (V, bool, error) {
			v, _, ok, err := read(k, at)
			return v, ok, err
		}, nil
	}
	read, err := get(b)
	if err != nil {
		return nil, err
	}
	return func(k K, _ int64) (V, bool, error) {
		v, _, ok, err := read(k)
		return v, ok, err
	}, nil
}

type streamTable[K, V, V2, R any] struct {
	in   graph.Instance
	node *graph.Node
	row  func(k K, at int64) (V2, bool, error)
	left bool
	join Joiner[K, V, V2, R]
	out  joined[K, R]
}

func (j *streamTable[K, V, V2, R]) process(k K, v V, m *flow.Meta) error {
	if j.drop(m) {
		return nil
	}
	return j.match(k, v, m)
}

func (j *streamTable[K, V, V2, R]) drop(m *flow.Meta) bool {
	if m.NoValue || m.NoKey && !j.left {
		j.in.Dropped(j.node, "null key or value")
		return true
	}
	return false
}

func (j *streamTable[K, V, V2, R]) match(k K, v V, m *flow.Meta) (err error) {
	var v2 V2
	var ok bool
	if !m.NoKey {
		if v2, ok, err = j.row(k, m.Time); err != nil {
			return err
		}
	}
	if !ok && !j.left {
		return nil
	}
	m.Node = j.out.id
	return j.out.send(k, j.join(k, v, true, v2, ok), m.Time, m)
}

// waiting is a streamTable whose records wait in a buffer.
type waiting[K, V, V2, R any] struct {
	*streamTable[K, V, V2, R]
	buffer *JoinBuffer[K, V]
}

func (w *waiting[K, V, V2, R]) process(k K, v V, m *flow.Meta) error {
	if w.drop(m) {
		return nil
	}
	late, err := w.buffer.put(k, v, m)
	if err != nil {
		return err
	}
	if late {
		return w.match(k, v, m)
	}
	return w.buffer.evict(w.in.Meta(), w.match)
}

// idle joins the records whose time has passed without records.
func (w *waiting[K, V, V2, R]) idle(stream int64) error {
	if w.buffer.Len() == 0 {
		return nil
	}
	w.buffer.stream = max(w.buffer.stream, stream)
	return w.buffer.evict(w.in.Meta(), w.match)
}
