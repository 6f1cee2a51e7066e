package op

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// ErrSuppressFull is wrapped by the error of a suppress buffer that is full and
// may not emit early.
var ErrSuppressFull = errors.New("suppress buffer is full")

// SuppressSpec is a table whose updates wait.
type SuppressSpec[K, V any] struct {
	Store *graph.Store
	Key   serde.Serde[K]
	Value serde.Serde[V]

	Wait  int64 // milliseconds of stream time behind the buffer time
	Final bool  // the buffer time is the end of the key's window, and deletes are left out

	MaxRecords int  // 0: no limit
	MaxBytes   int  // 0: no limit
	Strict     bool // a full buffer is an error
}

// Suppress holds the last update of each key until its time has come, or the
// buffer is full.
func Suppress[K, V any](spec SuppressSpec[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		buffer, err := suppressBuffer(b, spec.Store)
		if err != nil {
			return nil, err
		}
		next, err := graph.Children[K, flow.Change[V]](b, n)
		if err != nil {
			return nil, err
		}
		b.OnStart(func() error { buffer.Start(); return nil })
		s := &suppress[K, V]{
			SuppressSpec: spec, in: b.Instance, buffer: buffer, next: next, seen: -1,
			key: newChangelogSerde(b, spec.Store, spec.Key, true), value: newChangelogSerde(b, spec.Store, spec.Value, false),
		}
		s.end, _ = any(&s.at).(windowed)
		b.Instance.OnIdle(n, s.idle)
		if s.MaxRecords == 0 {
			s.MaxRecords = math.MaxInt
		}
		if s.MaxBytes == 0 {
			s.MaxBytes = math.MaxInt
		}
		return flow.Next[K, flow.Change[V]](s.process), nil
	}
}

func suppressBuffer(b *graph.Binder, st *graph.Store) (*SuppressBuffer, error) {
	s, err := b.Store(st)
	if err != nil {
		return nil, err
	}
	return s.(*SuppressBuffer), nil
}

// changelogSerde is a serde for a changelog, with a buffer to encode into.
type changelogSerde[T any] struct {
	serde serde.Serde[T]
	buf   []byte
}

func newChangelogSerde[T any](b *graph.Binder, st *graph.Store, s serde.Serde[T], key bool) changelogSerde[T] {
	return changelogSerde[T]{serde: serde.Bind(s, graph.Changelog(b.Instance, st), key)}
}

// encode returns bytes that are valid until the next call, nil if there is nothing.
func (c *changelogSerde[T]) encode(v T, has bool) ([]byte, error) {
	if !has {
		return nil, nil
	}
	b, err := c.serde.AppendTo(c.buf[:0], v)
	if err != nil {
		return nil, err
	}
	if b == nil {
		b = []byte{}
	}
	c.buf = b
	return b, nil
}

type suppress[K, V any] struct {
	SuppressSpec[K, V]
	in     graph.Instance
	buffer *SuppressBuffer
	next   flow.Next[K, flow.Change[V]]
	key    changelogSerde[K]
	value  changelogSerde[V]
	old    []byte
	seen   int64 // highest time so far
	origin flow.Origin

	// end is the window of the key in at, nil where the type does not tell.
	end windowed
	at  K
}

type windowed interface{ EndTime() time.Time }

func (s *suppress[K, V]) process(k K, c flow.Change[V], m *flow.Meta) error {
	s.seen = max(s.seen, m.Time)
	if err := s.hold(k, c, m); err != nil {
		return err
	}
	if err := s.passed(m); err != nil {
		return err
	}
	for s.full() {
		if s.Strict {
			return fmt.Errorf("store %s: %w: %d keys of %d bytes", s.Store.Name, ErrSuppressFull, s.buffer.Len(), s.buffer.Bytes())
		}
		if err := s.emit(m); err != nil {
			return err
		}
	}
	return nil
}

// passed emits the updates whose time has come.
func (s *suppress[K, V]) passed(m *flow.Meta) error {
	for {
		if at, ok := s.buffer.MinTime(); !ok || at > s.seen-s.Wait {
			return nil
		}
		if err := s.emit(m); err != nil {
			return err
		}
	}
}

// idle emits what is due by the time that went on without records.
func (s *suppress[K, V]) idle(stream int64) error {
	if s.buffer.Len() == 0 {
		return nil
	}
	s.seen = max(s.seen, stream)
	return s.passed(s.in.Meta())
}

func (s *suppress[K, V]) full() bool {
	return s.buffer.Len() > s.MaxRecords || s.buffer.Bytes() > s.MaxBytes
}

func (s *suppress[K, V]) hold(k K, c flow.Change[V], m *flow.Meta) error {
	b := Buffered{Time: m.Time, Headers: m.Headers, At: m.Time}
	if s.Final {
		end, ok := s.windowEnd(k)
		if !ok {
			return errors.New("the key has no window")
		}
		b.At = end
	}
	if o := m.Origin; o != nil {
		b.Topic, b.Partition, b.Offset = o.Topic, o.Partition, o.Offset
	}
	key, err := s.key.encode(k, true)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	old, err := s.value.encode(c.Old, c.HasOld)
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	if old != nil {
		s.old = append(s.old[:0], old...)
		b.Old = s.old
		if b.Old == nil {
			b.Old = []byte{}
		}
	}
	if b.New, err = s.value.encode(c.New, c.HasNew); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return s.buffer.put(key, &b, m.Time)
}

// windowEnd is the end of the window of a key. It keeps the key where an
// interface can point to it, rather than to a copy for each record.
func (s *suppress[K, V]) windowEnd(k K) (int64, bool) {
	if s.end != nil {
		s.at = k
		return s.end.EndTime().UnixMilli(), true
	}
	w, ok := any(k).(windowed)
	if !ok {
		return 0, false
	}
	return w.EndTime().UnixMilli(), true
}

// emit sends the update that was buffered first, as if its record were in work.
func (s *suppress[K, V]) emit(m *flow.Meta) error {
	key, b, err := s.buffer.first()
	if err != nil {
		return err
	}
	size := b.Size(key)
	if b.New != nil || !s.Final {
		k, c, err := s.decode(key, &b)
		if err != nil {
			return err
		}
		saved := *m
		b.Headers = b.Headers.Clone() // what comes behind may keep them
		s.origin = flow.Origin{Topic: b.Topic, Partition: b.Partition, Offset: b.Offset, Time: b.Time, Headers: b.Headers}
		*m = flow.Meta{Time: b.Time, Headers: b.Headers, Origin: &s.origin, Final: s.Final || saved.Final}
		err = s.next(k, c, m)
		*m = saved
		if err != nil {
			return err
		}
	}
	s.buffer.remove(key, size, m.Time)
	return nil
}

func (s *suppress[K, V]) decode(key []byte, b *Buffered) (k K, c flow.Change[V], err error) {
	if k, err = s.key.serde.Decode(key); err != nil {
		return k, c, fmt.Errorf("key: %w", err)
	}
	if c.New, c.HasNew, err = s.row(b.New); err != nil {
		return k, c, err
	}
	c.Old, c.HasOld, err = s.row(b.Old)
	return k, c, err
}

// row decodes a row that may be kept for longer than its bytes.
func (s *suppress[K, V]) row(b []byte) (v V, has bool, err error) {
	if b == nil {
		return v, false, nil
	}
	if !serde.Copies(s.value.serde) {
		b = append(make([]byte, 0, len(b)), b...)
	}
	if v, err = s.value.serde.Decode(b); err != nil {
		return v, false, fmt.Errorf("value: %w", err)
	}
	return v, true, nil
}

// SuppressGetter reads the rows as they came out last: that from before it was
// buffered for a key that is, and that of get for others.
func SuppressGetter[K, V any](spec *SuppressSpec[K, V], get BindGetter[K, V]) BindGetter[K, V] {
	return func(b *graph.Binder) (Getter[K, V], error) {
		read, err := get(b)
		if err != nil {
			return nil, err
		}
		buffer, err := suppressBuffer(b, spec.Store)
		if err != nil {
			return nil, err
		}
		key := newChangelogSerde(b, spec.Store, spec.Key, true)
		s := &suppress[K, V]{value: newChangelogSerde(b, spec.Store, spec.Value, false)}
		return func(k K) (v V, at int64, ok bool, err error) {
			encoded, err := key.encode(k, true)
			if err != nil {
				return v, 0, false, fmt.Errorf("key: %w", err)
			}
			held, ok, err := buffer.find(encoded)
			if err != nil || !ok {
				if err == nil {
					return read(k)
				}
				return v, 0, false, err
			}
			v, ok, err = s.row(held.Prior)
			return v, -1, ok, err
		}, nil
	}
}
