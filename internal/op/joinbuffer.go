package op

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// Grace is how long the records of a stream wait for late updates of the table
// that it is joined with, and where.
type Grace[K, V any] struct {
	Store  *graph.Store
	Millis int64
}

// DefineJoinBuffer makes st the store of records that wait.
func DefineJoinBuffer[K, V any](st *graph.Store, grace int64, key serde.Serde[K], value serde.Serde[V]) *Grace[K, V] {
	st.Kind, st.InMemory, st.Ordered, st.Layout = graph.BufferStore, true, true, joinBufferLayout{}
	st.Open = func(o graph.Opening) (any, error) {
		return &JoinBuffer[K, V]{
			layers: o.Layers, grace: grace, stream: -1, lowest: noRecord,
			key: serde.Bind(key, o.Changelog, true), value: serde.Bind(value, o.Changelog, false),
		}, nil
	}
	st.OnRestore = func(store any, key, _ []byte, _ *overlay.Record) { store.(*JoinBuffer[K, V]).restored(key) }
	return &Grace[K, V]{Store: st, Millis: grace}
}

// JoinBuffer holds records of a stream in the order of their times, those of
// one time by key and arrival. It belongs to the task's worker goroutine.
//
// A key is 00, the time, the record's key and a number that tells records of
// one key and time apart. A value has the layout of a suppress buffer's.
type JoinBuffer[K, V any] struct {
	layers *overlay.Store
	grace  int64
	key    serde.Serde[K]
	value  serde.Serde[V]

	stream int64 // the highest time put so far
	lowest int64 // no record that is held is older
	seq    uint32
	len    int
	kbuf   []byte
	vbuf   []byte
	nbuf   []byte
}

const (
	noRecord   int64 = math.MaxInt64
	bufferHead       = 1 + 8 // of a key: 00 and the time
	bufferTail       = 4
)

var errJoinBuffer = errors.New("entry of a join's buffer is malformed")

// Len returns the number of records that wait.
func (s *JoinBuffer[K, V]) Len() int { return s.len }

// MinTime returns a time that no record that waits is older than. ok is false
// when none waits.
func (s *JoinBuffer[K, V]) MinTime() (at int64, ok bool) { return s.lowest, s.len > 0 }

// put holds a record back; late says that its time has passed already, or that
// it has no key to be looked up. It then is not held.
func (s *JoinBuffer[K, V]) put(k K, v V, m *flow.Meta) (late bool, err error) {
	if m.NoKey || s.stream-s.grace > m.Time {
		return true, nil
	}
	s.seq = (s.seq + 1) & math.MaxInt32
	b := binary.BigEndian.AppendUint64(append(s.kbuf[:0], 0), uint64(m.Time))
	if b, err = s.key.AppendTo(b, k); err != nil {
		return false, fmt.Errorf("key: %w", err)
	}
	s.kbuf = binary.BigEndian.AppendUint32(b, s.seq)
	if s.nbuf, err = s.value.AppendTo(s.nbuf[:0], v); err != nil {
		return false, fmt.Errorf("value: %w", err)
	}
	if s.nbuf == nil {
		s.nbuf = []byte{}
	}
	e := Buffered{Time: m.Time, Headers: m.Headers, New: s.nbuf}
	if o := m.Origin; o != nil {
		e.Offset, e.Topic, e.Partition = o.Offset, o.Topic, o.Partition
	}
	s.vbuf = e.Append(s.vbuf[:0])
	s.layers.Put(s.kbuf, s.vbuf, m.Time, nil)
	s.stream, s.lowest = max(s.stream, m.Time), min(s.lowest, m.Time)
	s.len++
	return false, nil
}

// evict calls f with each record whose time has passed, as if it came just now.
// m is that of the record in work.
func (s *JoinBuffer[K, V]) evict(m *flow.Meta, f func(k K, v V, m *flow.Meta) error) error {
	until := s.stream - s.grace
	if s.len == 0 || until < s.lowest {
		return nil
	}
	saved := *m
	var failed error
	lo := binary.BigEndian.AppendUint64([]byte{0}, uint64(s.lowest))
	hi := binary.BigEndian.AppendUint64([]byte{0}, uint64(until+1))
	err := s.layers.Scan(lo, hi, false, true, func(key, value []byte) bool {
		if failed = s.emit(key, value, m, f); failed != nil {
			return false
		}
		s.layers.Delete(key, saved.Time, nil)
		s.len--
		return true
	})
	saved.Node = m.Node // which tells where a panic comes from
	*m = saved
	if err == nil {
		err = failed
	}
	s.lowest = until + 1
	if s.len == 0 {
		s.lowest = noRecord
	}
	return err
}

func (s *JoinBuffer[K, V]) emit(key, value []byte, m *flow.Meta, f func(k K, v V, m *flow.Meta) error) error {
	if len(key) < bufferHead+bufferTail {
		return errJoinBuffer
	}
	e, err := ParseBuffered(value)
	if err != nil {
		return errJoinBuffer
	}
	k, err := s.key.Decode(append([]byte{}, key[bufferHead:len(key)-bufferTail]...))
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	v, err := s.value.Decode(e.New)
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	*m = flow.Meta{Time: e.Time, Headers: e.Headers, Node: m.Node,
		Origin: &flow.Origin{Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Time: e.Time, Headers: e.Headers}}
	return f(k, v, m)
}

// restored notes what an entry of the changelog tells, also of one that is gone.
func (s *JoinBuffer[K, V]) restored(key []byte) {
	if len(key) >= bufferHead+bufferTail {
		s.stream = max(s.stream, int64(binary.BigEndian.Uint64(key[1:])))
		s.seq = max(s.seq, binary.BigEndian.Uint32(key[len(key)-bufferTail:]))
	}
}

// start counts the records that were restored.
func (s *JoinBuffer[K, V]) start() error {
	return s.layers.Scan(nil, nil, false, false, func(key, _ []byte) bool {
		if len(key) >= bufferHead {
			s.lowest = min(s.lowest, int64(binary.BigEndian.Uint64(key[1:])))
			s.len++
		}
		return true
	})
}

// joinBufferLayout is that of records that wait: their changelog says nothing
// of the format, and leaves the time to the producer.
type joinBufferLayout struct{}

func (joinBufferLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key, r.Value, r.Time, r.Headers = key, value, overlay.ProducerTime, nil
}

func (joinBufferLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	return r.Key, r.Value, r.Key != nil
}
