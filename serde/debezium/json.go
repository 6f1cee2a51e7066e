package debezium

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"reflect"

	"github.com/ottla-streams/ottla/serde"
)

// JSON returns the Serde of changes in JSON, as Kafka Connect's JsonConverter
// writes it. Schemas in the events are passed over and not written. Rows are
// read and written as [serde.JSON] does; timestamps and decimals are what the
// connector makes of them.
func JSON[T any](opts ...Option) serde.Serde[*Change[T]] {
	s := &jsonChanges[T]{name: nameOf[T](), row: serde.JSON[T](), rows: newRows[T](collect(opts))}
	if c, ok := s.row.(serde.Checker); ok {
		s.err = c.Err()
	}
	return s
}

type jsonChanges[T any] struct {
	name string
	err  error
	row  serde.Serde[T]
	rows rows[T]
}

var (
	errJSON    = errors.New("not a JSON object, or a member of the event has another type")
	errPayload = errors.New("the schema has no payload with it")
)

// jsonEvent is an event as it is written.
type jsonEvent struct {
	Before      jsontext.Value `json:"before"`
	After       jsontext.Value `json:"after"`
	Source      *jsonSource    `json:"source"`
	Transaction *Transaction   `json:"transaction"`
	Op          string         `json:"op"`
	TimeMillis  *int64         `json:"ts_ms"`
	TimeMicros  *int64         `json:"ts_us,omitzero"`
	TimeNanos   *int64         `json:"ts_ns,omitzero"`
	Rest        jsontext.Value `json:",embed"`
}

type jsonSource struct {
	Version    string         `json:"version,omitzero"`
	Connector  string         `json:"connector,omitzero"`
	Name       string         `json:"name,omitzero"`
	TimeMillis *int64         `json:"ts_ms"`
	TimeMicros *int64         `json:"ts_us,omitzero"`
	TimeNanos  *int64         `json:"ts_ns,omitzero"`
	Snapshot   any            `json:"snapshot,omitzero"` // a boolean in old versions
	DB         string         `json:"db,omitzero"`
	Sequence   *string        `json:"sequence,omitzero"`
	Schema     string         `json:"schema,omitzero"`
	Table      string         `json:"table,omitzero"`
	TxID       *int64         `json:"txId,omitzero"`
	LSN        *int64         `json:"lsn,omitzero"`
	Rest       jsontext.Value `json:",embed"`
}

// unwrap returns the payload if the converter put a schema around it, and other
// texts as they are.
func unwrap(src []byte) (payload, schema jsontext.Value, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(src, &members); err != nil {
		return src, nil, nil // not an object: a row or key may be that
	}
	schema, ok := members["schema"]
	if !ok || len(members) > 2 {
		return src, nil, nil
	}
	if payload, ok = members["payload"]; ok {
		return payload, schema, nil
	}
	if len(members) == 2 {
		return src, nil, nil
	}
	return nil, nil, errPayload
}

// jsonSchema is as much of a schema as tells the defaults of columns.
type jsonSchema struct {
	Field   string         `json:"field"`
	Default jsontext.Value `json:"default"`
	Fields  []jsonSchema   `json:"fields"`
}

// defaultsOf returns the defaults of the columns of the rows before.
func defaultsOf(schema jsontext.Value) map[string]string {
	var s jsonSchema
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil
	}
	found := make(map[string]string)
	for _, member := range s.Fields {
		if member.Field != "before" {
			continue
		}
		for _, column := range member.Fields {
			var v any
			if column.Default != nil && json.Unmarshal(column.Default, &v) == nil {
				found[column.Field] = fmt.Sprint(v)
			}
		}
	}
	return found
}

// Err implements serde.Checker.
func (s *jsonChanges[T]) Err() error { return s.err }

// Copies implements serde.Copier.
func (s *jsonChanges[T]) Copies() bool { return true }

func (s *jsonChanges[T]) Decode(src []byte) (*Change[T], error) {
	if s.err != nil {
		return nil, s.err
	}
	payload, schema, err := unwrap(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if payload.Kind() == jsontext.KindNull {
		return nil, nil // a tombstone that was given a schema
	}
	var e jsonEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, errJSON)
	}
	c, err := s.change(&e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	var defaults map[string]string
	if schema != nil && c.Before != nil && len(s.rows.key) > 0 {
		defaults = defaultsOf(schema)
	}
	s.rows.mark(c, defaults)
	return c, nil
}

func (s *jsonChanges[T]) change(e *jsonEvent) (*Change[T], error) {
	op, err := parseOp(e.Op, present(e.After))
	if err != nil {
		return nil, err
	}
	c := &Change[T]{Op: op, Transaction: e.Transaction, Time: timeOf(e.TimeNanos, e.TimeMicros, e.TimeMillis), Rest: rest(e.Rest)}
	if e.Source != nil {
		c.Source = e.Source.source()
	}
	if c.Before, err = s.read(e.Before); err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	if c.After, err = s.read(e.After); err != nil {
		return nil, fmt.Errorf("after: %w", err)
	}
	return c, nil
}

func present(v jsontext.Value) bool { return v != nil && v.Kind() != jsontext.KindNull }

// rest returns a copy of what is left over, or nil if that is nothing.
func rest(v jsontext.Value) jsontext.Value {
	if len(v) <= len(`{}`) {
		return nil
	}
	return v.Clone()
}

func (s *jsonChanges[T]) read(v jsontext.Value) (*T, error) {
	if !present(v) {
		return nil, nil
	}
	row, err := s.row.Decode(v)
	return &row, err
}

func (j *jsonSource) source() Source {
	s := Source{
		Version: j.Version, Connector: j.Connector, Name: j.Name, DB: j.DB, Schema: j.Schema, Table: j.Table,
		Sequence: value(j.Sequence), TxID: j.TxID, LSN: j.LSN, Time: timeOf(j.TimeNanos, j.TimeMicros, j.TimeMillis), Rest: rest(j.Rest),
	}
	if j.Snapshot != nil {
		s.Snapshot = fmt.Sprint(j.Snapshot)
	}
	return s
}

func (s *jsonChanges[T]) AppendTo(dst []byte, c *Change[T]) ([]byte, error) {
	if s.err != nil {
		return dst, s.err
	}
	if c == nil {
		return dst, fmt.Errorf("%s: %w", s.name, errTombstone)
	}
	src := c.Source
	e := jsonEvent{
		Op: string(rune(c.Op)), Transaction: c.Transaction, Rest: c.Rest,
		Source: &jsonSource{
			Version: src.Version, Connector: src.Connector, Name: src.Name, DB: src.DB, Schema: src.Schema, Table: src.Table,
			Sequence: nonZero(src.Sequence), TxID: src.TxID, LSN: src.LSN, Rest: src.Rest,
		},
	}
	if src.Snapshot != "" {
		e.Source.Snapshot = src.Snapshot
	}
	e.TimeNanos, e.TimeMicros, e.TimeMillis = times(c.Time)
	e.Source.TimeNanos, e.Source.TimeMicros, e.Source.TimeMillis = times(src.Time)
	var err error
	if e.Before, err = s.write(c.Before); err != nil {
		return dst, err
	}
	if e.After, err = s.write(c.After); err != nil {
		return dst, err
	}
	b, err := json.Marshal(&e)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", s.name, errJSON)
	}
	return append(dst, b...), nil
}

func (s *jsonChanges[T]) write(row *T) (jsontext.Value, error) {
	if row == nil {
		return jsontext.Value("null"), nil
	}
	return s.row.AppendTo(nil, *row)
}

// Key returns the Serde of the keys of change events in JSON, such as a struct
// with the key columns. A schema with the key is passed over and not written.
func Key[K any]() serde.Serde[K] {
	return &keys[K]{name: fmt.Sprintf("key of type %v", reflect.TypeFor[K]()), inner: serde.JSON[K]()}
}

type keys[K any] struct {
	name  string
	inner serde.Serde[K]
}

// Err implements serde.Checker.
func (k *keys[K]) Err() error {
	if c, ok := k.inner.(serde.Checker); ok {
		return c.Err()
	}
	return nil
}

// Copies implements serde.Copier.
func (k *keys[K]) Copies() bool { return true }

func (k *keys[K]) AppendTo(dst []byte, v K) ([]byte, error) { return k.inner.AppendTo(dst, v) }

func (k *keys[K]) Decode(src []byte) (v K, err error) {
	payload, _, err := unwrap(src)
	if err != nil {
		return v, fmt.Errorf("%s: %w", k.name, err)
	}
	return k.inner.Decode(payload)
}
