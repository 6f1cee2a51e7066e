package state

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// SessionTableSpec is the handle of a store that can hold the table of an
// aggregation over sessions: a [SessionsSpec].
type SessionTableSpec[K, V any] interface {
	Spec
	sessionsOf(K, V)
}

// SessionsSpec is the handle of a session store.
type SessionsSpec[K, V any] struct {
	base
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Sessions returns the handle of a session store: it keeps a value for each key
// and session, as long as its retention says. The retention follows from the
// operator that the handle is given to; a store for processors needs [Retention].
func Sessions[K, V any](name string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *SessionsSpec[K, V] {
	s := &SessionsSpec[K, V]{newBase(name, opts), key, value}
	s.checkSerdes(key, value)
	s.checkTime("session")
	if s.opts.twins || s.opts.window != 0 {
		s.opts.problems = append(s.opts.problems, "Duplicates and WindowSize are for window stores, this is a session store")
	}
	return s
}

func (s *SessionsSpec[K, V]) sessionsOf(K, V) {}

// KeySerde returns the serde of the keys, without their sessions.
func (s *SessionsSpec[K, V]) KeySerde() serde.Serde[K] { return s.key }

// ValueSerde returns the serde of the values.
func (s *SessionsSpec[K, V]) ValueSerde() serde.Serde[V] { return s.value }

// Define describes the store for a topology.
func (s *SessionsSpec[K, V]) Define() *graph.Store {
	st := s.define(graph.SessionStore)
	st.Ordered = true
	st.Layout = sessionLayout{store: st}
	st.Open = func(o graph.Opening) (any, error) { return openSessions(o, s.key, s.value) }
	st.OnRestore = func(store any, entry, value []byte, _ *overlay.Record) {
		store.(*SessionStore[K, V]).time.restored(entry, value == nil)
	}
	return st
}

// In opens the store in a processor, which must have been given the handle. It
// panics if not; the app then reports the processor with its place.
func (s *SessionsSpec[K, V]) In(ctx Context) *SessionStore[K, V] {
	return open[*SessionStore[K, V]](ctx, s.name)
}

// SessionStore keeps values by key and session, which is known by its start and
// end; both belong to it. The store belongs to one task and is not safe for
// concurrent use. Sessions start at the epoch or later.
//
// A session leaves when its end is the retention, or more, behind the highest
// end put so far: it is no longer read then, and gone some time later.
type SessionStore[K, V any] struct {
	time   timeline
	layers *overlay.Store
	key    serde.Serde[K]
	values values[V]
	// keyCopies says that decoded keys don't alias their bytes.
	keyCopies bool
	kbuf      []byte
	rbuf      []byte // of Each
}

func openSessions[K, V any](o graph.Opening, k serde.Serde[K], v serde.Serde[V]) (*SessionStore[K, V], error) {
	l, err := openTimeline(o, 16)
	if err != nil {
		return nil, err
	}
	k, v = serde.Bind(k, o.Changelog, true), serde.Bind(v, o.Changelog, false)
	s := &SessionStore[K, V]{
		time: l, layers: o.Layers, key: k, values: newValues(v, o.Store.Headers, false), keyCopies: serde.Copies(k),
	}
	o.Layers.AtCommit(s.save)
	return s, nil
}

// save writes down what a commit ends with, and lets go the sessions that have
// expired: nobody reads them, so that they need not be written to the engine.
func (s *SessionStore[K, V]) save() {
	s.time.save()
	at, due := s.time.floor(), s.time.due
	switch {
	case due == nil:
		s.layers.Unread(at)
	case due.started:
		s.layers.Unread(min(at, due.next))
	}
}

// entry encodes the entry of a session, which is valid until the next call.
func (s *SessionStore[K, V]) entry(k window.Key[K]) ([]byte, error) {
	b, err := s.key.AppendTo(append(s.kbuf[:0], noSegment...), k.Key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	b = appendInt64(appendInt64(b, k.End), k.Start)
	s.time.setSegment(b, k.End)
	s.kbuf = b
	return b, nil
}

// FetchSession returns the value of the session of k that has just this start
// and end. ok is false when there is none.
func (s *SessionStore[K, V]) FetchSession(k K, start, end time.Time) (v V, ok bool, err error) {
	v, _, ok, err = s.FindSession(window.Key[K]{Key: k, Start: start.UnixMilli(), End: end.UnixMilli()})
	return v, ok, err
}

// FindSession is FetchSession for operators. The time of a session is its end,
// in milliseconds.
func (s *SessionStore[K, V]) FindSession(k window.Key[K]) (v V, at int64, ok bool, err error) {
	if err := s.time.refresh(); err != nil {
		return v, 0, false, err
	}
	if k.End < s.time.floor() {
		return v, 0, false, nil
	}
	return s.FindHeld(k)
}

// FindHeld is FindSession, but it also returns a value that has
// expired since the last commit.
func (s *SessionStore[K, V]) FindHeld(k window.Key[K]) (v V, at int64, ok bool, err error) {
	if k.Start < 0 || k.End < k.Start {
		return v, 0, false, nil
	}
	b, err := s.entry(k)
	if err != nil {
		return v, 0, false, err
	}
	get := s.layers.Peek
	if s.values.lend {
		get = s.layers.Get
	}
	raw, ok, err := get(b)
	if err != nil || !ok {
		return v, 0, false, err
	}
	v, _, _, err = s.values.decode(raw)
	return v, k.End, err == nil, err
}

// Put sets the value of a session. A null removes it. A session that has
// expired is left out and counted as a dropped record.
func (s *SessionStore[K, V]) Put(k window.Key[K], v V) error {
	if s.layers.Frozen() {
		return ErrReadOnly
	}
	_, _, h := s.time.in.Now()
	_, err := s.Update(k, v, true, h)
	return err
}

// PutEntry is Put with the entry's headers, in a store with headers. Its time
// is not kept: that of a session is its end.
func (s *SessionStore[K, V]) PutEntry(e Entry[window.Key[K], V]) error {
	_, err := s.Update(e.Key, e.Value, true, e.Headers)
	return err
}

// Remove removes a session.
func (s *SessionStore[K, V]) Remove(k window.Key[K]) error {
	if s.layers.Frozen() {
		return ErrReadOnly
	}
	var none V
	_, _, h := s.time.in.Now()
	_, err := s.Update(k, none, false, h)
	return err
}

// Update sets the value of a session, or removes it unless has is set, with
// headers in a store that has them. expired is set when the session is too old to
// be kept; it is then counted as dropped.
func (s *SessionStore[K, V]) Update(k window.Key[K], v V, has bool, h serde.Headers) (expired bool, err error) {
	if s.layers.Frozen() {
		return false, ErrReadOnly
	}
	if k.Start < 0 || k.End < k.Start {
		return false, fmt.Errorf("session from %d to %d: it has to start at the epoch or later, and not after its end", k.Start, k.End)
	}
	b, err := s.entry(k)
	if err != nil {
		return false, err
	}
	if !s.values.headers {
		h = nil
	}
	var raw []byte
	if has && !s.values.nulls.Is(&v) {
		if raw, err = s.values.encode(v, 0, h); err != nil {
			return false, err
		}
	}
	_, now, _ := s.time.in.Now()
	return s.time.put(b, k.End, raw, now, h), nil
}

// sessionKey decodes the key and session of an entry.
func (s *SessionStore[K, V]) sessionKey(entry []byte) (k window.Key[K], err error) {
	key := s.time.keyOf(entry)
	if !s.keyCopies {
		key = bytes.Clone(key)
	}
	if k.Key, err = s.key.Decode(key); err != nil {
		return k, fmt.Errorf("key: %w", err)
	}
	k.End, k.Start = s.time.positionOf(entry), int64At(entry[len(entry)-8:])
	return k, nil
}
