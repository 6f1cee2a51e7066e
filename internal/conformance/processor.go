package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Processor is a processor of the case language with its arguments. Fields
// that its kind does not have are zero.
type Processor struct {
	Text string // as written
	Kind string // the name before the colon

	Store       string    // dedup, count, previous, lookup, store_put, count_punctuate, …_commands
	N           int64     // duplicate: how often; shift_ts: milliseconds
	Map         ValueFunc // map_value
	Children    [2]string // route: the child for values that start with a, and the other
	Header      string    // add_header, remove_header, header_to_value
	HeaderValue string    // add_header
	Schedule    *Schedule // count_punctuate, ticker
}

// Schedule is the punctuation of a processor.
type Schedule struct {
	WallClock  bool // else stream time
	IntervalMS int64
	Start      *int64 // epoch milliseconds, nil: none given
	CancelAt   int64  // the run that cancels it, -1: none
}

// ParseProcessor parses a processor for records of the types, and returns the
// types of the records that it forwards.
func ParseProcessor(text string, key, value Type) (p Processor, outKey, outValue Type, err error) {
	c := parseCall(text)
	p = Processor{Text: text, Kind: c.name}
	if err := c.checkArg("forward", "drop", "metadata", "times"); err != nil {
		return p, "", "", err
	}
	outKey, outValue = key, value
	switch c.name {
	case "forward", "drop":
	case "duplicate":
		p.N, err = c.number()
	case "shift_ts":
		p.N, err = c.number()
	case "map_value":
		p.Map, outValue, err = ParseValueFunc(c.arg, value)
	case "route":
		p.Children[0], p.Children[1], err = c.pair()
	case "add_header":
		p.Header, p.HeaderValue, err = c.pair()
	case "remove_header":
		p.Header = c.arg
	case "header_to_value":
		p.Header, outValue = c.arg, String
	case "metadata", "times":
		outValue = String
	case "dedup", "previous", "store_put":
		p.Store = c.arg
	case "count":
		p.Store, outValue = c.arg, Int64
	case "lookup", "kv_commands", "window_commands", "session_commands", "versioned_commands":
		p.Store, outValue = c.arg, String
	case "count_punctuate":
		outValue = Int64
		store, rest, _ := strings.Cut(c.arg, ",")
		p.Store = store
		p.Schedule, err = parseSchedule(c, rest)
	case "ticker":
		outKey, outValue = String, String
		p.Schedule, err = parseSchedule(c, c.arg)
	default:
		err = c.unknown("processor", key, value)
	}
	return p, outKey, outValue, err
}

// pair is an argument of two parts.
func (c call) pair() (first, second string, err error) {
	first, second, ok := strings.Cut(c.arg, ",")
	if !ok {
		return "", "", fmt.Errorf("function %q: the argument has no comma", c.text)
	}
	return first, second, nil
}

// parseSchedule parses TIME,MS[,N[,START]].
func parseSchedule(c call, text string) (*Schedule, error) {
	parts := strings.Split(text, ",")
	if len(parts) < 2 || len(parts) > 4 {
		return nil, fmt.Errorf("processor %q: a schedule has 2 to 4 parts", c.text)
	}
	s := &Schedule{CancelAt: -1}
	switch parts[0] {
	case "wall":
		s.WallClock = true
	case "stream":
	default:
		return nil, fmt.Errorf("processor %q: the time is stream or wall", c.text)
	}
	numbers := make([]int64, len(parts)-1)
	for i, p := range parts[1:] {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("processor %q: %q is no int64", c.text, p)
		}
		numbers[i] = n
	}
	s.IntervalMS = numbers[0]
	if len(numbers) > 1 {
		s.CancelAt = numbers[1]
	}
	if len(numbers) > 2 {
		s.Start = &numbers[2]
	}
	return s, nil
}

// Transformer is a function of transformValues: a value function, or one of
// the three kinds that see more than the record.
type Transformer struct {
	Kind  string    // value, context_ts, count or lookup
	Value ValueFunc // kind value
	Store string    // kinds count and lookup
}

// The kinds of transformers.
const (
	TransformValue     = "value"
	TransformContextTS = "context_ts"
	TransformCount     = "count"
	TransformLookup    = "lookup"
)

// ParseTransformer parses a function of transformValues, and returns the type
// of its results.
func ParseTransformer(text string, value Type) (Transformer, Type, error) {
	c := parseCall(text)
	switch c.name {
	case TransformContextTS:
		return Transformer{Kind: c.name}, String, c.checkArg(TransformContextTS)
	case TransformCount:
		return Transformer{Kind: c.name, Store: c.arg}, Int64, c.checkArg()
	case TransformLookup:
		return Transformer{Kind: c.name, Store: c.arg}, String, c.checkArg()
	}
	f, t, err := ParseValueFunc(text, value)
	return Transformer{Kind: TransformValue, Value: f}, t, err
}
