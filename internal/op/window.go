package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// WindowSpec is a store that aggregates the records of each key by windows.
type WindowSpec[K, V, A any] struct {
	Store  *graph.Store
	Key    serde.Serde[window.Key[K]]
	Window window.Window

	// Init gives the aggregate before the first record of a window. Without it
	// the first record becomes the aggregate by First: a reduce.
	Init  func() A
	First func(v V) A
	Add   func(k K, v V, a A) A

	// Nulls says that null values count too. Where it is not set they do if the
	// type can say null. Sliding windows never take them.
	Nulls bool
	// SendOld says, when the node is bound, whether a node behind needs old values.
	SendOld func() bool
	// Relay marks a node that shares its store with others, in front of a merge.
	Relay bool
}

// WindowAggregate aggregates a stream by key and window. Null keys are dropped.
// A record that is late for a window is left out of it and counted. A result has
// the highest time of the records that went into it.
func WindowAggregate[K, V, A any](spec WindowSpec[K, V, A]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		w, err := bindWindows(b, n, &spec)
		if err != nil {
			return nil, err
		}
		if sliding, ok := spec.Window.(window.SlidingWindow); ok {
			s := newSliding(w, sliding)
			b.OnStart(s.start)
			w.onIdle(b, n, sliding.SizeMillis()+1)
			return flow.Next[K, V](s.process), nil
		}
		a := &alignedWindows[K, V, A]{windows: w, window: spec.Window.(window.Aligned)}
		b.OnStart(a.start)
		w.onIdle(b, n, a.window.SizeMillis())
		return flow.Next[K, V](a.process), nil
	}
}

// windows is what aligned and sliding windows share.
type windows[K, V, A any] struct {
	*WindowSpec[K, V, A]
	closing
	store  *state.WindowStore[K, A]
	out    *Forwarder[window.Key[K], A]
	toLate flow.Next[K, V] // nil for none
	nulls  flow.Nulls[A]
	meta   *flow.Meta // of the record in work
	emit   func(k window.Key[K], a A, at int64) error
}

func bindWindows[K, V, A any](b *graph.Binder, n *graph.Node, spec *WindowSpec[K, V, A]) (*windows[K, V, A], error) {
	v, err := b.Store(spec.Store)
	if err != nil {
		return nil, err
	}
	store := v.(*state.WindowStore[K, A])
	var out *Forwarder[window.Key[K], A]
	switch {
	case spec.Relay:
		out, err = NewRelay[window.Key[K], A](b, n, spec.Store)
	case spec.Store.EmitOnClose:
		out, err = NewForwarder[window.Key[K], A](b, n, nil, false, nil, nil)
	default:
		out, err = NewForwarder(b, n, spec.Store, spec.SendOld(), spec.Key, store.FindHeld)
	}
	if err != nil {
		return nil, err
	}
	late, err := lateNext[K, V](b, n)
	if err != nil {
		return nil, err
	}
	spec.Nulls = spec.Nulls || flow.NullsOf[V]().Possible()
	w := &windows[K, V, A]{
		WindowSpec: spec, closing: newClosing(b, n, spec.Store, spec.Window.GraceMillis()),
		store: store, out: out, toLate: late, nulls: flow.NullsOf[A](),
	}
	w.emit = w.send
	return w, nil
}

// send sends on a window that has closed, with the headers of the record in
// work.
func (w *windows[K, V, A]) send(k window.Key[K], a A, at int64) error {
	var none A
	saved := w.meta.Final
	w.meta.Final = true
	err := w.out.Send(k, flow.Change[A]{New: a, HasNew: true}, none, false, at, w.meta)
	w.meta.Final = saved
	return err
}

// emitClosed sends on the windows that have closed, which are those that start
// up to last.
func (w *windows[K, V, A]) emitClosed(closed, last int64, m *flow.Meta) error {
	if !w.due(closed) {
		return nil
	}
	if last >= 0 {
		w.meta = m
		if err := w.store.Emit(last, w.emit); err != nil {
			return err
		}
	}
	w.done(closed)
	return nil
}

// onIdle lets windows that take size to close do so when no records come.
func (w *windows[K, V, A]) onIdle(b *graph.Binder, n *graph.Node, size int64) {
	b.Instance.OnIdle(n, func(stream int64) error {
		closed, moved := w.idle(stream, upTo(size, w.lag))
		if !moved || !w.emits {
			return nil
		}
		return w.emitClosed(closed, lastClosed(closed, size), w.in.Meta())
	})
}

// takes says whether a record goes into windows at all.
func (w *windows[K, V, A]) takes(m *flow.Meta, nulls bool) bool {
	if m.NoKey || m.NoValue && !nulls {
		w.in.Dropped(w.node, "null key or value")
		return false
	}
	return true
}

// held is what a window holds before a record.
type held[A any] struct {
	a     A
	at    int64
	has   bool // there is an aggregate
	there bool // and it is the window's own, which so is in the store
}

// update adds a record to a window.
func (w *windows[K, V, A]) update(k window.Key[K], v V, old held[A], m *flow.Meta) error {
	m.Node = int32(w.node.ID)
	c := flow.Change[A]{Old: old.a, HasOld: old.has}
	time := m.Time
	switch {
	case old.has:
		time = max(old.at, m.Time)
		c.New = w.Add(k.Key, v, old.a)
	case w.Init != nil:
		c.Old = w.Init()
		c.HasOld = !w.nulls.Is(&c.Old)
		c.New = w.Add(k.Key, v, c.Old)
	default:
		c.New = w.First(v)
	}
	c.HasNew = !w.nulls.Is(&c.New)
	if err := w.put(k, c.New, c.HasNew, time, old.there, m); err != nil || w.emits {
		return err
	}
	var was A
	if old.there {
		was = old.a
	}
	return w.out.Send(k, c, was, old.there, time, m)
}

// put sets the aggregate of a window; there says that it had one before.
func (w *windows[K, V, A]) put(k window.Key[K], a A, has bool, time int64, there bool, m *flow.Meta) error {
	if !has && !there && w.out.Holds() {
		return nil // a cache keeps from the store what it never had
	}
	if _, _, err := w.store.Update(k, a, has, time, m.Headers); err != nil {
		return err
	}
	if w.emits && has && !there {
		return w.store.Created(k)
	}
	return nil
}

// alignedWindows aggregates by windows that depend on time only.
type alignedWindows[K, V, A any] struct {
	*windows[K, V, A]
	window window.Aligned
}

func (a *alignedWindows[K, V, A]) start() error {
	emitted := a.closing.start(a.store.Observed())
	if !a.emits {
		return nil
	}
	return a.store.StartEmitting(lastClosed(emitted, a.window.SizeMillis()))
}

// lastClosed is the start of the last window that ends at a time, below 0 for none.
func lastClosed(closed, size int64) int64 {
	if closed < size {
		return -1
	}
	return closed - size
}

func (a *alignedWindows[K, V, A]) process(k K, v V, m *flow.Meta) error {
	if !a.takes(m, a.Nulls) {
		return nil
	}
	closed := a.observe(m.Time)
	late := false
	for start, ok := a.window.First(m.Time); ok; start, ok = a.window.Next(start, m.Time) {
		key := window.Key[K]{Key: k, Start: start, End: a.window.End(start)}
		if key.End <= closed {
			a.late()
			late = true
			continue
		}
		old, at, had, err := a.store.Find(key)
		if err != nil {
			return err
		}
		if err := a.update(key, v, held[A]{old, at, had, had}, m); err != nil {
			return err
		}
	}
	if late && a.toLate != nil {
		if err := a.toLate(k, v, m); err != nil {
			return err
		}
	}
	return a.emitClosed(closed, lastClosed(closed, a.window.SizeMillis()), m)
}
