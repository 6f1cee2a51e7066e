package topology

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
)

// Topic is the handle of a topic: its name and the types of its records. It is
// given to builders, test drivers and tools. A Topic is a value; the methods
// return a changed copy. It is safe for concurrent use.
type Topic[K, V any] struct {
	name     string
	pattern  *regexp.Regexp
	problem  string
	key      serde.Serde[K]
	value    serde.Serde[V]
	reset    Reset
	extract  Extractor[K, V]
	partBy   Partitioner[K, V]
	dynamic  func(r Record[K, V]) string
	dynLabel string
}

// NewTopic returns the handle of a topic. Mistakes in it are told when the
// topology is built.
func NewTopic[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Topic[K, V] {
	return Topic[K, V]{name: name, key: key, value: value}
}

// Pattern returns the handle of all topics whose whole names match a regular
// expression. It can only be read. Topics that match later are read too.
func Pattern[K, V any](expr string, key serde.Serde[K], value serde.Serde[V]) Topic[K, V] {
	t := Topic[K, V]{key: key, value: value}
	re, err := regexp.Compile(expr)
	if err != nil {
		t.problem = "topic pattern: " + err.Error()
		re = regexp.MustCompile(regexp.QuoteMeta(expr))
	}
	re.Longest()
	t.pattern = re
	return t
}

// TopicBy returns the handle of topics that are chosen by each record. It can
// only be written, and the topics must exist. label is what describe shows.
func TopicBy[K, V any](label string, choose func(r Record[K, V]) string, key serde.Serde[K], value serde.Serde[V]) Topic[K, V] {
	t := Topic[K, V]{dynLabel: label, dynamic: choose, key: key, value: value}
	switch {
	case choose == nil:
		t.problem = "the function that chooses topic " + label + " is nil"
	case label == "":
		t.problem = "a topic that is chosen by record needs a label"
	}
	return t
}

// Name is the topic's name, or the pattern's text.
func (t Topic[K, V]) Name() string {
	if t.pattern != nil {
		return t.pattern.String()
	}
	return t.name
}

// KeySerde returns the serde of the keys.
func (t Topic[K, V]) KeySerde() serde.Serde[K] { return t.key }

// ValueSerde returns the serde of the values.
func (t Topic[K, V]) ValueSerde() serde.Serde[V] { return t.value }

// Reset is where a source starts without a committed offset.
type Reset struct{ r graph.Reset }

// Policy returns what r stands for. It is for the packages that run topologies.
func (r Reset) Policy() graph.Reset { return r.r }

// Offset reset policies (KIP-1106). The default of a topic is the app's
// setting, which defaults to Earliest.
var (
	Earliest = Reset{graph.Reset{Kind: graph.ResetEarliest}}
	Latest   = Reset{graph.Reset{Kind: graph.ResetLatest}}
	NoReset  = Reset{graph.Reset{Kind: graph.ResetNone}} // the lack of an offset is an error
)

// ByDuration starts at the records of the last d.
func ByDuration(d time.Duration) Reset {
	return Reset{graph.Reset{Kind: graph.ResetByDuration, By: d.Milliseconds()}}
}

// WithReset sets where a source starts without a committed offset.
func (t Topic[K, V]) WithReset(r Reset) Topic[K, V] { t.reset = r; return t }

// Extractor returns the timestamp of an input record. partitionTime is the
// highest one of its partition so far; it is the zero Time when there is none. A time
// before 1970 leaves the record out and counts it; an error is a decode error.
type Extractor[K, V any] func(r Record[K, V], partitionTime time.Time) (time.Time, error)

// WithTimestamps sets where a source takes timestamps from. The default is the
// record's own timestamp; a negative one is an error.
func (t Topic[K, V]) WithTimestamps(x Extractor[K, V]) Topic[K, V] { t.extract = x; return t }

// Partitioner chooses the partitions of a record: it goes to each of to, and to
// none if there are none. With chosen unset the key's hash decides, as in
// Kafka's own clients (KIP-837).
type Partitioner[K, V any] func(r Record[K, V], partitions int) (to []int32, chosen bool)

// PartitionBy sets how a sink chooses partitions.
func (t Topic[K, V]) PartitionBy(p Partitioner[K, V]) Topic[K, V] { t.partBy = p; return t }

// SkipInvalid is an Extractor that leaves out records with a negative timestamp.
func SkipInvalid[K, V any](r Record[K, V], _ time.Time) (time.Time, error) { return r.Time, nil }

// PartitionTime is an Extractor that gives records with a negative timestamp
// the highest one of their partition so far.
func PartitionTime[K, V any](r Record[K, V], partitionTime time.Time) (time.Time, error) {
	if r.Time.UnixMilli() >= 0 {
		return r.Time, nil
	}
	if partitionTime.IsZero() {
		return time.Time{}, errNoPartitionTime
	}
	return partitionTime, nil
}

// WallClock is an Extractor that takes the time at which a record is processed.
func WallClock[K, V any](Record[K, V], time.Time) (time.Time, error) { return time.Now(), nil }

// kafkas are the topics that brokers keep for themselves.
var kafkas = []string{"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}

// Problem says what is wrong with the handle, or "". It is for builders.
func (t Topic[K, V]) Problem(read bool) string {
	switch {
	case t.problem != "":
		return t.problem
	case read && t.dynamic != nil:
		return "a topic that is chosen by record can't be read"
	case !read && t.pattern != nil:
		return "a topic pattern can't be written"
	case !read && slices.Contains(kafkas, t.name):
		return "topic " + strconv.Quote(t.name) + " is one of Kafka's own: it can't be written"
	case t.key == nil:
		return "topic " + t.Name() + ": no serde for its keys"
	case t.value == nil:
		return "topic " + t.Name() + ": no serde for its values"
	}
	for _, s := range []any{t.key, t.value} {
		if c, ok := s.(serde.Checker); ok && c.Err() != nil {
			return "topic " + t.Name() + ": " + c.Err().Error()
		}
	}
	return ""
}

// Dynamic is the label of a topic that is chosen by record, "" for others.
func (t Topic[K, V]) Dynamic() string { return t.dynLabel }

// Source describes the reading side of the topic. It is for builders.
func (t Topic[K, V]) Source() (*graph.Source, op.Bind) {
	src := &graph.Source{Pattern: t.pattern, Reset: t.reset.r, Forms: t.forms()}
	if t.pattern == nil {
		src.Topics = []graph.Topic{{Name: t.name}}
	}
	var extract op.Extract[K, V]
	if x := t.extract; x != nil {
		extract = func(k K, v V, m *flow.Meta, partitionTime int64) (int64, error) {
			var last time.Time
			if partitionTime >= 0 {
				last = time.UnixMilli(partitionTime)
			}
			at, err := x(recordOf(k, v, m), last)
			return at.UnixMilli(), err
		}
	}
	return src, op.Source(t.key, t.value, extract)
}

// forms are the schemas of what the topic has. A handle without serdes is told
// elsewhere.
func (t Topic[K, V]) forms() (f graph.Forms) {
	if t.key != nil {
		f.Key = serde.SchemaOf(t.key)
	}
	if t.value != nil {
		f.Value = serde.SchemaOf(t.value)
	}
	return f
}

// Target describes a sink node of the topic. It is for builders.
func (t Topic[K, V]) Target() *graph.Sink {
	return &graph.Sink{Topic: graph.Topic{Name: t.name}, Dynamic: t.dynLabel, Partition: t.partBy != nil, Forms: t.forms()}
}

// Sink describes the writing side of the topic. It is for builders.
func (t Topic[K, V]) Sink() op.SinkSpec[K, V] {
	spec := op.SinkSpec[K, V]{Topic: graph.Topic{Name: t.name}, Key: t.key, Value: t.value}
	if p := t.partBy; p != nil {
		spec.Partition = func(_ string, k K, v V, m *flow.Meta, n int32) ([]int32, bool) {
			return p(recordOf(k, v, m), int(n))
		}
	}
	if d := t.dynamic; d != nil {
		spec.Dynamic = func(k K, v V, m *flow.Meta) string { return d(recordOf(k, v, m)) }
	}
	return spec
}
