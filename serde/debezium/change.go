// Package debezium has serdes for the change events of Debezium.
//
// There are only a few types: [Change] is what happened to one row, which is
// of type T, and [JSON] makes a [serde.Serde] of changes from JSON with or
// without schemas. [Of] makes one out of a Serde of envelopes in another
// format, such as Avro:
//
//	avro.Framed[debezium.Envelope[Customer]](reg.With(registry.UseLatest()), "")
//
// [Key] reads the keys. All are for the events as the connectors write them,
// not for those that ExtractNewRecordState made flat, which are plain rows.
//
// After a delete Debezium sends a tombstone: a record with the same key and no
// value. It is the nil *Change, whose Operation is [Tombstone].
package debezium

import (
	"encoding/json/jsontext"
	"time"
)

// Op is what happened.
type Op byte

// What can happen. The letters are those of the events; a tombstone has none.
const (
	Create    Op = 'c'
	Update    Op = 'u'
	Delete    Op = 'd'
	Read      Op = 'r' // a row as found by a snapshot
	Truncate  Op = 't' // all rows of the table are gone; no row is given
	Message   Op = 'm' // a message that was written to the log of PostgreSQL
	Tombstone Op = 0   // no event at all: the row was deleted before
)

// String returns the name in lower case.
func (o Op) String() string {
	switch o {
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	case Read:
		return "read"
	case Truncate:
		return "truncate"
	case Message:
		return "message"
	case Tombstone:
		return "tombstone"
	}
	return "unknown"
}

// Change is what happened to one row. The nil *Change is a tombstone.
type Change[T any] struct {
	Op Op

	// Before is the row before an update or delete, as far as the database
	// tells it: see KeyOnly. Nil: it doesn't, or there was none.
	Before *T
	// After is the row after it was created, updated or read. Nil for others.
	After *T

	// KeyOnly says that Before has only the columns of the key. The others hold
	// their defaults, or null or zero. That is what PostgreSQL's default replica
	// identity leaves of a deleted row. It is found out by the values, and only
	// with [KeyColumns]; a row that was nothing but defaults looks the same.
	KeyOnly bool

	// Unavailable are columns of After that didn't change and that the
	// connector wasn't told, as they are stored apart (TOAST). They hold
	// a placeholder.
	Unavailable []string

	Source      Source
	Transaction *Transaction // nil unless the connector provides it
	Time        time.Time    // when the connector handled the change; zero: unknown

	// Rest are the other members of the event, as a JSON object. JSON only.
	Rest jsontext.Value
}

// Operation is c.Op, and Tombstone for nil.
func (c *Change[T]) Operation() Op {
	if c == nil {
		return Tombstone
	}
	return c.Op
}

// Row returns the row as it is after the change, and whether it exists: it
// doesn't after a delete or tombstone. Truncates and messages have no row.
func (c *Change[T]) Row() (*T, bool) {
	if c == nil || c.After == nil {
		return nil, false
	}
	return c.After, true
}

// Source is where a change comes from. What a connector doesn't have is zero.
type Source struct {
	Version   string
	Connector string // such as postgresql
	Name      string // the topic prefix
	Snapshot  string // "false" for changes from the log; else true, first, last …
	DB        string
	Schema    string
	Table     string
	Sequence  string
	TxID      *int64
	LSN       *int64
	Time      time.Time // when the database made the change; zero: unknown

	// Rest are the other members, as a JSON object. JSON only.
	Rest jsontext.Value
	// More are the other members in other formats, such as xmin and origin.
	More map[string]any
}

// Transaction is the place of a change in its transaction.
type Transaction struct {
	ID                  string `json:"id" avro:"id"`
	TotalOrder          int64  `json:"total_order" avro:"total_order"`
	DataCollectionOrder int64  `json:"data_collection_order" avro:"data_collection_order"`
}
