// Package flow is the typed edge of a running topology.
//
// There are only a few types: [Next] is the edge, a closure that takes one
// record; [Meta] is what travels beside key and value; [Change] is the value on
// the edges of tables; [Nulls] tells which values of a Go type are null.
//
// All of it belongs to the worker goroutine of a task.
package flow

import "github.com/ottla-streams/ottla/serde"

// Next takes one record. The Meta is the caller's: whoever changes it restores
// it before returning, and nobody keeps it.
type Next[K, V any] func(k K, v V, m *Meta) error

// Meta is what travels with a record beside its key and value.
type Meta struct {
	Time    int64 // milliseconds since the epoch
	Headers serde.Headers
	NoKey   bool // the key is null; the typed key is a zero value
	NoValue bool // the value is null; the typed value is a zero value
	Final   bool // it is, or comes of, the final result of a window

	// Node is the number of the node whose user code runs, so that a
	// recovered panic can be told with its place.
	Node int32

	// Origin is where the record that is being processed was read. It is nil
	// in a punctuation. Its place is another record's later: see [Origin.Clone].
	Origin *Origin
}

// Origin is the place of an input record and its bytes, kept for errors and
// dead letters until the record is done.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      int64
	Key       []byte
	Value     []byte
	Headers   serde.Headers

	// From decodes the record again, at the place At. It is nil for a record that
	// was not read from a batch.
	From Again
	At   int32
}

// Clone returns a copy for whoever needs the origin when its record is done.
func (o *Origin) Clone() *Origin {
	if o == nil {
		return nil
	}
	c := *o
	return &c
}

// Change is an update of a table: the row after it and, where a node asked for
// old values, the row before it.
type Change[V any] struct {
	New, Old       V
	HasNew, HasOld bool

	// Late is set when the row that the update belongs to is not the latest of
	// its key: an out-of-order update of a versioned table.
	Late bool
}

// Row is implemented by a Change of any type.
type Row interface {
	// Row returns the row after the update, if there is one.
	Row() (v any, has bool)
}

// Row implements [Row].
func (c Change[V]) Row() (v any, has bool) { return c.New, c.HasNew }
