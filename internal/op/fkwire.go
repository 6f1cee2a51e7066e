package op

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/serde"
)

// A foreign-key join keeps the rows of its left table as subscriptions to rows
// of the other one. A subscription goes to the partition of its foreign key
// through one internal topic, and answers come back to that of the primary key
// through another:
//
//	subscription: i8 version, i8 instruction, [16-byte hash], primary key, i32 partition
//	response:     i8 version, [16-byte hash], value or nothing for none
//
// The hash is that of the left row, whose answers to earlier ones are stale. The
// highest bit of the version is set if there is none, as the row is gone.
// Version 0 of a subscription has no partition.

// Instruction is what a subscription asks for.
type Instruction byte

// The instructions.
const (
	Unsubscribe          Instruction = iota // without an answer
	UnsubscribeAndAnswer                    // with none
	SubscribeAndAnswer                      // with the row, or with none
	Subscribe                               // and answer if there is a row
)

const (
	subscriptionVersion byte = 1 // the highest that is read
	responseVersion     byte = 0
	noHashFlag          byte = 0x80
	hashSize                 = 16
	unknownPartition         = -1
)

var (
	errSubscription = errors.New("subscription of a foreign-key join is malformed")
	errResponse     = errors.New("response of a foreign-key join is malformed")
)

// RowHash is the hash of an encoded row, if there is a row.
type RowHash struct {
	Sum [hashSize]byte
	Has bool
}

func hashOf(row []byte) (h RowHash) {
	a, b := hash.Murmur3(row)
	binary.BigEndian.PutUint64(h.Sum[:], a)
	binary.BigEndian.PutUint64(h.Sum[8:], b)
	h.Has = true
	return h
}

func (h *RowHash) appendHead(dst []byte, version byte, more ...byte) []byte {
	if !h.Has {
		version |= noHashFlag
	}
	dst = append(append(dst, version), more...)
	if h.Has {
		dst = append(dst, h.Sum[:]...)
	}
	return dst
}

// cutHash reads what comes behind the version byte, which says if there is a hash.
func cutHash(version byte, src []byte) (h RowHash, rest []byte, ok bool) {
	if version&noHashFlag != 0 {
		return h, src, true
	}
	if len(src) < hashSize {
		return h, nil, false
	}
	h.Has = true
	copy(h.Sum[:], src)
	return h, src[hashSize:], true
}

// Subscription is what a row of the left table asks of the other one.
type Subscription[K any] struct {
	Key         K // the primary key
	Instruction Instruction
	Hash        RowHash
	Partition   int32 // where the row is, -1 if the version does not tell
	Version     byte
}

// Subscriptions is the serde of subscriptions; key is that of the primary keys.
func Subscriptions[K any](key serde.Serde[K]) serde.Serde[Subscription[K]] {
	return subscriptions[K]{key}
}

type subscriptions[K any] struct{ key serde.Serde[K] }

// ForTopic implements serde.TopicBinder. Kafka Streams gives the serde of the
// primary keys the name of a topic that does not exist.
func (s subscriptions[K]) ForTopic(topic string, _ bool) serde.Serde[Subscription[K]] {
	return subscriptions[K]{serde.Bind(s.key, topic+"-pk", true)}
}

// AppendTo implements serde.Serde.
func (s subscriptions[K]) AppendTo(dst []byte, v Subscription[K]) ([]byte, error) {
	b, err := s.key.AppendTo(v.Hash.appendHead(dst, v.Version, byte(v.Instruction)), v.Key)
	if err != nil {
		return dst, fmt.Errorf("primary key: %w", err)
	}
	if v.Version > 0 {
		b = appendInt32(b, v.Partition)
	}
	return b, nil
}

// Decode implements serde.Serde.
func (s subscriptions[K]) Decode(src []byte) (v Subscription[K], err error) {
	if len(src) < 2 {
		return v, errSubscription
	}
	v.Version, v.Instruction, v.Partition = src[0]&^noHashFlag, Instruction(src[1]), unknownPartition
	if v.Version > subscriptionVersion {
		return v, fmt.Errorf("subscription of a foreign-key join has version %d, this program reads up to %d", v.Version, subscriptionVersion)
	}
	h, rest, ok := cutHash(src[0], src[2:])
	if !ok || v.Instruction > Subscribe {
		return v, errSubscription
	}
	v.Hash = h
	if v.Version > 0 {
		n := len(rest) - 4
		if n < 0 {
			return v, errSubscription
		}
		v.Partition = int32(binary.BigEndian.Uint32(rest[n:]))
		rest = rest[:n:n]
	}
	if v.Key, err = s.key.Decode(rest); err != nil {
		err = fmt.Errorf("primary key: %w", err)
	}
	return v, err
}

// Response is the answer to a subscription: the row of its foreign key, if there
// is one.
type Response[V any] struct {
	Hash      RowHash
	Value     V
	HasValue  bool
	Partition int32 // where it goes, -1 if that is not known; not encoded
}

// Responses is the serde of responses, made of that of the rows. An empty row
// can't be told from none.
func Responses[V any](value serde.Serde[V]) serde.Serde[Response[V]] {
	r := responses[V]{value}
	if h, ok := value.(serde.HeaderAware[V]); ok {
		return responsesRecord[V]{r, h}
	}
	return r
}

type responses[V any] struct{ value serde.Serde[V] }

// ForTopic implements serde.TopicBinder.
func (s responses[V]) ForTopic(topic string, key bool) serde.Serde[Response[V]] {
	return Responses(serde.Bind(s.value, topic, key))
}

// AppendTo implements serde.Serde.
func (s responses[V]) AppendTo(dst []byte, v Response[V]) ([]byte, error) {
	return appendResponse(dst, v, s.value.AppendTo)
}

// Decode implements serde.Serde.
func (s responses[V]) Decode(src []byte) (Response[V], error) {
	return decodeResponse(src, s.value.Decode)
}

type responsesRecord[V any] struct {
	responses[V]
	aware serde.HeaderAware[V]
}

// AppendRecord implements serde.HeaderAware.
func (s responsesRecord[V]) AppendRecord(dst []byte, v Response[V], h *serde.Headers) ([]byte, error) {
	return appendResponse(dst, v, func(dst []byte, v V) ([]byte, error) { return s.aware.AppendRecord(dst, v, h) })
}

// DecodeRecord implements serde.HeaderAware.
func (s responsesRecord[V]) DecodeRecord(src []byte, h serde.Headers) (Response[V], error) {
	return decodeResponse(src, func(src []byte) (V, error) { return s.aware.DecodeRecord(src, h) })
}

func appendResponse[V any](dst []byte, v Response[V], value func([]byte, V) ([]byte, error)) ([]byte, error) {
	b := v.Hash.appendHead(dst, responseVersion)
	if !v.HasValue {
		return b, nil
	}
	b, err := value(b, v.Value)
	if err != nil {
		return dst, err
	}
	return b, nil
}

func decodeResponse[V any](src []byte, value func([]byte) (V, error)) (v Response[V], err error) {
	if len(src) == 0 {
		return v, errResponse
	}
	v.Partition = unknownPartition
	if version := src[0] &^ noHashFlag; version != responseVersion {
		return v, fmt.Errorf("response of a foreign-key join has version %d, this program reads %d", version, responseVersion)
	}
	h, rest, ok := cutHash(src[0], src[1:])
	if !ok {
		return v, errResponse
	}
	v.Hash = h
	if len(rest) > 0 {
		v.Value, err = value(rest)
		v.HasValue = err == nil
	}
	return v, err
}
