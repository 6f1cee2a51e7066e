package conformance

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
	"strings"
)

// Step is one step of a topology. Which fields belong to an operation is
// checked when the step is parsed; a field that is absent is zero.
type Step struct {
	ID   string  `json:"id"`
	Op   string  `json:"op"`
	Name *string `json:"name"` // nil: the variant without a name

	From  string `json:"from"`
	Left  string `json:"left"`
	Right string `json:"right"`

	Topic     string   `json:"topic"`
	Topics    []string `json:"topics"`
	Pattern   string   `json:"pattern"`
	Key       Type     `json:"key"`   // empty: the default of the operation
	Value     Type     `json:"value"` // likewise
	Extractor string   `json:"extractor"`
	Reset     string   `json:"reset"`

	TopicFn     string `json:"topic_fn"`
	Partitioner string `json:"partitioner"`
	Partitions  *int32 `json:"partitions"`

	Fn       string `json:"fn"`
	KeyFn    string `json:"key_fn"`
	ValueFn  string `json:"value_fn"`
	FKFn     string `json:"fk_fn"`
	Joiner   string `json:"joiner"`
	Subtract string `json:"subtract"`
	Merger   string `json:"merger"`

	Init     jsontext.Value `json:"init"` // nil: absent; the text null: a null
	Branches []Branch       `json:"branches"`
	Default  *Branch        `json:"default"`
	Groups   []CogroupInput `json:"groups"`

	Windows *Windows `json:"windows"`
	Emit    string   `json:"emit"`
	GraceMS *int64   `json:"grace_ms"`

	Until       string `json:"until"`
	TimeLimitMS *int64 `json:"time_limit_ms"`
	MaxRecords  *int64 `json:"max_records"`
	MaxBytes    *int64 `json:"max_bytes"`
	WhenFull    string `json:"when_full"`

	Materialized   *Materialized `json:"materialized"`
	Store          StoreRef      `json:"store"`
	StoreType      string        `json:"store_type"`
	ThisStore      *StoreSpec    `json:"this_store"`
	OtherStore     *StoreSpec    `json:"other_store"`
	Logging        *Logging      `json:"logging"`
	Stores         []string      `json:"stores"`
	SupplierStores []StoreSpec   `json:"supplier_stores"`

	Processor  string   `json:"processor"`
	Processors []string `json:"processors"`
	Parents    []string `json:"parents"`
	SourceName string   `json:"source_name"`
}

// Branch is one branch of a split. Fn is empty for the default branch.
type Branch struct {
	Fn   string  `json:"fn"`
	Name *string `json:"name"`
}

// CogroupInput is one grouped stream of a cogroup with its aggregator.
type CogroupInput struct {
	From string `json:"from"`
	Agg  string `json:"agg"`
}

// Windows describes the windows of a windowedBy or of a stream-stream join,
// which has no type.
type Windows struct {
	Type             string `json:"type"`
	SizeMS           *int64 `json:"size_ms"`
	AdvanceMS        *int64 `json:"advance_ms"`
	GraceMS          *int64 `json:"grace_ms"` // nil: the variant without grace
	TimeDifferenceMS *int64 `json:"time_difference_ms"`
	GapMS            *int64 `json:"gap_ms"`
	StartMS          *int64 `json:"start_ms"`
	BeforeMS         *int64 `json:"before_ms"`
	AfterMS          *int64 `json:"after_ms"`
}

// The types of windows.
const (
	TimeWindows      = "time"
	SlidingWindows   = "sliding"
	SessionWindows   = "session"
	UnlimitedWindows = "unlimited"
)

// opFields names the members that each operation may have beside op and id.
var opFields = map[string]string{
	"stream":         "topic topics pattern key value name extractor reset",
	"table":          "topic key value name extractor reset materialized",
	"globalTable":    "topic key value name extractor reset materialized",
	"addStateStore":  "store processors",
	"addGlobalStore": "topic name extractor processor store source_name",

	"filter":        "from fn name materialized",
	"filterNot":     "from fn name materialized",
	"mapValues":     "from fn name materialized",
	"map":           "from key_fn value_fn name",
	"flatMapValues": "from fn name",
	"flatMap":       "from fn key_fn value_fn name",
	"selectKey":     "from fn name",
	"peek":          "from name",
	"foreach":       "from name",
	"merge":         "left right name",
	"split":         "from branches default name",
	"repartition":   "from name partitions",
	"to":            "from topic topic_fn key value partitioner name",
	"toTable":       "from name materialized",
	"groupByKey":    "from name",
	"groupBy":       "from fn key_fn value_fn name",
	"process":       "from processor stores supplier_stores name",
	"processValues": "from processor stores supplier_stores name",

	"transformValues": "from fn stores supplier_stores name materialized",
	"toStream":        "from fn name",
	"suppress":        "from until time_limit_ms max_records max_bytes when_full logging name",

	"windowedBy": "from windows emit",
	"count":      "from name materialized",
	"reduce":     "from fn subtract name materialized",
	"aggregate":  "from fn init subtract merger name materialized",
	"cogroup":    "groups",

	"join":      joinFields,
	"leftJoin":  joinFields,
	"outerJoin": joinFields,

	"addSource":                      "name topic topics pattern key value reset extractor",
	"addProcessor":                   "name processor parents supplier_stores",
	"addSink":                        "name topic topic_fn key value parents",
	"connectProcessorAndStateStores": "name stores",
	"addReadOnlyStateStore":          "store source_name topic extractor name processor",
}

const joinFields = "left right joiner windows name store store_type this_store other_store logging grace_ms key_fn fk_fn materialized"

// UnmarshalJSON parses a step and refuses members that its operation does not
// have.
func (s *Step) UnmarshalJSON(data []byte) error {
	type plain Step
	if err := json.Unmarshal(data, (*plain)(s), strict); err != nil {
		return err
	}
	fields, ok := opFields[s.Op]
	if !ok {
		return fmt.Errorf("operation %q is unknown", s.Op)
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for m := range members {
		if m != "op" && m != "id" && !slices.Contains(strings.Fields(fields), m) {
			return fmt.Errorf("operation %s has no %q", s.Op, m)
		}
	}
	return nil
}

// Label names the step in messages: its id, else its operation.
func (s *Step) Label() string {
	if s.ID != "" {
		return s.ID
	}
	return s.Op
}
