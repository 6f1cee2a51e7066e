package conformance

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
)

// Event is one input: a record, or a move of the wall clock.
type Event struct {
	AdvanceWallClockMS *int64         `json:"advance_wall_clock_ms"` // nil: a record
	Topic              string         `json:"topic"`
	Key                jsontext.Value `json:"key"`
	Value              jsontext.Value `json:"value"`
	KeyRaw             []byte         `json:"key_b64"`
	ValueRaw           []byte         `json:"value_b64"`
	Time               int64          `json:"ts"`
	Headers            []Header       `json:"headers"`
}

func (e *Event) check() error {
	record := e.Topic != ""
	if (e.AdvanceWallClockMS != nil) == record {
		return errors.New("either a topic or advance_wall_clock_ms is needed")
	}
	if record && (e.Key == nil) == (e.KeyRaw == nil) {
		return errors.New("either key or key_b64 is needed")
	}
	if record && (e.Value == nil) == (e.ValueRaw == nil) {
		return errors.New("either value or value_b64 is needed")
	}
	return nil
}

// Record is the record that the event stands for, encoded by the types of its
// topic.
func (e *Event) Record(key, value Type) (Record, error) {
	r := Record{Topic: e.Topic, Key: e.KeyRaw, Value: e.ValueRaw, Time: e.Time, Headers: e.Headers}
	var err error
	if e.Key != nil {
		if r.Key, err = encodeJSON(e.Key, key); err != nil {
			return Record{}, fmt.Errorf("key: %w", err)
		}
	}
	if e.Value != nil {
		if r.Value, err = encodeJSON(e.Value, value); err != nil {
			return Record{}, fmt.Errorf("value: %w", err)
		}
	}
	return r, nil
}

// encodeJSON turns a JSON value of a type into its encoding, nil for null.
func encodeJSON(text jsontext.Value, t Type) ([]byte, error) {
	v, err := ParseValue(text, t)
	if err != nil || v == nil {
		return nil, err
	}
	return t.Serde().AppendTo([]byte{}, v)
}

// Header is one record header; a nil value is null. Any, in expected records
// only, stands for a value that is not compared.
type Header struct {
	Name  string
	Value []byte
	Any   bool
}

// UnmarshalJSON parses [name, value], where a value is a string, null, or
// {"b64": …}.
func (h *Header) UnmarshalJSON(data []byte) error {
	var pair []jsontext.Value
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("header: %d elements, want a name and a value", len(pair))
	}
	if err := json.Unmarshal(pair[0], &h.Name); err != nil {
		return err
	}
	switch pair[1].Kind() {
	case 'n':
		return nil
	case '{':
		return decodeBase64(pair[1], &h.Value)
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return err
	}
	h.Value, h.Any = []byte(text), text == "*"
	return nil
}

// decodeBase64 parses {"b64": …}.
func decodeBase64(text jsontext.Value, dst *[]byte) error {
	var raw struct {
		Bytes *[]byte `json:"b64"`
	}
	if err := json.Unmarshal(text, &raw, strict); err != nil {
		return err
	}
	if raw.Bytes == nil {
		return errors.New("object without b64")
	}
	*dst = *raw.Bytes
	if *dst == nil {
		*dst = []byte{}
	}
	return nil
}
