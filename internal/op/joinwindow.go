package op

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// A join window keeps the records of one stream for as long as the other may
// have matches for them. Time is cut into segments; a segment is dropped as a
// whole when all of it is too old. A key in the layers is the segment's number,
// the record's key, its time and a number that tells records of one key and time
// apart; the changelog has it without the segment. Behind all of them lies what
// the changelog does not have: the highest time put so far and the last number.

const (
	segmentHead = 8
	windowTail  = 8 + 4 // of a key: time and sequence number
	leastMillis = 60_000
)

var (
	errJoinWindow = errors.New("entry of a join window is malformed")
	windowState   = []byte{0xfe} // no segment begins with it
)

// DefineJoinWindow makes st the store of one stream of a stream-stream join.
func DefineJoinWindow[K, V any](st *graph.Store, retention int64, key serde.Serde[K], value serde.Serde[V]) {
	segment := max(retention/2, leastMillis)
	st.Kind, st.RetentionMillis, st.Ordered = graph.WindowStore, retention, true
	st.Layout = joinWindowLayout{segment, st.Headers}
	st.Open = func(o graph.Opening) (any, error) {
		v := serde.Bind(value, o.Changelog, false)
		s := &JoinWindow[K, V]{
			in: o.Instance, layers: o.Layers, retention: retention, segment: segment, observed: -1,
			inMemory: o.Store.InMemory, headers: o.Store.Headers,
			key: serde.Bind(key, o.Changelog, true), value: v, lend: !serde.Copies(v),
		}
		o.Layers.AtCommit(s.save)
		return s, s.load()
	}
	st.OnRestore = func(store any, key, _ []byte, _ *overlay.Record) { store.(*JoinWindow[K, V]).restored(key) }
}

// JoinWindow is the records of one stream of a stream-stream join. It belongs to
// the task's worker goroutine.
type JoinWindow[K, V any] struct {
	in        graph.Instance
	layers    *overlay.Store
	retention int64
	segment   int64 // length of a segment
	observed  int64 // the highest time put so far
	live      int64 // the first segment that is not dropped
	seq       uint32
	changed   bool // since the state was written
	inMemory  bool
	headers   bool // entries keep their headers
	lend      bool // decoded values alias their bytes
	key       serde.Serde[K]
	value     serde.Serde[V]
	kbuf      []byte
	hbuf      []byte
	vbuf      []byte
}

func (s *JoinWindow[K, V]) appendKey(dst []byte, segment int64, k K, at int64) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(segment))
	dst, err := s.key.AppendTo(dst, k)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(at)), nil
}

// put keeps the record in work. One that is too old is counted as dropped by
// node n; it is logged all the same, as Kafka Streams does. A null value takes
// a number and is not kept.
func (s *JoinWindow[K, V]) put(n *graph.Node, k K, v V, m *flow.Meta) (err error) {
	s.seq, s.changed = (s.seq+1)&math.MaxInt32, true
	if m.NoValue && !s.inMemory {
		return nil
	}
	s.observed = max(s.observed, m.Time)
	oldest := s.observed - s.retention
	s.roll(oldest)
	segment := m.Time / s.segment
	if s.inMemory && m.Time <= oldest || !s.inMemory && segment < oldest/s.segment {
		s.in.Dropped(n, "older than the retention of the join window")
	}
	if m.NoValue {
		return nil
	}
	b, err := s.appendKey(s.kbuf[:0], segment, k, m.Time)
	if err != nil {
		return err
	}
	s.kbuf = binary.BigEndian.AppendUint32(b, s.seq)
	s.vbuf = s.vbuf[:0]
	if s.headers {
		s.vbuf = appendHeaders(s.vbuf, m.Headers)
	}
	if s.vbuf, err = s.value.AppendTo(s.vbuf, v); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	s.layers.Put(s.kbuf, s.vbuf, m.Time, m.Headers)
	return nil
}

// roll drops the segments that have nothing younger than oldest.
func (s *JoinWindow[K, V]) roll(oldest int64) {
	if live := max(oldest, 0) / s.segment; live > s.live {
		s.live = live
		s.layers.Expire(make([]byte, segmentHead), binary.BigEndian.AppendUint64(nil, uint64(live)))
	}
}

// fetch calls f with each record of k between two times, both included, in the
// order of their times.
func (s *JoinWindow[K, V]) fetch(k K, from, to int64, f func(v V, at int64) error) error {
	from = max(from, 0, s.observed-s.retention+1)
	if from > to {
		return nil
	}
	var err error
	if s.kbuf, err = s.appendKey(s.kbuf[:0], 0, k, 0); err != nil {
		return err
	}
	key := s.kbuf[segmentHead : len(s.kbuf)-8]
	for segment := from / s.segment; segment <= to/s.segment; segment++ {
		if err := s.scan(segment, key, from, to, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *JoinWindow[K, V]) scan(segment int64, key []byte, from, to int64, f func(v V, at int64) error) error {
	s.hbuf = append(binary.BigEndian.AppendUint64(s.hbuf[:0], uint64(segment)), key...)
	n := len(s.hbuf)
	var failed error
	err := s.layers.ScanKey(s.hbuf, windowTail, from, to, false, s.lend, func(entry, raw []byte) bool {
		if len(entry) != n+windowTail {
			return true // of another key, which begins like this one
		}
		v, _, err := s.decode(raw)
		if err == nil {
			err = f(v, int64(binary.BigEndian.Uint64(entry[n:])))
		}
		failed = err
		return err == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

func (s *JoinWindow[K, V]) decode(raw []byte) (v V, h serde.Headers, err error) {
	if s.headers {
		r := bufferReader{src: raw}
		h = r.headers()
		if r.failed {
			return v, nil, errJoinWindow
		}
		raw = r.src
	}
	if v, err = s.value.Decode(raw); err != nil {
		err = fmt.Errorf("value: %w", err)
	}
	return v, h, err
}

// restored takes note of an entry that came from the changelog.
func (s *JoinWindow[K, V]) restored(key []byte) {
	if len(key) < segmentHead+windowTail {
		return
	}
	tail := key[len(key)-windowTail:]
	at, seq := int64(binary.BigEndian.Uint64(tail)), binary.BigEndian.Uint32(tail[8:])
	if at > s.observed || seq > s.seq {
		s.observed, s.seq = max(s.observed, at), max(s.seq, seq)
		s.layers.Keep(windowState, s.state())
	}
}

// save writes the state down with a commit, so that a later run over the same
// files takes no record that this one would not, and keeps their order. Nobody
// reads any more what is too old by it.
func (s *JoinWindow[K, V]) save() {
	if s.changed {
		s.layers.Mark(windowState, s.state())
		s.layers.Unread(s.observed - s.retention + 1)
		s.changed = false
	}
}

func (s *JoinWindow[K, V]) state() []byte {
	s.vbuf = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(s.vbuf[:0], uint64(s.observed)), s.seq)
	return s.vbuf
}

func (s *JoinWindow[K, V]) load() error {
	b, ok, err := s.layers.Peek(windowState)
	switch {
	case err != nil || !ok:
		return err
	case len(b) != windowTail:
		return errJoinWindow
	}
	s.observed, s.seq = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])
	if s.observed < math.MaxInt64 {
		s.layers.WholeFrom(s.observed + 1)
	}
	return nil
}

// Dump calls yield with every record that is not too old, by segment, then by
// key, until it returns false. It is for tools that know the store but not its
// types.
func (s *JoinWindow[K, V]) Dump(yield func(k, v any, at int64, seq uint32, h serde.Headers) bool) error {
	var failed error
	err := s.layers.Scan(nil, windowState, false, true, func(entry, raw []byte) bool {
		if len(entry) < segmentHead+windowTail {
			failed = errJoinWindow
			return false
		}
		tail := entry[len(entry)-windowTail:]
		at := int64(binary.BigEndian.Uint64(tail))
		if at <= s.observed-s.retention {
			return true
		}
		k, err := s.key.Decode(bytes.Clone(entry[segmentHead : len(entry)-windowTail]))
		if err != nil {
			failed = fmt.Errorf("key: %w", err)
			return false
		}
		v, h, err := s.decode(raw)
		failed = err
		return err == nil && yield(k, v, at, binary.BigEndian.Uint32(tail[8:]), h)
	})
	if failed != nil {
		return failed
	}
	return err
}

// joinWindowLayout is that of join windows.
type joinWindowLayout struct {
	segment int64
	headers bool
}

// Tail implements overlay.Timed.
func (l joinWindowLayout) Tail() int { return windowTail }

func (l joinWindowLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key = key[segmentHead:]
	if value == nil {
		return
	}
	if l.headers {
		in := bufferReader{src: value}
		in.headers()
		value = in.src
	}
	r.Value = value
}

func (l joinWindowLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	if len(r.Key) < windowTail {
		return nil, nil, false
	}
	at := int64(binary.BigEndian.Uint64(r.Key[len(r.Key)-windowTail:]))
	if at < 0 {
		return nil, nil, false
	}
	key = binary.BigEndian.AppendUint64(make([]byte, 0, segmentHead+len(r.Key)), uint64(at/l.segment))
	key = append(key, r.Key...)
	switch {
	case r.Value == nil:
		return key, nil, true
	case l.headers:
		return key, append(appendHeaders(nil, r.Headers), r.Value...), true
	}
	return key, r.Value, true
}
