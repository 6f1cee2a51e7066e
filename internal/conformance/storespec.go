package conformance

import "encoding/json/v2"

// Materialized asks for the store of a DSL step. An empty one differs from a
// nil one, see the case language.
type Materialized struct {
	Store              *string  `json:"store"`
	Type               string   `json:"type"`
	Logging            *Logging `json:"logging"`
	Caching            *bool    `json:"caching"`
	RetentionMS        *int64   `json:"retention_ms"`
	Supplier           string   `json:"supplier"`
	WindowSizeMS       *int64   `json:"window_size_ms"`
	VersionedHistoryMS *int64   `json:"versioned_history_ms"`
	SegmentIntervalMS  *int64   `json:"segment_interval_ms"`
}

// StoreSpec specifies a store outright.
type StoreSpec struct {
	Store              string   `json:"store"`
	Format             string   `json:"format"` // empty: kv
	Key                Type     `json:"key"`    // empty: string
	Value              Type     `json:"value"`  // empty: string
	Type               string   `json:"type"`   // empty: persistent
	Logging            *Logging `json:"logging"`
	Caching            *bool    `json:"caching"`
	RetentionMS        *int64   `json:"retention_ms"`
	WindowSizeMS       *int64   `json:"window_size_ms"`
	RetainDuplicates   *bool    `json:"retain_duplicates"`
	VersionedHistoryMS *int64   `json:"versioned_history_ms"`
	SegmentIntervalMS  *int64   `json:"segment_interval_ms"`
}

// The formats of store specifications.
const (
	FormatKV                = "kv"
	FormatTimestampedKV     = "timestamped_kv"
	FormatHeadersKV         = "headers_kv"
	FormatWindow            = "window"
	FormatTimestampedWindow = "timestamped_window"
	FormatSession           = "session"
	FormatVersioned         = "versioned"
)

// FormatOrDefault is the format, kv if none is given.
func (s *StoreSpec) FormatOrDefault() string {
	if s.Format == "" {
		return FormatKV
	}
	return s.Format
}

// KeyType is the type of the keys, string if none is given.
func (s *StoreSpec) KeyType() Type { return s.Key.or(String) }

// ValueType is the type of the values, string if none is given.
func (s *StoreSpec) ValueType() Type { return s.Value.or(String) }

// Logging says whether a store is logged, and with what topic settings.
type Logging struct {
	Off      bool
	Settings map[string]string
}

// UnmarshalJSON parses a boolean or an object of settings.
func (l *Logging) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "false":
		l.Off = true
		return nil
	case "true":
		return nil
	}
	return json.Unmarshal(data, &l.Settings)
}

// StoreRef is the store of a step: a name in joins, a specification elsewhere.
type StoreRef struct {
	Name string
	Spec *StoreSpec
}

// UnmarshalJSON parses a name or a specification.
func (r *StoreRef) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &r.Name)
	}
	return json.Unmarshal(data, &r.Spec, strict)
}
