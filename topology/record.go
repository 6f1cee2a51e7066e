package topology

import (
	"errors"
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

// Record is a record as a processor sees it. The Headers are shared with other
// nodes: Clone them before changing.
type Record[K, V any] struct {
	Key     K
	Value   V
	NoKey   bool // the key is null, and Key a zero value
	NoValue bool // the value is null, and Value a zero value
	Time    time.Time
	Headers Headers
	Origin  Origin
}

// Origin is where the input record came from that caused a record. It is zero
// in a punctuation.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

func recordOf[K, V any](k K, v V, m *flow.Meta) Record[K, V] {
	r := Record[K, V]{Key: k, Value: v, NoKey: m.NoKey, NoValue: m.NoValue, Time: time.UnixMilli(m.Time), Headers: m.Headers}
	if o := m.Origin; o != nil {
		r.Origin = Origin{o.Topic, o.Partition, o.Offset}
	}
	return r
}
