package op

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// The last byte of an encoded change says what it has. Those with a byte for
// the latest before it are read and never written, as in Kafka Streams. (KIP-904)
const (
	oldOnly byte = iota
	newOnly
	newAndOld // varint length of new, new, old
	oldOnlyLatest
	newOnlyLatest
	newAndOldLatest
)

var errChange = errors.New("change of a table is cut short")

// Changes is the serde of the updates of a table, made of that of its values,
// for the way through a repartition topic.
func Changes[V any](value serde.Serde[V]) serde.Serde[flow.Change[V]] {
	c := changes[V]{value}
	if h, ok := value.(serde.HeaderAware[V]); ok {
		return changesRecord[V]{c, h}
	}
	return c
}

type changes[V any] struct{ value serde.Serde[V] }

// ForTopic implements serde.TopicBinder.
func (c changes[V]) ForTopic(topic string, key bool) serde.Serde[flow.Change[V]] {
	return Changes(serde.Bind(c.value, topic, key))
}

// AppendTo implements serde.Serde.
func (c changes[V]) AppendTo(dst []byte, v flow.Change[V]) ([]byte, error) {
	return appendChange(dst, v, c.value.AppendTo)
}

// Decode implements serde.Serde.
func (c changes[V]) Decode(src []byte) (flow.Change[V], error) {
	return decodeChange(src, c.value.Decode)
}

type changesRecord[V any] struct {
	changes[V]
	aware serde.HeaderAware[V]
}

// AppendRecord implements serde.HeaderAware.
func (c changesRecord[V]) AppendRecord(dst []byte, v flow.Change[V], h *serde.Headers) ([]byte, error) {
	return appendChange(dst, v, func(dst []byte, v V) ([]byte, error) { return c.aware.AppendRecord(dst, v, h) })
}

// DecodeRecord implements serde.HeaderAware.
func (c changesRecord[V]) DecodeRecord(src []byte, h serde.Headers) (flow.Change[V], error) {
	return decodeChange(src, func(src []byte) (V, error) { return c.aware.DecodeRecord(src, h) })
}

func appendChange[V any](dst []byte, v flow.Change[V], value func([]byte, V) ([]byte, error)) ([]byte, error) {
	var err error
	b := dst
	switch {
	case v.HasNew && v.HasOld:
		if b, err = value(b, v.New); err != nil {
			return dst, err
		}
		// The length comes first, but is known only now: move the value up.
		var length [binary.MaxVarintLen64]byte
		n := binary.PutVarint(length[:], int64(len(b)-len(dst)))
		b = append(b, length[:n]...)
		copy(b[len(dst)+n:], b[len(dst):len(b)-n])
		copy(b[len(dst):], length[:n])
		if b, err = value(b, v.Old); err != nil {
			return dst, err
		}
		return append(b, newAndOld), nil
	case v.HasNew:
		if b, err = value(b, v.New); err != nil {
			return dst, err
		}
		return append(b, newOnly), nil
	case v.HasOld:
		if b, err = value(b, v.Old); err != nil {
			return dst, err
		}
		return append(b, oldOnly), nil
	}
	return dst, errors.New("change of a table has neither an old nor a new value")
}

func decodeChange[V any](src []byte, value func([]byte) (V, error)) (c flow.Change[V], err error) {
	if len(src) == 0 {
		return c, errChange
	}
	flag := src[len(src)-1]
	src = src[: len(src)-1 : len(src)-1]
	if flag >= oldOnlyLatest && flag <= newAndOldLatest {
		if len(src) == 0 {
			return c, errChange
		}
		c.Late = src[len(src)-1] == 0
		src = src[: len(src)-1 : len(src)-1]
		flag -= oldOnlyLatest
	}
	var fresh, old []byte
	switch flag {
	case oldOnly:
		old, c.HasOld = src, true
	case newOnly:
		fresh, c.HasNew = src, true
	case newAndOld:
		n, size := binary.Varint(src)
		if size <= 0 || n < 0 || n > int64(len(src)-size) {
			return c, errChange
		}
		src = src[size:]
		fresh, old, c.HasNew, c.HasOld = src[:n:n], src[n:], true, true
	default:
		return c, fmt.Errorf("change of a table has the unknown kind %d", flag)
	}
	if c.HasNew {
		if c.New, err = value(fresh); err != nil {
			return flow.Change[V]{}, fmt.Errorf("new value: %w", err)
		}
	}
	if c.HasOld {
		if c.Old, err = value(old); err != nil {
			return flow.Change[V]{}, fmt.Errorf("old value: %w", err)
		}
	}
	return c, nil
}
