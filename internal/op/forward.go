package op

import (
	"container/list"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/serde"
)

// TableStore is a store that holds a table.
type TableStore[K, V any] interface {
	// Find returns the latest value of k and its time.
	Find(k K) (v V, at int64, ok bool, err error)

	// Update sets k to v, or deletes it unless has is set. expired is set when
	// the update is too old to be kept, late when it is not the latest.
	Update(k K, v V, has bool, at int64, h serde.Headers) (late, expired bool, err error)
}

// Forwarder sends the updates of a store downstream: each at once, or with a
// cache the last one of each key when the cache is flushed.
type Forwarder[K, V any] struct {
	in      graph.Instance
	node    int32
	next    flow.Next[K, flow.Change[V]]
	sendOld bool
	relay   bool // a merge behind has the cache, and wants what the store held before
	ends    bool // rows have the time of their session's end, deletes too

	// Of the cache only.
	key    serde.Serde[K]
	read   func(k K) (v V, at int64, ok bool, err error)
	dirty  map[string]*list.Element
	order  list.List // of *cached[K, V]; the front was updated first
	keyBuf []byte
	bytes  int
	count  *measure.Store
}

type cached[K, V any] struct {
	id      string
	k       K
	old     V
	hadOld  bool
	late    bool
	at      int64
	headers serde.Headers
	origin  flow.Origin // of the last update's record, without its bytes
	caused  bool        // there is an origin
}

// NewForwarder returns the Forwarder of store st in node n. read is how a
// flush finds the present value; key encodes keys to tell them apart.
func NewForwarder[K, V any](b *graph.Binder, n *graph.Node, st *graph.Store, sendOld bool,
	key serde.Serde[K], read func(k K) (V, int64, bool, error)) (*Forwarder[K, V], error) {
	next, err := graph.Children[K, flow.Change[V]](b, n)
	if err != nil {
		return nil, err
	}
	f := &Forwarder[K, V]{in: b.Instance, node: int32(n.ID), next: next, sendOld: sendOld, ends: ofSessions(st)}
	if st != nil && st.TTLMillis > 0 {
		if err := f.forwardExpired(b, st); err != nil {
			return nil, err
		}
	}
	if st != nil && st.Cached && b.Instance.CacheBytes() > 0 {
		f.key, f.read, f.dirty = key, read, make(map[string]*list.Element)
		f.count = b.Instance.Measure().Store(st.Name)
		f.count.Cached = true
		b.Instance.OnFlush(st, f.flush)
	}
	return f, nil
}

// forwardExpired lets the deletes of keys that expire be forwarded too.
func (f *Forwarder[K, V]) forwardExpired(b *graph.Binder, st *graph.Store) error {
	v, err := b.Store(st)
	if err != nil {
		return err
	}
	s, ok := v.(interface {
		Expires() bool
		OnExpire(f func(k K, v V, at int64) error)
	})
	if ok && s.Expires() {
		s.OnExpire(func(k K, v V, at int64) error {
			m := f.in.Meta()
			m.Node = f.node
			saved := m.Time
			m.Time = at
			err := f.Send(k, flow.Change[V]{Old: v, HasOld: true}, v, true, at, m)
			m.Time = saved
			return err
		})
	}
	return nil
}

// NewRelay returns the Forwarder of one of several nodes that keep a store,
// in front of a merge that has the store's cache.
func NewRelay[K, V any](b *graph.Binder, n *graph.Node, st *graph.Store) (*Forwarder[K, V], error) {
	next, err := graph.Children[K, flow.Change[V]](b, n)
	if err != nil {
		return nil, err
	}
	relay := st.Cached && b.Instance.CacheBytes() > 0
	return &Forwarder[K, V]{in: b.Instance, node: int32(n.ID), next: next, sendOld: true, relay: relay, ends: ofSessions(st)}, nil
}

func ofSessions(st *graph.Store) bool { return st != nil && st.Kind == graph.SessionStore }

// WantsOld says whether Send needs to know what the store held before.
func (f *Forwarder[K, V]) WantsOld() bool { return f.sendOld || f.dirty != nil }

// Holds says whether updates are held in a cache, that of a merge behind included.
func (f *Forwarder[K, V]) Holds() bool { return f.dirty != nil || f.relay }

// Send forwards an update that was made to the store at time at. was is what
// the store held before, which a cache compares with.
func (f *Forwarder[K, V]) Send(k K, c flow.Change[V], was V, had bool, at int64, m *flow.Meta) error {
	if !c.HasNew && !f.ends && f.Holds() {
		at = m.Time
	}
	if f.dirty != nil {
		return f.hold(k, c.Late, was, had, at, m)
	}
	switch {
	case f.relay:
		c.Old, c.HasOld = was, had
	case !f.sendOld:
		var none V
		c.Old, c.HasOld = none, false
	}
	saved := m.Time
	m.Time = at
	err := f.next(k, c, m)
	m.Time = saved
	return err
}

// hold keeps the update until the flush.
func (f *Forwarder[K, V]) hold(k K, late bool, was V, had bool, at int64, m *flow.Meta) error {
	b, err := f.key.AppendTo(f.keyBuf[:0], k)
	if err != nil {
		return err
	}
	f.keyBuf = b
	e := f.dirty[string(b)]
	if e == nil {
		c := &cached[K, V]{id: string(b), k: k, old: was, hadOld: had}
		e = f.order.PushBack(c)
		f.dirty[c.id] = e
		f.bytes += len(b) + 128
		f.count.Misses++
		f.count.CacheBytes = int64(f.bytes)
	} else {
		f.count.Hits++
		f.order.MoveToBack(e)
	}
	c := e.Value.(*cached[K, V])
	c.at, c.headers, c.late = at, m.Headers, late
	if c.caused = m.Origin != nil; c.caused {
		c.origin = *m.Origin
		c.origin.Key, c.origin.Value, c.origin.From = nil, nil, nil
	}
	if f.bytes > f.in.CacheBytes() {
		return f.flush()
	}
	return nil
}

// flush forwards what is held, in the order of the last updates. A key that is
// not there now and was not before is not worth a word.
func (f *Forwarder[K, V]) flush() error {
	m := f.in.Meta()
	saved := *m
	defer func() { // but for the node, which tells where a panic comes from
		saved.Node = m.Node
		*m = saved
	}()
	for e := f.order.Front(); e != nil; e = f.order.Front() {
		c := f.order.Remove(e).(*cached[K, V])
		delete(f.dirty, c.id)
		v, at, ok, err := f.read(c.k)
		if err != nil {
			return err
		}
		if !ok && !c.hadOld {
			continue
		}
		if !ok {
			at = c.at
		}
		change := flow.Change[V]{New: v, HasNew: ok, Late: c.late}
		if f.sendOld {
			change.Old, change.HasOld = c.old, c.hadOld
		}
		*m = flow.Meta{Time: at, Headers: c.headers, Node: f.node}
		if c.caused {
			m.Origin = &c.origin
		}
		if err := f.next(c.k, change, m); err != nil {
			return err
		}
	}
	f.bytes, f.count.CacheBytes = 0, 0
	return nil
}
