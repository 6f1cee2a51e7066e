package op

import (
	"math"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// SessionSpec is a store that aggregates the records of each key by sessions.
type SessionSpec[K, V, A any] struct {
	Store  *graph.Store
	Key    serde.Serde[window.Key[K]]
	Window window.SessionWindow

	// Init gives the aggregate before the first record of a session. Without it
	// the first record becomes the aggregate by First: a reduce.
	Init  func() A
	First func(v V) A
	Add   func(k K, v V, a A) A
	// Merge makes one aggregate of two sessions.
	Merge func(k K, a, b A) A

	// Nulls says that null values count too. Where it is not set they do if the
	// type can say null.
	Nulls bool
	// SendOld says, when the node is bound, whether a node behind needs old values.
	SendOld func() bool
	// Relay marks a node that shares its store with others, in front of a merge.
	Relay bool
}

// SessionAggregate aggregates a stream by key and session. Null keys are
// dropped. A record whose session has closed is left out and counted. Sessions
// that a record joins are deleted before the one that they make; the time of a
// result is the end of its session.
func SessionAggregate[K, V, A any](spec SessionSpec[K, V, A]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		v, err := b.Store(spec.Store)
		if err != nil {
			return nil, err
		}
		s := &sessions[K, V, A]{SessionSpec: spec, store: v.(*state.SessionStore[K, A]), nulls: flow.NullsOf[A]()}
		if s.out, err = s.forwarder(b, n); err != nil {
			return nil, err
		}
		if s.toLate, err = lateNext[K, V](b, n); err != nil {
			return nil, err
		}
		s.Nulls = spec.Nulls || flow.NullsOf[V]().Possible()
		lag := spec.Window.RetentionMillis() // gap and grace
		s.closing = newClosing(b, n, spec.Store, lag)
		s.keep, s.emit = s.join, s.send
		b.OnStart(s.start)
		b.Instance.OnIdle(n, func(stream int64) error {
			closed, moved := s.idle(stream, lag+1)
			if !moved {
				return nil
			}
			return s.emitClosed(closed, b.Instance.Meta())
		})
		return flow.Next[K, V](s.process), nil
	}
}

type sessions[K, V, A any] struct {
	SessionSpec[K, V, A]
	closing
	store  *state.SessionStore[K, A]
	out    *Forwarder[window.Key[K], A]
	toLate flow.Next[K, V] // nil for none
	nulls  flow.Nulls[A]

	// Of the record in work: its session so far, and what that is made of.
	first, last int64
	found       []session[A]
	meta        *flow.Meta
	keep        func(start, end int64, a A) bool
	emit        func(k window.Key[K], a A) error
}

type session[A any] struct {
	start, end int64
	a          A
}

func (s *sessions[K, V, A]) forwarder(b *graph.Binder, n *graph.Node) (*Forwarder[window.Key[K], A], error) {
	switch {
	case s.Relay:
		return NewRelay[window.Key[K], A](b, n, s.Store)
	case s.Store.EmitOnClose:
		return NewForwarder[window.Key[K], A](b, n, nil, false, nil, nil)
	}
	return NewForwarder(b, n, s.Store, s.SendOld(), s.Key, s.store.FindHeld)
}

func (s *sessions[K, V, A]) start() error {
	emitted := s.closing.start(s.store.Observed())
	if !s.emits {
		return nil
	}
	return s.store.StartEmitting(lastClosed(emitted, 1))
}

// join takes a session into that of the record in work.
func (s *sessions[K, V, A]) join(start, end int64, a A) bool {
	s.found = append(s.found, session[A]{start, end, a})
	s.first, s.last = min(s.first, start), max(s.last, end)
	return true
}

func (s *sessions[K, V, A]) process(k K, v V, m *flow.Meta) error {
	if m.NoKey || m.NoValue && !s.Nulls {
		s.in.Dropped(s.node, "null key or value")
		return nil
	}
	closed := s.observe(m.Time)
	gap := s.Window.GapMillis()
	s.first, s.last, s.found = m.Time, m.Time, s.found[:0]
	if err := s.store.Each(k, m.Time-gap, upTo(m.Time, gap), s.keep); err != nil {
		return err
	}
	var err error
	if s.last < closed {
		s.late()
		if s.toLate != nil {
			err = s.toLate(k, v, m)
		}
	} else {
		err = s.update(k, v, m)
	}
	if err != nil {
		return err
	}
	return s.emitClosed(closed, m)
}

// emitClosed sends on the sessions that have closed.
func (s *sessions[K, V, A]) emitClosed(closed int64, m *flow.Meta) error {
	if !s.due(closed) {
		return nil
	}
	if last := lastClosed(closed, 1); last >= 0 {
		s.meta = m
		if err := s.store.Emit(last, s.emit); err != nil {
			return err
		}
	}
	s.done(closed)
	return nil
}

// upTo returns t + d, at most the largest int64.
func upTo(t, d int64) int64 {
	if t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}

// send sends on a session that has closed, with the headers of the record in work.
func (s *sessions[K, V, A]) send(k window.Key[K], a A) error {
	var none A
	saved := s.meta.Final
	s.meta.Final = true
	err := s.out.Send(k, flow.Change[A]{New: a, HasNew: true}, none, false, k.End, s.meta)
	s.meta.Final = saved
	return err
}

// update puts the session that the record makes of those that it joins.
func (s *sessions[K, V, A]) update(k K, v V, m *flow.Meta) error {
	key := window.Key[K]{Key: k, Start: s.first, End: s.last}
	// A session of the same start and end is replaced, not deleted.
	alone := key.Start == m.Time && key.End == m.Time
	if !alone {
		for i := range s.found {
			if err := s.remove(k, &s.found[i], m); err != nil {
				return err
			}
		}
	}
	m.Node = int32(s.node.ID)
	a := s.aggregate(k, v)
	has := !s.nulls.Is(&a)
	if _, err := s.store.Update(key, a, has, nil); err != nil {
		return err
	}
	if s.emits {
		if has {
			return s.store.Created(key)
		}
		return nil
	}
	// As in Kafka Streams the session that is replaced is not told as the old
	// value, but for a cache.
	var was A
	if alone && len(s.found) > 0 {
		was = s.found[0].a
	}
	return s.forward(key, flow.Change[A]{New: a, HasNew: has}, was, alone && len(s.found) > 0, m)
}

// forward sends on an update, without headers as in Kafka Streams, but for what
// comes out of the cache of a store that does not keep headers itself.
func (s *sessions[K, V, A]) forward(k window.Key[K], c flow.Change[A], was A, had bool, m *flow.Meta) error {
	headers := m.Headers
	if !s.out.Holds() || s.Store.Headers || s.Store.DeleteHeaders {
		m.Headers = nil
	}
	err := s.out.Send(k, c, was, had, k.End, m)
	m.Headers = headers
	return err
}

// aggregate adds the record to what its session is made of.
func (s *sessions[K, V, A]) aggregate(k K, v V) A {
	var a A
	has := s.Init != nil
	if has {
		a = s.Init()
	}
	for i := range s.found {
		if has {
			a = s.Merge(k, a, s.found[i].a)
		} else {
			a, has = s.found[i].a, true
		}
	}
	if !has || s.Init == nil && s.nulls.Is(&a) {
		return s.First(v)
	}
	return s.Add(k, v, a)
}

// remove removes a session that becomes part of another.
func (s *sessions[K, V, A]) remove(k K, old *session[A], m *flow.Meta) error {
	key := window.Key[K]{Key: k, Start: old.start, End: old.end}
	var none A
	if _, err := s.store.Update(key, none, false, m.Headers); err != nil {
		return err
	}
	if s.emits {
		return s.store.Removed(key)
	}
	return s.forward(key, flow.Change[A]{Old: old.a, HasOld: true}, old.a, true, m)
}

// SessionGetter reads the rows of a table of sessions from its store.
func SessionGetter[K, A any](st *graph.Store) BindGetter[window.Key[K], A] {
	return func(b *graph.Binder) (Getter[window.Key[K], A], error) {
		v, err := b.Store(st)
		if err != nil {
			return nil, err
		}
		return v.(*state.SessionStore[K, A]).FindSession, nil
	}
}
