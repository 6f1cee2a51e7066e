package state

import (
	"fmt"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// VersionedSpec is the handle of a versioned store.
type VersionedSpec[K, V any] struct {
	base
	key     serde.Serde[K]
	value   serde.Serde[V]
	history time.Duration
}

// Versioned returns the handle of a store that keeps the values that each key
// had, as far back as history: what is older than that, seen from the highest
// time put so far, can neither be read nor put. The latest value of a key stays
// however old it is. A table in such a store is joined as of the time of the
// record that is joined with it. (KIP-889)
func Versioned[K, V any](name string, key serde.Serde[K], value serde.Serde[V], history time.Duration, opts ...Option) *VersionedSpec[K, V] {
	s := &VersionedSpec[K, V]{newBase(name, opts), key, value, history}
	s.checkSerdes(key, value)
	switch {
	case history < 0:
		s.opts.problems = append(s.opts.problems, fmt.Sprintf("the history of a versioned store can't be negative: %v", history))
	case s.opts.segment < 0 || s.opts.segment > 0 && s.opts.segment < time.Millisecond:
		s.opts.problems = append(s.opts.problems, fmt.Sprintf("the segment interval is %v: it must be at least 1ms", s.opts.segment))
	}
	return s
}

// SegmentInterval is how coarsely a versioned store forgets: versions whose
// validity ended in the same interval leave it together. The default is a
// twelfth of the history, at least 2 seconds.
func SegmentInterval(d time.Duration) Option { return func(o *options) { o.segment = d } }

func (s *VersionedSpec[K, V]) tableOf(K, V) {}

// KeySerde returns the serde of the keys.
func (s *VersionedSpec[K, V]) KeySerde() serde.Serde[K] { return s.key }

// ValueSerde returns the serde of the values.
func (s *VersionedSpec[K, V]) ValueSerde() serde.Serde[V] { return s.value }

// Define describes the store for a topology.
func (s *VersionedSpec[K, V]) Define() *graph.Store {
	st := s.define(graph.VersionedStore)
	st.Layout, st.Ordered, st.RetentionMillis = versionedLayout{}, true, s.history.Milliseconds()
	interval := s.opts.segment.Milliseconds()
	if interval == 0 {
		interval = max(st.RetentionMillis/12, 2000)
	}
	st.Open = func(o graph.Opening) (any, error) {
		v := openVersioned(o, s.key, s.value, sweeper{layers: o.Layers, interval: interval})
		o.Layers.AtCommit(v.save)
		return v, v.load()
	}
	st.OnRestore = func(store any, key, value []byte, r *overlay.Record) {
		store.(*VersionedStore[K, V]).restored(key, r.Time)
	}
	return st
}

// In opens the store in a processor, which must have been given the handle. It
// panics if not; the app then reports the processor with its place.
func (s *VersionedSpec[K, V]) In(ctx Context) *VersionedStore[K, V] {
	return open[*VersionedStore[K, V]](ctx, s.name)
}

// Version is a value that a key had for some time.
type Version[V any] struct {
	Value V
	From  time.Time
	Until time.Time // exclusive; the zero Time for the latest version
}

// Placed is what became of a put into a versioned store.
type Placed struct {
	// Until is when the version behind it begins, the zero Time if it is the latest.
	Until time.Time
	// Expired is set when the put was older than the history, and was left out.
	Expired bool
}

// VersionedStore keeps the values that each key had. It belongs to one task and
// is not safe for concurrent use. See [Versioned].
type VersionedStore[K, V any] struct {
	in      graph.Instance
	store   *graph.Store
	layers  *overlay.Store
	key     serde.Serde[K]
	value   serde.Serde[V]
	nulls   flow.Nulls[V]
	lend    bool
	history int64
	highest int64 // time put so far, -1 for none
	saved   int64 // the highest time that the store has
	sweep   sweeper
	kbuf    []byte // the key in work, with its length in front
	vbuf    []byte
	lo, hi  []byte

	latestKey  []byte // of the last Find
	latestFrom int64  // when its latest version begins
}

func openVersioned[K, V any](o graph.Opening, k serde.Serde[K], v serde.Serde[V], w sweeper) *VersionedStore[K, V] {
	k, v = serde.Bind(k, o.Changelog, true), serde.Bind(v, o.Changelog, false)
	return &VersionedStore[K, V]{
		in: o.Instance, store: o.Store, layers: o.Layers, key: k, value: v, nulls: flow.NullsOf[V](),
		lend: !serde.Copies(v), history: o.Store.RetentionMillis, highest: -1, saved: -1, sweep: w,
	}
}

// Put sets the value that k has from a time on, until the next version that
// there is. A null ends the value before. A put at the time of a version
// replaces it; one that is older than the history is left out and counted as a
// dropped record.
func (s *VersionedStore[K, V]) Put(k K, v V, at time.Time) (Placed, error) {
	return s.put(k, v, !s.nulls.Is(&v), at.UnixMilli())
}

// Delete ends the value that k had at a time, and returns it. There is none for a
// time that is older than the history.
func (s *VersionedStore[K, V]) Delete(k K, at time.Time) (old Version[V], had bool, err error) {
	if old, had, err = s.GetAsOf(k, at); err != nil {
		return old, false, err
	}
	var none V
	p, err := s.put(k, none, false, at.UnixMilli())
	if p.Expired {
		return Version[V]{}, false, err
	}
	return old, had, err
}

// Update is Put with a time in milliseconds; it deletes unless has is set. late
// says that the version is not the latest of its key.
func (s *VersionedStore[K, V]) Update(k K, v V, has bool, at int64, _ serde.Headers) (late, expired bool, err error) {
	p, err := s.put(k, v, has && !s.nulls.Is(&v), at)
	return !p.Until.IsZero(), p.Expired, err
}

func (s *VersionedStore[K, V]) put(k K, v V, has bool, at int64) (p Placed, err error) {
	if s.layers.Frozen() {
		return p, ErrReadOnly
	}
	if at < 0 {
		return p, fmt.Errorf("time %d is negative", at)
	}
	if err := s.encodeKey(k); err != nil {
		return p, err
	}
	b := append(s.vbuf[:0], versionGone)
	if has {
		b[0] = versionThere
		if b, err = s.value.AppendTo(b, v); err != nil {
			return p, fmt.Errorf("value: %w", err)
		}
	}
	s.vbuf = b
	s.highest = max(s.highest, at)
	if at < s.horizon() {
		// The changelog gets it all the same, as Java's does.
		s.layers.Log(s.versionKey(at), b, at, nil)
		s.in.Dropped(s.store.Nodes[0], "older than the history of the store "+s.store.Name)
		return Placed{Expired: true}, nil
	}
	if s.isLatest(at) {
		s.latestFrom = at
	} else {
		until, more, err := s.next(at)
		if err != nil {
			return p, err
		}
		if more {
			p.Until = time.UnixMilli(until)
		}
		s.latestKey = s.latestKey[:0]
	}
	s.layers.Put(s.versionKey(at), b, at, nil)
	return p, s.sweep.step(s.horizon())
}

// horizon is the time before which there is no history.
func (s *VersionedStore[K, V]) horizon() int64 { return s.highest - s.history }

// restored takes note of a version that came from the changelog. One that was
// expired when it was put is in the changelog too: it goes.
func (s *VersionedStore[K, V]) restored(key []byte, at int64) {
	if at > s.highest {
		s.highest, s.saved = at, at
		s.layers.Keep(stateKey, appendTime(nil, at))
	}
	if at < s.horizon() {
		s.layers.Keep(key, nil)
	}
}

// save writes the highest time down with a commit, so that a later run over the
// same files has the same history. The changelog does not have it.
func (s *VersionedStore[K, V]) save() {
	if s.highest > s.saved {
		s.saved = s.highest
		s.layers.Mark(stateKey, appendTime(nil, s.highest))
	}
}

func (s *VersionedStore[K, V]) load() error {
	b, ok, err := s.layers.Peek(stateKey)
	switch {
	case err != nil || !ok:
		return err
	case len(b) != 8:
		return fmt.Errorf("state: %w", errShort)
	}
	s.highest = int64At(b)
	s.saved = s.highest
	return nil
}

// refresh takes note of what was put into a store that others write.
func (s *VersionedStore[K, V]) refresh() error {
	if !s.layers.Frozen() {
		return nil
	}
	return s.load()
}

func (s *VersionedStore[K, V]) encodeKey(k K) error {
	b, err := s.key.AppendTo(append(s.kbuf[:0], 0, 0, 0, 0), k)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	s.kbuf = sized(b)
	return nil
}

// versionKey is the entry of the version of the key in work that begins at a time.
func (s *VersionedStore[K, V]) versionKey(at int64) []byte {
	n := len(s.kbuf)
	s.kbuf = appendTime(s.kbuf, at)
	key := s.kbuf
	s.kbuf = s.kbuf[:n]
	return key
}
