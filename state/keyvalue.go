package state

import (
	"fmt"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// KeyValueSpec is the handle of a key-value store.
type KeyValueSpec[K, V any] struct {
	base
	key   serde.Serde[K]
	value serde.Serde[V]
}

// KeyValue returns the handle of a key-value store. The name is also that of
// its changelog, <application id>-<name>-changelog. Mistakes are told when the
// topology is built.
//
//go:noinline
func KeyValue[K, V any](name string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *KeyValueSpec[K, V] {
	s := &KeyValueSpec[K, V]{newBase(name, opts), key, value}
	s.checkSerdes(key, value)
	return s
}

func (s *KeyValueSpec[K, V]) tableOf(K, V) {}

// KeySerde returns the serde of the keys.
func (s *KeyValueSpec[K, V]) KeySerde() serde.Serde[K] { return s.key }

// ValueSerde returns the serde of the values.
func (s *KeyValueSpec[K, V]) ValueSerde() serde.Serde[V] { return s.value }

// Define describes the store for a topology.
func (s *KeyValueSpec[K, V]) Define() *graph.Store {
	st := s.define(graph.KeyValueStore)
	st.Layout = timedLayout{}
	if s.opts.headers {
		st.Layout = headersLayout{}
	}
	lru, headers := s.opts.lru, s.opts.headers
	st.Open = func(o graph.Opening) (any, error) {
		return openKeyValue(o, s.key, s.value, headers, lru)
	}
	st.TTLMillis = s.opts.ttl.Milliseconds()
	st.OnRestore = onRestore[K, V](lru, st.TTLMillis > 0)
	return st
}

// In opens the store in a processor, which must have been given the handle. It
// panics if not; the app then reports the processor with its place.
func (s *KeyValueSpec[K, V]) In(ctx Context) *KeyValueStore[K, V] {
	return open[*KeyValueStore[K, V]](ctx, s.name)
}

func open[S any](ctx Context, name string) S {
	v, err := ctx.StateStore(name)
	if err != nil {
		panic(err)
	}
	s, ok := v.(S)
	if !ok {
		panic(fmt.Errorf("store %s: the topology has it as %T, not as %T", name, v, s))
	}
	return s
}

// Entry is a key with its value, the time of the record that set it and, in a
// store with headers, that record's headers.
type Entry[K, V any] struct {
	Key     K
	Value   V
	Time    time.Time
	Headers serde.Headers
}

// KeyValueStore keeps the last value of each key. It belongs to one task and is
// not safe for concurrent use. Keys are in order of their encoded bytes.
type KeyValueStore[K, V any] struct {
	in      graph.Instance
	layers  *overlay.Store
	key     serde.Serde[K]
	value   serde.Serde[V]
	nulls   flow.Nulls[V]
	lend    bool // decoded values alias their bytes
	headers bool
	// tombstones says that the deletes in the changelog have headers.
	tombstones bool
	lru        *lru
	expiry     *expiry[K, V] // nil unless keys expire
	// keyCopies says that decoded keys don't alias their bytes.
	keyCopies bool
	kbuf      []byte
	vbuf      []byte
	sealed    bool // read-only: a global store in other processors' hands, or a query's
}

func openKeyValue[K, V any](o graph.Opening, k serde.Serde[K], v serde.Serde[V], headers bool, max int) (*KeyValueStore[K, V], error) {
	k, v = serde.Bind(k, o.Changelog, true), serde.Bind(v, o.Changelog, false)
	s := &KeyValueStore[K, V]{
		in: o.Instance, layers: o.Layers, key: k, value: v,
		nulls: flow.NullsOf[V](), lend: !serde.Copies(v) || headers, headers: headers, tombstones: o.Store.Headers || o.Store.DeleteHeaders,
		keyCopies: serde.Copies(k), sealed: o.Layers.Frozen(),
	}
	if max > 0 {
		s.lru = newLRU(max)
	}
	return s, openExpiry(o, s)
}

// ReadOnly returns the store with its writes refused by [ErrReadOnly]: what the
// contexts of processors give out of global stores.
func (s *KeyValueStore[K, V]) ReadOnly() any {
	c := *s
	c.sealed, c.kbuf, c.vbuf = true, nil, nil
	return &c
}

func (s *KeyValueStore[K, V]) encodeKey(k K) ([]byte, error) {
	b, err := s.key.AppendTo(s.kbuf[:0], k)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	s.kbuf = b
	return b, nil
}

// Find returns the value of k and the time it was set at, in milliseconds.
func (s *KeyValueStore[K, V]) Find(k K) (v V, at int64, ok bool, err error) {
	v, at, _, ok, err = s.find(k)
	return v, at, ok, err
}

func (s *KeyValueStore[K, V]) find(k K) (v V, at int64, h serde.Headers, ok bool, err error) {
	b, err := s.encodeKey(k)
	if err != nil {
		return v, 0, nil, false, err
	}
	get := s.layers.Peek
	if s.lend {
		get = s.layers.Get
	}
	raw, ok, err := get(b)
	if err != nil || !ok {
		return v, 0, nil, false, err
	}
	if s.lru != nil {
		s.lru.use(b)
	}
	v, at, h, err = s.decode(raw)
	return v, at, h, err == nil, err
}

func (s *KeyValueStore[K, V]) decode(raw []byte) (v V, at int64, h serde.Headers, err error) {
	if s.headers {
		h, raw, err = cutHeaders(raw)
		if err != nil {
			return v, 0, nil, err
		}
	}
	at, raw, err = cutTime(raw)
	if err != nil {
		return v, 0, nil, err
	}
	v, err = s.value.Decode(raw)
	if err != nil {
		err = fmt.Errorf("value: %w", err)
	}
	return v, at, h, err
}

// Set puts v for k with a time in milliseconds and, in a store with headers,
// headers. A null v deletes k.
func (s *KeyValueStore[K, V]) Set(k K, v V, at int64, h serde.Headers) error {
	if s.sealed {
		return ErrReadOnly
	}
	if s.nulls.Is(&v) {
		return s.Remove(k)
	}
	key, err := s.encodeKey(k)
	if err != nil {
		return err
	}
	b := s.vbuf[:0]
	if s.headers {
		b = appendHeaders(b, h)
	} else {
		h = nil
	}
	b = appendTime(b, at)
	if b, err = s.value.AppendTo(b, v); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	s.vbuf = b
	if s.expiry != nil {
		if err := s.note(key, at); err != nil {
			return err
		}
	}
	s.layers.Put(key, b, at, h)
	if s.lru != nil {
		s.evict(key)
	}
	return nil
}

// Update sets k to v, or deletes it unless has is set. A key-value store keeps
// what came last, whatever its time: late and expired are false.
func (s *KeyValueStore[K, V]) Update(k K, v V, has bool, at int64, h serde.Headers) (late, expired bool, err error) {
	if !has {
		return false, false, s.Remove(k)
	}
	return false, false, s.Set(k, v, at, h)
}

// Remove deletes k. The time of the delete is that of the record in work.
func (s *KeyValueStore[K, V]) Remove(k K) error {
	if s.sealed {
		return ErrReadOnly
	}
	key, err := s.encodeKey(k)
	if err != nil {
		return err
	}
	_, now, h := s.in.Now()
	if !s.tombstones {
		h = nil
	}
	s.layers.Delete(key, now, h)
	if s.lru != nil {
		s.lru.remove(key)
	}
	return nil
}

// evict notes the use of key and drops the entries used longest ago when there
// are too many.
func (s *KeyValueStore[K, V]) evict(key []byte) {
	s.lru.add(key)
	for old, full := s.lru.oldest(); full; old, full = s.lru.oldest() {
		_, now, _ := s.in.Now()
		s.layers.Delete([]byte(old), now, nil)
	}
}

// Get returns the value of k. ok is false when there is none.
func (s *KeyValueStore[K, V]) Get(k K) (v V, ok bool, err error) {
	v, _, ok, err = s.Find(k)
	return v, ok, err
}

// GetEntry returns the value of k with its time and headers.
func (s *KeyValueStore[K, V]) GetEntry(k K) (e Entry[K, V], ok bool, err error) {
	v, at, h, ok, err := s.find(k)
	return Entry[K, V]{k, v, time.UnixMilli(at), h}, ok, err
}

// Put sets the value of k, at the time of the record in work. A null deletes k.
func (s *KeyValueStore[K, V]) Put(k K, v V) error {
	if s.sealed {
		return ErrReadOnly
	}
	_, now, h := s.in.Now()
	return s.Set(k, v, now, h)
}

// PutEntry sets a value with its time and, in a store with headers, headers.
func (s *KeyValueStore[K, V]) PutEntry(e Entry[K, V]) error {
	return s.Set(e.Key, e.Value, e.Time.UnixMilli(), e.Headers)
}

// PutIfAbsent sets the value of k unless there is one, which it returns.
func (s *KeyValueStore[K, V]) PutIfAbsent(k K, v V) (old V, had bool, err error) {
	old, had, err = s.Get(k)
	if err == nil && !had {
		err = s.Put(k, v)
	}
	return old, had, err
}

// Delete removes k and returns the value it had.
func (s *KeyValueStore[K, V]) Delete(k K) (old V, had bool, err error) {
	old, had, err = s.Get(k)
	if err == nil {
		err = s.Remove(k)
	}
	return old, had, err
}
