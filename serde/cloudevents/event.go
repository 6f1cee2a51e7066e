// Package cloudevents has serdes for CloudEvents 1.0 on Kafka.
//
// There are only a few types: [Event] is an event with data of type T, and
// [Binary] and [Structured] make a [serde.Serde] of events out of one for the
// data. They differ in what they write: in binary mode the attributes are
// headers and the value is the data, in structured mode the value is a JSON
// text with both. Both modes are always read. Where there are no headers, as
// in a store, events are in structured form.
//
// Source: CloudEvents 1.0.2, with its JSON format and Kafka protocol binding.
package cloudevents

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is a CloudEvent. The version of the specification is always 1.0.
type Event[T any] struct {
	ID     string // required; unique for its source
	Source string // required; a URI reference
	Type   string // required

	Subject         string    // empty: none
	Time            time.Time // zero: none
	DataContentType string    // empty when written: the one of the serde
	DataSchema      string    // a URI; empty: none

	// Extensions are all other attributes, by names of lower case letters and
	// digits. Booleans and numbers are read as text.
	Extensions map[string]string

	Data   T
	NoData bool // there are no data; Data is zero
}

const version = "1.0"

var (
	// ErrNotEvent says that a record is no CloudEvent: it has neither the
	// header ce_specversion nor the content type of one.
	ErrNotEvent = errors.New("not a CloudEvent")

	errKey     = errors.New("an event is a value and can't be the key of a record")
	errVersion = errors.New("specversion is not " + version)
	errTime    = errors.New("time is not of the form of RFC 3339")
	errName    = errors.New("the name of an extension is not of lower case letters and digits")
	errText    = errors.New("an attribute is not UTF-8 or has control characters")
)

// attribute is a name, as a header has it, with its value as text.
type attribute struct{ header, value string }

func (a attribute) name() string { return a.header[len(prefix):] }

// attributes appends those that are set, without the content type, in an order
// that is always the same.
func (e *Event[T]) attributes(all []attribute) ([]attribute, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	all = append(all, attribute{prefix + "specversion", version},
		attribute{prefix + "id", e.ID}, attribute{prefix + "source", e.Source}, attribute{prefix + "type", e.Type})
	if e.Subject != "" {
		all = append(all, attribute{prefix + "subject", e.Subject})
	}
	if !e.Time.IsZero() {
		if y := e.Time.Year(); y < 0 || y > 9999 {
			return nil, errTime
		}
		all = append(all, attribute{prefix + "time", e.Time.Format(time.RFC3339Nano)})
	}
	if e.DataSchema != "" {
		all = append(all, attribute{prefix + "dataschema", e.DataSchema})
	}
	if len(e.Extensions) > 0 {
		for _, name := range slices.Sorted(maps.Keys(e.Extensions)) {
			if !validName(name) || reserved[name] {
				return nil, errName
			}
			all = append(all, attribute{prefix + name, e.Extensions[name]})
		}
	}
	for _, a := range all {
		if !validText(a.value) {
			return nil, errText
		}
	}
	return all, nil
}

var reserved = map[string]bool{
	"id": true, "source": true, "type": true, "specversion": true, "subject": true, "time": true,
	"datacontenttype": true, "dataschema": true, "data": true,
}

// set sets an attribute that was read.
func (e *Event[T]) set(name, value string) error {
	if !validText(value) {
		return errText
	}
	switch name {
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "datacontenttype":
		e.DataContentType = value
	case "dataschema":
		e.DataSchema = value
	case "specversion":
		if value != version {
			return errVersion
		}
	case "time":
		t, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return errTime
		}
		e.Time = t
	default:
		if !validName(name) || reserved[name] {
			return errName
		}
		if e.Extensions == nil {
			e.Extensions = make(map[string]string)
		}
		e.Extensions[name] = value
	}
	return nil
}

// check looks at what every event has.
func (e *Event[T]) check() error {
	switch "" {
	case e.ID:
		return missing("id")
	case e.Source:
		return missing("source")
	case e.Type:
		return missing("type")
	}
	return nil
}

func missing(name string) error { return fmt.Errorf("the attribute %s is missing", name) }

func validName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func validText(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// isJSON tells whether data of the content type are a JSON text, as those
// without one are.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	_, sub, _ := strings.Cut(media, "/")
	return media == "" || sub == "json" || strings.HasSuffix(sub, "+json")
}
