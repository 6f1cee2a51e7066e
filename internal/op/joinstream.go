package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// JoinKeep passes records on and keeps them in the window of their stream
// behind it, so that no record is joined with itself. Those with a null key are
// not kept.
func JoinKeep[K, V any](st *graph.Store) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, V](b, n)
		if err != nil {
			return nil, err
		}
		s, err := joinWindow[K, V](b, st)
		if err != nil {
			return nil, err
		}
		return flow.Next[K, V](func(k K, v V, m *flow.Meta) error {
			if err := next(k, v, m); err != nil || m.NoKey {
				return err
			}
			return s.put(n, k, v, m)
		}), nil
	}
}

func joinWindow[K, V any](b *graph.Binder, st *graph.Store) (*JoinWindow[K, V], error) {
	s, err := b.Store(st)
	if err != nil {
		return nil, err
	}
	return s.(*JoinWindow[K, V]), nil
}

// Span is a join window in milliseconds: a record of the left stream is joined
// with those of the right one from Before earlier to After later.
type Span struct{ Before, After, Grace int64 }

// Retention is how long the records of both streams are kept: at least for the
// millisecond that makes records of equal times meet.
func (s Span) Retention() int64 { return max(1, s.Before+s.After+s.Grace) }

// reach is how long after its time a record may find a match.
func (s Span) reach() reach { return reach{left: s.After + s.Grace, right: s.Before + s.Grace} }

// StreamJoinSpec is two streams joined by key and time.
type StreamJoinSpec[K, L, R, O any] struct {
	Left, Right *graph.Store // windows of the streams
	Shared      *graph.Store // of records without a match, nil for an inner join
	Outer       bool         // records of the right stream without a match are joined too
	Span        Span
	Join        Joiner[K, L, R, O]
}

// JoinLeft joins the records of the left stream with the window of the right one.
func JoinLeft[K, L, R, O any](spec StreamJoinSpec[K, L, R, O]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		j := &streamSide[K, L, R, O]{before: spec.Span.Before, after: spec.Span.After, join: spec.Join}
		if err := j.bind(b, n, spec.Left, spec.Right); err != nil || spec.Shared == nil {
			return flow.Next[K, L](j.process), err
		}
		s, err := b.Store(spec.Shared)
		if err != nil {
			return nil, err
		}
		shared := s.(*JoinShared[K, L, R])
		j.unmatched = &unmatched[K, L]{
			alone: true, stream: &shared.stream,
			add:     func(k K, v L, m *flow.Meta) error { return sharedAdd(shared, leftSide, shared.left, k, v, m) },
			matched: func(k K, at int64, m *flow.Meta) error { return shared.matched(rightSide, k, at, m) },
			sweep:   sweeper(shared, spec, spec.Span.After, &j.out),
		}
		b.Instance.OnIdle(n, func(stream int64) error {
			if !shared.idle(stream, spec.Span.reach()) {
				return nil
			}
			return j.unmatched.sweep(j.in.Meta())
		})
		return flow.Next[K, L](j.process), nil
	}
}

// JoinRight joins the records of the right stream with the window of the left one.
func JoinRight[K, L, R, O any](spec StreamJoinSpec[K, L, R, O]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		j := &streamSide[K, R, L, O]{before: spec.Span.After, after: spec.Span.Before, join: spec.Join.Reversed()}
		if err := j.bind(b, n, spec.Right, spec.Left); err != nil || spec.Shared == nil {
			return flow.Next[K, R](j.process), err
		}
		s, err := b.Store(spec.Shared)
		if err != nil {
			return nil, err
		}
		shared := s.(*JoinShared[K, L, R])
		j.unmatched = &unmatched[K, R]{
			alone: spec.Outer, stream: &shared.stream,
			add:     func(k K, v R, m *flow.Meta) error { return sharedAdd(shared, rightSide, shared.right, k, v, m) },
			matched: func(k K, at int64, m *flow.Meta) error { return shared.matched(leftSide, k, at, m) },
			sweep:   sweeper(shared, spec, spec.Span.Before, &j.out),
		}
		return flow.Next[K, R](j.process), nil
	}
}

// sweeper returns what emits the records that can't find a match any more. The
// results have the headers of the record in work.
func sweeper[K, L, R, O any](s *JoinShared[K, L, R], spec StreamJoinSpec[K, L, R, O], ahead int64, out *joined[K, O]) func(m *flow.Meta) error {
	within := spec.Span.reach()
	ahead += spec.Span.Grace
	return func(m *flow.Meta) error {
		return s.sweep(ahead, within, m, func(k K, l L, isLeft bool, r R, at int64) error {
			m.Node = out.id
			return out.send(k, spec.Join(k, l, isLeft, r, !isLeft), at, m)
		})
	}
}

// unmatched is the records without a match as one side of a join sees them.
type unmatched[K, V any] struct {
	alone   bool   // records of this side without a match are joined too
	stream  *int64 // the stream time of both sides
	add     func(k K, v V, m *flow.Meta) error
	matched func(k K, at int64, m *flow.Meta) error // records of the other side have a match
	sweep   func(m *flow.Meta) error
}

// streamSide is one side of two streams that are joined: the records of this
// stream, V, meet those kept of the other one, V2.
type streamSide[K, V, V2, O any] struct {
	in        graph.Instance
	node      *graph.Node
	own       *JoinWindow[K, V]
	other     *JoinWindow[K, V2]
	before    int64 // how much earlier the other record may be
	after     int64
	join      Joiner[K, V, V2, O]
	out       joined[K, O]
	unmatched *unmatched[K, V] // nil for an inner join
}

func (j *streamSide[K, V, V2, O]) bind(b *graph.Binder, n *graph.Node, own, other *graph.Store) error {
	next, err := graph.Children[K, O](b, n)
	if err != nil {
		return err
	}
	j.in, j.node, j.out = b.Instance, n, joined[K, O]{int32(n.ID), next, flow.NullsOf[O]()}
	if j.own, err = joinWindow[K, V](b, own); err != nil {
		return err
	}
	j.other, err = joinWindow[K, V2](b, other)
	return err
}

// process takes a record. Lateness does not count: a late record is joined with
// what the window still holds, and emitted alone at once if it is too late to
// find a match.
func (j *streamSide[K, V, V2, O]) process(k K, v V, m *flow.Meta) error {
	u := j.unmatched
	if u != nil {
		// The windows know what an earlier run of the task saw.
		*u.stream = max(*u.stream, m.Time, j.own.observed, j.other.observed)
	}
	alone := u != nil && u.alone
	switch {
	case m.NoKey && !m.NoValue && alone:
		return j.emitAlone(k, v, m)
	case m.NoKey || m.NoValue:
		j.in.Dropped(j.node, "null key or value")
		return nil
	}
	if u != nil && m.Time == *u.stream {
		if err := u.sweep(m); err != nil {
			return err
		}
	}
	matched, err := j.matches(k, v, m)
	if err != nil || matched || !alone {
		return err
	}
	if max(0, m.Time+j.after) < *u.stream {
		return j.emitAlone(k, v, m)
	}
	return u.add(k, v, m)
}

// matches joins the record with those of the other stream.
func (j *streamSide[K, V, V2, O]) matches(k K, v V, m *flow.Meta) (found bool, err error) {
	err = j.other.fetch(k, m.Time-j.before, max(0, m.Time+j.after), func(v2 V2, at int64) error {
		found = true
		if u := j.unmatched; u != nil {
			if err := u.matched(k, at, m); err != nil {
				return err
			}
		}
		m.Node = j.out.id
		return j.out.send(k, j.join(k, v, true, v2, true), max(m.Time, at), m)
	})
	return found, err
}

func (j *streamSide[K, V, V2, O]) emitAlone(k K, v V, m *flow.Meta) error {
	var none V2
	m.Node = j.out.id
	return j.out.send(k, j.join(k, v, true, none, false), m.Time, m)
}
