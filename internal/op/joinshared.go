package op

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// The records of both streams of a left or outer join that have no match yet
// wait in one store, in the order of their times. A key is the time, the side
// and the record's key; a value is the list of the records of that key and time,
// as Kafka's list serializer writes it: 01, how many, and each with its length.

const (
	rightSide byte = 0
	leftSide  byte = 1

	sharedHead = 8 + 1
)

var errJoinShared = errors.New("entry of the unmatched records of a join is malformed")

// DefineJoinShared makes st the store of the records without a match.
func DefineJoinShared[K, L, R any](st *graph.Store, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R]) {
	st.Kind, st.Ordered, st.Layout = graph.KeyValueStore, true, sharedLayout{}
	st.Open = func(o graph.Opening) (any, error) {
		return &JoinShared[K, L, R]{
			layers: o.Layers, wall: o.Instance.WallTime, interval: o.Instance.EmitInterval(),
			stream: -1, lowest: math.MaxInt64, key: serde.Bind(key, o.Changelog, true),
			left: serde.Bind(left, o.Changelog, false), right: serde.Bind(right, o.Changelog, false),
		}, nil
	}
}

// JoinShared is the records without a match of a left or outer join, and the
// stream time that both sides of the join share. It belongs to the task's worker
// goroutine.
type JoinShared[K, L, R any] struct {
	layers   *overlay.Store
	wall     func() int64
	interval int64 // of wall clock between two sweeps
	key      serde.Serde[K]
	left     serde.Serde[L]
	right    serde.Serde[R]

	stream int64 // the highest time of either stream
	first  int64 // no record that waits is older
	lowest int64 // of the records that wait, as far as the last sweep saw; else the highest number
	due    int64 // wall clock of the next sweep
	kbuf   []byte
	vbuf   []byte
	ebuf   []byte
}

// reach is how long after its own time a record may find a match, by side.
type reach struct{ left, right int64 }

func (r reach) of(side byte) int64 {
	if side == leftSide {
		return r.left
	}
	return r.right
}

func (s *JoinShared[K, L, R]) entryKey(side byte, k K, at int64) ([]byte, error) {
	b := append(binary.BigEndian.AppendUint64(s.kbuf[:0], uint64(at)), side)
	b, err := s.key.AppendTo(b, k)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	s.kbuf = b
	return b, nil
}

// add lets the record in work wait.
func sharedAdd[K, L, R, V any](s *JoinShared[K, L, R], side byte, value serde.Serde[V], k K, v V, m *flow.Meta) error {
	key, err := s.entryKey(side, k, m.Time)
	if err != nil {
		return err
	}
	if s.ebuf, err = value.AppendTo(append(s.ebuf[:0], side), v); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	list, ok, err := s.layers.Peek(key)
	if err != nil {
		return err
	}
	if ok && len(list) < 5 {
		return errJoinShared
	}
	if !ok {
		list = []byte{1, 0, 0, 0, 0}
	}
	s.vbuf = append(s.vbuf[:0], list...)
	binary.BigEndian.PutUint32(s.vbuf[1:], binary.BigEndian.Uint32(s.vbuf[1:])+1)
	s.vbuf = append(appendInt32(s.vbuf, int32(len(s.ebuf))), s.ebuf...)
	s.layers.Put(key, s.vbuf, m.Time, nil)
	s.first, s.lowest = min(s.first, m.Time), min(s.lowest, m.Time)
	return nil
}

// matched removes the records of a side, key and time, which have a match now.
func (s *JoinShared[K, L, R]) matched(side byte, k K, at int64, m *flow.Meta) error {
	key, err := s.entryKey(side, k, at)
	if err != nil {
		return err
	}
	_, ok, err := s.layers.Peek(key)
	if err == nil && ok {
		s.layers.Delete(key, m.Time, nil)
	}
	return err
}

// sweep gives the records to f that can't find a match any more, in the order of
// their times, the right side first, and removes them. ahead is how long after
// the lowest time it may be worth while, by the side that asks.
//
// The lowest time is that of the record seen last, and not that of the first one
// that still waits: Kafka Streams decides by it when to sweep again.
func (s *JoinShared[K, L, R]) sweep(ahead int64, r reach, m *flow.Meta, f func(k K, l L, isLeft bool, r R, at int64) error) error {
	if s.lowest != math.MaxInt64 && s.lowest+ahead >= s.stream {
		return nil
	}
	now := s.wall()
	if now < s.due {
		return nil
	}
	s.due, s.lowest = now+s.interval, math.MaxInt64
	var open [2]bool
	var failed error
	from := binary.BigEndian.AppendUint64(nil, uint64(s.first))
	s.first = math.MaxInt64 // what is left is found below
	err := s.layers.Scan(from, nil, false, true, func(key, list []byte) bool {
		if len(key) < sharedHead || key[8] > leftSide {
			failed = errJoinShared
			return false
		}
		at, side := int64(binary.BigEndian.Uint64(key)), key[8]
		s.lowest = at
		if open[0] && open[1] {
			return false
		}
		if at+r.of(side) >= s.stream {
			open[side] = true
			s.first = min(s.first, at)
			return true
		}
		if failed = s.each(key, list, at, f); failed != nil {
			return false
		}
		s.layers.Delete(key, m.Time, nil)
		return true
	})
	if err = cmp.Or(failed, err); err != nil {
		s.first = 0
	}
	return err
}

// idle moves stream time on where no records come, and says whether a record
// waits that can't find a match any more then, for all that is known.
func (s *JoinShared[K, L, R]) idle(stream int64, r reach) bool {
	if s.first == math.MaxInt64 || stream <= s.stream || s.first+min(r.left, r.right) >= stream {
		return false
	}
	s.stream, s.lowest = stream, math.MaxInt64 // which sweeps in any case
	return true
}

// each calls f with the records of an entry.
func (s *JoinShared[K, L, R]) each(key, list []byte, at int64, f func(k K, l L, isLeft bool, r R, at int64) error) error {
	k, err := s.key.Decode(bytes.Clone(key[sharedHead:]))
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	in := bufferReader{src: list}
	if head := in.take(1); in.failed || head[0] != 1 {
		return errJoinShared
	}
	n := in.int32()
	if n < 0 {
		return errJoinShared
	}
	for ; n > 0; n-- {
		e := in.take(int(in.int32()))
		if in.failed || len(e) == 0 || e[0] != key[8] {
			return errJoinShared
		}
		var l L
		var r R
		if e[0] == leftSide {
			l, err = s.left.Decode(e[1:])
		} else {
			r, err = s.right.Decode(e[1:])
		}
		if err != nil {
			return fmt.Errorf("value: %w", err)
		}
		if err := f(k, l, e[0] == leftSide, r, at); err != nil {
			return err
		}
	}
	return in.end()
}

// Dump calls yield with every record that waits, in order, until it returns
// false. It is for tools that know the store but not its types.
func (s *JoinShared[K, L, R]) Dump(yield func(k, v any, isLeft bool, at int64) bool) error {
	stop := errors.New("stop")
	var failed error
	err := s.layers.Scan(nil, nil, false, true, func(key, list []byte) bool {
		if len(key) < sharedHead {
			failed = errJoinShared
			return false
		}
		failed = s.each(key, list, int64(binary.BigEndian.Uint64(key)), func(k K, l L, isLeft bool, r R, at int64) error {
			var v any = l
			if !isLeft {
				v = r
			}
			if !yield(k, v, isLeft, at) {
				return stop
			}
			return nil
		})
		return failed == nil
	})
	if failed != nil && failed != stop {
		return failed
	}
	return err
}

// sharedLayout is that of records without a match.
type sharedLayout struct{}

func (sharedLayout) ToLog(r *overlay.Record, key, value []byte) { r.Key, r.Value = key, value }

func (sharedLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	return r.Key, r.Value, len(r.Key) >= sharedHead
}
