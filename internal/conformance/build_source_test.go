package conformance

import (
	"time"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

func init() {
	ops["stream"] = (*interpreter).stream
	ops["table"] = (*interpreter).table
	ops["to"] = (*interpreter).to
}

type (
	kstream = *stream.KStream[any, any]
	ktable  = *table.KTable[any, any]
	topic   = topology.Topic[any, any]
	record  = topology.Record[any, any]
)

func (x *interpreter) stream(s *Step) (any, error) {
	topics, err := x.topics(s)
	if err != nil {
		return nil, err
	}
	return named(s, x.b.Stream(topics[0], topics[1:]...)), nil
}

func (x *interpreter) table(s *Step) (any, error) {
	topics, err := x.topics(s)
	if err != nil {
		return nil, err
	}
	t := named(s, x.b.Table(topics[0]))
	return x.materialized(s, t, s.Key.or(String), s.Value.or(String))
}

// topics are the handles of the topics of a source.
func (x *interpreter) topics(s *Step) ([]topic, error) {
	key, value := s.Key.or(String).Serde(), s.Value.or(String).Serde()
	var topics []topic
	for _, name := range append(topicsOfStep(s), s.Topics...) {
		topics = append(topics, topology.NewTopic(name, key, value))
	}
	if s.Pattern != "" {
		topics = append(topics, topology.Pattern(s.Pattern, key, value))
	}
	reset, err := offsetReset(s.Reset)
	if err != nil {
		return nil, err
	}
	extractor := x.extractor(s.Extractor)
	for i := range topics {
		topics[i] = topics[i].WithReset(reset)
		if extractor != nil {
			topics[i] = topics[i].WithTimestamps(extractor)
		}
	}
	return topics, nil
}

func topicsOfStep(s *Step) []string {
	if s.Topic == "" {
		return nil
	}
	return []string{s.Topic}
}

func offsetReset(text string) (topology.Reset, error) {
	if text == "" {
		return topology.Reset{}, nil
	}
	r, err := ParseReset(text)
	if err != nil {
		return topology.Reset{}, err
	}
	switch r.Policy {
	case "earliest":
		return topology.Earliest, nil
	case "latest":
		return topology.Latest, nil
	case "none":
		return topology.NoReset, nil
	}
	return topology.ByDuration(millis(r.DurationMS)), nil
}

// extractor is the timestamp extractor of a source, nil for the library's own.
func (x *interpreter) extractor(name string) topology.Extractor[any, any] {
	if name == "" {
		name = x.c.Config.TimestampExtractor
	}
	switch name {
	case ExtractLogAndSkip:
		return topology.SkipInvalid[any, any]
	case ExtractUsePartitionTime:
		return topology.PartitionTime[any, any]
	case ExtractValueSuffix:
		return func(r record, _ time.Time) (time.Time, error) {
			return time.UnixMilli(ValueSuffix(r.Value)), nil
		}
	}
	return nil
}

func (x *interpreter) to(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	shape := x.shape(s.From)
	t, err := sinkTopic(s, s.Key.or(shape.Key), s.Value.or(shape.Value))
	if err != nil {
		return nil, err
	}
	named(s, from.To(t))
	return nil, nil
}

// sinkTopic is the handle of the topic of a sink.
func sinkTopic(s *Step, keyType, valueType Type) (topic, error) {
	key, value := keyType.Serde(), valueType.Serde()
	t := topology.NewTopic(s.Topic, key, value)
	if s.TopicFn != "" {
		f, err := ParseTopicFunc(s.TopicFn)
		if err != nil {
			return t, err
		}
		t = topology.TopicBy(s.TopicFn, func(r record) string { return f(r.Key, r.Value, recordInfo(r)) }, key, value)
	}
	if s.Partitioner != "" {
		p, err := ParsePartitioner(s.Partitioner)
		if err != nil {
			return t, err
		}
		t = t.PartitionBy(func(r record, _ int) ([]int32, bool) {
			switch p(r.Key, r.Value) {
			case PartitionZero:
				return []int32{0}, true
			case NoPartition:
				return nil, true
			}
			return nil, false
		})
	}
	return t, nil
}

func recordInfo(r record) RecordInfo {
	return RecordInfo{Topic: r.Origin.Topic, Time: r.Time.UnixMilli(), Headers: fromHeaders(r.Headers)}
}

func fromHeaders(h topology.Headers) []Header {
	var headers []Header
	for _, e := range h {
		headers = append(headers, Header{Name: e.Key, Value: e.Value})
	}
	return headers
}

func toHeaders(headers []Header) topology.Headers {
	var h topology.Headers
	for _, e := range headers {
		h = append(h, topology.Header{Key: e.Name, Value: e.Value})
	}
	return h
}
