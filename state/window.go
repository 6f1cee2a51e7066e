package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// WindowTableSpec is the handle of a store that can hold the table of an
// aggregation over windows: a [WindowsSpec].
type WindowTableSpec[K, V any] interface {
	Spec
	windowsOf(K, V)
}

// WindowsSpec is the handle of a window store.
type WindowsSpec[K, V any] struct {
	base
	key   serde.Serde[K]
	value serde.Serde[V]
}

// Windows returns the handle of a window store: it keeps a value for each key
// and window, as long as its retention says. Retention and size of the windows
// follow from the operator that the handle is given to; a store for processors
// needs [Retention], and [WindowSize] to know where its windows end.
func Windows[K, V any](name string, key serde.Serde[K], value serde.Serde[V], opts ...Option) *WindowsSpec[K, V] {
	s := &WindowsSpec[K, V]{newBase(name, opts), key, value}
	s.checkSerdes(key, value)
	s.checkTime("window")
	if d := s.opts.window; d < 0 || d%time.Millisecond != 0 {
		s.opts.problems = append(s.opts.problems, fmt.Sprintf("the window size has to be a whole number of milliseconds, not %v", d))
	}
	return s
}

// WindowSize is the distance from the start of a window to its end, for window
// stores of processors. The default is none: windows end where they start.
func WindowSize(d time.Duration) Option { return func(o *options) { o.window = d } }

// Duplicates lets a window store keep all values that are put for a key and
// window, in their order, rather than the last one. Nothing can be deleted.
func Duplicates() Option { return func(o *options) { o.twins = true } }

// checkTime notes the mistakes of a store that keeps its entries for some time.
func (b *base) checkTime(kind string) {
	add := func(format string, args ...any) {
		b.opts.problems = append(b.opts.problems, fmt.Sprintf(format, args...))
	}
	if b.opts.lru > 0 {
		add("LRU is for key-value stores, this is a %s store", kind)
	}
	if d := b.opts.retention; d < 0 || d%time.Millisecond != 0 && d != math.MaxInt64 {
		add("the retention has to be a whole number of milliseconds, not %v", d)
	}
}

func (s *WindowsSpec[K, V]) windowsOf(K, V) {}

// KeySerde returns the serde of the keys, without their windows.
func (s *WindowsSpec[K, V]) KeySerde() serde.Serde[K] { return s.key }

// ValueSerde returns the serde of the values.
func (s *WindowsSpec[K, V]) ValueSerde() serde.Serde[V] { return s.value }

// Define describes the store for a topology.
func (s *WindowsSpec[K, V]) Define() *graph.Store {
	st := s.define(graph.WindowStore)
	st.Ordered, st.WindowMillis, st.JoinWindow = true, s.opts.window.Milliseconds(), s.opts.twins
	st.Layout = windowLayout{store: st, twins: s.opts.twins}
	st.Open = func(o graph.Opening) (any, error) { return openWindows(o, s.key, s.value, s.opts.twins) }
	st.OnRestore = func(store any, entry, value []byte, _ *overlay.Record) {
		w := store.(*WindowStore[K, V])
		if w.twins {
			w.time.numbered(entry)
		}
		w.time.restored(entry, value == nil)
	}
	return st
}

// In opens the store in a processor, which must have been given the handle. It
// panics if not; the app then reports the processor with its place.
func (s *WindowsSpec[K, V]) In(ctx Context) *WindowStore[K, V] {
	return open[*WindowStore[K, V]](ctx, s.name)
}

// WindowStore keeps values by key and window, which is known by its start. It
// belongs to one task and is not safe for concurrent use. Windows start at the
// epoch or later.
//
// A window leaves when its start is the retention, or more, behind the highest
// start put so far: it is no longer read then, and gone some time later.
type WindowStore[K, V any] struct {
	time   timeline
	layers *overlay.Store
	key    serde.Serde[K]
	values values[V]
	size   int64
	twins  bool
	// keyCopies says that decoded keys don't alias their bytes.
	keyCopies bool
	kbuf      []byte
	rbuf      []byte // of Each
}

func openWindows[K, V any](o graph.Opening, k serde.Serde[K], v serde.Serde[V], twins bool) (*WindowStore[K, V], error) {
	tail := 8
	if twins {
		tail += 4
	}
	l, err := openTimeline(o, tail)
	if err != nil {
		return nil, err
	}
	k, v = serde.Bind(k, o.Changelog, true), serde.Bind(v, o.Changelog, false)
	s := &WindowStore[K, V]{
		time: l, layers: o.Layers, key: k, values: newValues(v, o.Store.Headers, true),
		size: o.Store.WindowMillis, twins: twins, keyCopies: serde.Copies(k),
	}
	o.Layers.AtCommit(s.time.save)
	return s, nil
}

// entry encodes the entry of a key and window, which is valid until the next call.
func (s *WindowStore[K, V]) entry(k K, start int64) ([]byte, error) {
	b, err := s.key.AppendTo(append(s.kbuf[:0], noSegment...), k)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	b = appendInt64(b, start)
	s.time.setSegment(b, start)
	s.kbuf = b
	return b, nil
}

var noSegment = make([]byte, 8)

// Find returns the value of a key and window, and its time in milliseconds.
func (s *WindowStore[K, V]) Find(k window.Key[K]) (v V, at int64, ok bool, err error) {
	if err := s.time.refresh(); err != nil {
		return v, 0, false, err
	}
	if k.Start < s.time.floor() {
		return v, 0, false, nil
	}
	return s.FindHeld(k)
}

// FindHeld is Find for operators: it also returns a value that has expired
// since the last commit.
func (s *WindowStore[K, V]) FindHeld(k window.Key[K]) (v V, at int64, ok bool, err error) {
	if k.Start < 0 || s.twins {
		return v, 0, false, nil
	}
	b, err := s.entry(k.Key, k.Start)
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
	v, at, _, err = s.values.decode(raw)
	return v, at, err == nil, err
}

// Update sets the value of a key and window, or deletes it unless has is set,
// with a time in milliseconds and, in a store with headers, headers. expired is
// set when the window is too old to be kept; it is then counted as dropped.
func (s *WindowStore[K, V]) Update(k window.Key[K], v V, has bool, at int64, h serde.Headers) (late, expired bool, err error) {
	if s.layers.Frozen() {
		return false, false, ErrReadOnly
	}
	if k.Start < 0 {
		return false, false, fmt.Errorf("window starts at %d: before 1970", k.Start)
	}
	b, err := s.entry(k.Key, k.Start)
	if err != nil {
		return false, false, err
	}
	if !s.values.headers && !s.time.store.JoinWindow {
		h = nil
	}
	var raw []byte
	if has && !s.values.nulls.Is(&v) {
		if raw, err = s.values.encode(v, at, h); err != nil {
			return false, false, err
		}
	}
	if s.twins {
		if raw == nil {
			return false, false, nil
		}
		b = s.number(b)
	}
	return false, s.time.put(b, k.Start, raw, at, h), nil
}

// number appends the next sequence number. It goes on where an earlier run of
// the task ended, so that nothing is overwritten.
func (s *WindowStore[K, V]) number(b []byte) []byte {
	s.time.sequence = (s.time.sequence + 1) & math.MaxInt32
	s.time.changed = true
	s.kbuf = binary.BigEndian.AppendUint32(b, s.time.sequence)
	return s.kbuf
}

// put sets the entry of a position, or deletes it if value is nil.
func (l *timeline) put(entry []byte, at int64, value []byte, time int64, h serde.Headers) (expired bool) {
	l.observe(at)
	expired, gone := l.expired(at)
	if gone {
		l.layers.Log(entry, value, time, h)
		return true
	}
	if value != nil {
		l.layers.Put(entry, value, time, h)
		return expired
	}
	_, now, headers := l.in.Now()
	if !l.deleteHeaders() {
		headers = nil
	}
	l.layers.Delete(entry, now, headers)
	return expired
}

// deleteHeaders says whether the changelog's deletes have the headers of the
// record in work.
func (l *timeline) deleteHeaders() bool { return l.store.Headers || l.store.DeleteHeaders }

// Fetch returns the value of k in the window that starts at start. ok is false
// when there is none, and always in a store with duplicates.
func (s *WindowStore[K, V]) Fetch(k K, start time.Time) (v V, ok bool, err error) {
	v, _, ok, err = s.Find(window.Key[K]{Key: k, Start: start.UnixMilli()})
	return v, ok, err
}

// Put sets the value of k in the window that starts at start, at the time of
// the record in work. A null deletes it. A window that has expired is left out
// and counted as a dropped record.
func (s *WindowStore[K, V]) Put(k K, v V, start time.Time) error {
	if s.layers.Frozen() {
		return ErrReadOnly
	}
	_, now, h := s.time.in.Now()
	_, _, err := s.Update(window.Key[K]{Key: k, Start: start.UnixMilli()}, v, true, now, h)
	return err
}

// PutEntry is Put with the entry's own time and, in a store with headers, headers.
func (s *WindowStore[K, V]) PutEntry(e Entry[window.Key[K], V]) error {
	_, _, err := s.Update(e.Key, e.Value, true, e.Time.UnixMilli(), e.Headers)
	return err
}

// Delete removes the value of k in the window that starts at start.
func (s *WindowStore[K, V]) Delete(k K, start time.Time) error {
	if s.layers.Frozen() {
		return ErrReadOnly
	}
	var none V
	_, now, h := s.time.in.Now()
	_, _, err := s.Update(window.Key[K]{Key: k, Start: start.UnixMilli()}, none, false, now, h)
	return err
}

// windowKey decodes the key and window of an entry.
func (s *WindowStore[K, V]) windowKey(entry []byte) (k window.Key[K], err error) {
	key := s.time.keyOf(entry)
	if !s.keyCopies {
		key = bytes.Clone(key)
	}
	if k.Key, err = s.key.Decode(key); err != nil {
		return k, fmt.Errorf("key: %w", err)
	}
	k.Start = s.time.positionOf(entry)
	k.End = k.Start + s.size
	if k.End < k.Start {
		k.End = math.MaxInt64
	}
	return k, nil
}
