package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// RecordInfo is what the functions of sinks and extractors know of a record
// beside its key and value.
type RecordInfo struct {
	Topic   string // the source topic of the record context
	Time    int64
	Headers []Header
}

// TopicFunc chooses the topic of a sink.
type TopicFunc func(key, value any, info RecordInfo) string

// ParseTopicFunc parses a topic function.
func ParseTopicFunc(text string) (TopicFunc, error) {
	c := parseCall(text)
	if err := c.checkArg(); err != nil {
		return nil, err
	}
	switch c.name {
	case "by_key":
		return func(k, _ any, _ RecordInfo) string { return c.arg + Format(k) }, nil
	case "by_value_first_char":
		return func(_, v any, _ RecordInfo) string { return c.arg + firstRune(Format(v)) }, nil
	case "by_source":
		return func(_, _ any, info RecordInfo) string { return c.arg + info.Topic }, nil
	case "by_header":
		return func(_, _ any, info RecordInfo) string {
			if h, ok := LastHeader(info.Headers, c.arg); ok {
				return string(h.Value)
			}
			return "no-" + c.arg
		}, nil
	}
	return nil, c.unknown("topic function")
}

// LastHeader is the last header of a name.
func LastHeader(headers []Header, name string) (Header, bool) {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Name == name {
			return headers[i], true
		}
	}
	return Header{}, false
}

// Partitioner chooses among the partitions of a sink.
type Partitioner func(key, value any) PartitionChoice

// PartitionChoice is the choice of a [Partitioner].
type PartitionChoice int

// The choices of partitioners.
const (
	NoChoice PartitionChoice = iota
	PartitionZero
	NoPartition // the record is not sent
)

// ParsePartitioner parses a partitioner.
func ParsePartitioner(text string) (Partitioner, error) {
	switch text {
	case "zero":
		return func(_, _ any) PartitionChoice { return PartitionZero }, nil
	case "default":
		return func(_, _ any) PartitionChoice { return NoChoice }, nil
	case "drop_null_values":
		return func(_, v any) PartitionChoice {
			if v == nil {
				return NoPartition
			}
			return PartitionZero
		}, nil
	}
	return nil, fmt.Errorf("partitioner %q is unknown", text)
}

// The timestamp extractors.
const (
	ExtractFailOnInvalid    = "fail_on_invalid"
	ExtractLogAndSkip       = "log_and_skip"
	ExtractUsePartitionTime = "use_partition_time"
	ExtractValueSuffix      = "value_suffix"
)

// CheckExtractor refuses unknown extractors.
func CheckExtractor(text string) error {
	switch text {
	case ExtractFailOnInvalid, ExtractLogAndSkip, ExtractUsePartitionTime, ExtractValueSuffix:
		return nil
	}
	return fmt.Errorf("extractor %q is unknown", text)
}

// ValueSuffix is the timestamp of the extractor value_suffix: the integer
// after the last @ of a string, an int64 itself, and -1 if there is none.
func ValueSuffix(value any) int64 {
	switch v := value.(type) {
	case int64:
		return v
	case string:
		if i := strings.LastIndexByte(v, '@'); i >= 0 {
			if n, err := strconv.ParseInt(v[i+1:], 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

// Reset is an offset reset policy.
type Reset struct {
	Policy     string // earliest, latest, none or by_duration
	DurationMS int64
}

// ParseReset parses an offset reset policy.
func ParseReset(text string) (Reset, error) {
	c := parseCall(text)
	switch c.name {
	case "earliest", "latest", "none":
		return Reset{Policy: c.name}, c.checkArg(c.name)
	case "by_duration":
		n, err := c.number()
		return Reset{Policy: c.name, DurationMS: n}, err
	}
	return Reset{}, fmt.Errorf("reset policy %q is unknown", text)
}
