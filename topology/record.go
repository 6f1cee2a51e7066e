package topology

import (
	"errors"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// Header and Headers are those of a record.
type (
	Header  = serde.Header
	Headers = serde.Headers
)

var errNoPartitionTime = errors.New("timestamp is negative and the partition has none before it")

// Record is a record as a processor sees it.
//
// For types that can say null (pointers, slices, maps, interfaces, serde.Null)
// nil is null both ways, and NoKey and NoValue only tell. For other types they
// decide: a processor that mends a null value clears NoValue, as WithValue does.
//
// The Headers are shared with other nodes. Add and Remove leave those of others
// as they are; Clone them before changing an entry in place.
type Record[K, V any] struct {
	Key     K
	Value   V
	NoKey   bool // the key is null, and Key a zero value
	NoValue bool // the value is null, and Value a zero value
	Time    time.Time
	Headers Headers
	Origin  Origin
}

// WithKey returns the record with another key, which is not null.
func (r Record[K, V]) WithKey[K2 any](k K2) Record[K2, V] {
	return Record[K2, V]{Key: k, Value: r.Value, NoValue: r.NoValue, Time: r.Time, Headers: r.Headers, Origin: r.Origin}
}

// WithValue returns the record with another value, which is not null.
func (r Record[K, V]) WithValue[V2 any](v V2) Record[K, V2] {
	return Record[K, V2]{Key: r.Key, Value: v, NoKey: r.NoKey, Time: r.Time, Headers: r.Headers, Origin: r.Origin}
}

// Origin is where the input record came from that caused a record. It is zero
// in a punctuation.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

func recordOf[K, V any](k K, v V, m *flow.Meta) Record[K, V] {
	return Record[K, V]{
		Key: k, Value: v, NoKey: m.NoKey, NoValue: m.NoValue, Time: time.UnixMilli(m.Time),
		Headers: slices.Clip(m.Headers), // so that Add copies
		Origin:  originOf(m.Origin),
	}
}

func originOf(o *flow.Origin) Origin {
	if o == nil {
		return Origin{}
	}
	return Origin{o.Topic, o.Partition, o.Offset}
}
