package debezium

import (
	"errors"
	"time"
)

// Envelope is an event as it is coded in formats other than JSON, by the names
// of its members.
type Envelope[T any] struct {
	Before      *T             `avro:"before"`
	After       *T             `avro:"after"`
	Source      map[string]any `avro:"source"` // each connector has members of its own
	Transaction *Transaction   `avro:"transaction"`
	Op          string         `avro:"op"`
	TimeMillis  *int64         `avro:"ts_ms"`
	TimeMicros  *int64         `avro:"ts_us"`
	TimeNanos   *int64         `avro:"ts_ns"`
}

var (
	errNoOp  = errors.New("not a change event: it has no op (a flattened row has none; use a serde of rows)")
	errOp    = errors.New("the op is none of c, u, d, r, t and m")
	errAfter = errors.New("a created, updated or read row is missing")
)

// parseOp returns the operation, and whether the rows fit it.
func parseOp(op string, hasAfter bool) (Op, error) {
	if op == "" {
		return 0, errNoOp
	}
	o := Op(op[0])
	switch {
	case len(op) != 1 || o == Tombstone || o.String() == "unknown":
		return 0, errOp
	case (o == Create || o == Update || o == Read) && !hasAfter:
		return 0, errAfter
	}
	return o, nil
}

func (e *Envelope[T]) change() (*Change[T], error) {
	op, err := parseOp(e.Op, e.After != nil)
	if err != nil {
		return nil, err
	}
	return &Change[T]{
		Op: op, Before: e.Before, After: e.After, Transaction: e.Transaction,
		Time: timeOf(e.TimeNanos, e.TimeMicros, e.TimeMillis), Source: sourceOf(e.Source),
	}, nil
}

func envelopeOf[T any](c *Change[T]) (e Envelope[T]) {
	e = Envelope[T]{
		Before: c.Before, After: c.After, Transaction: c.Transaction, Op: string(rune(c.Op)), Source: c.Source.members(),
	}
	e.TimeNanos, e.TimeMicros, e.TimeMillis = times(c.Time)
	return e
}

// timeOf returns the most exact of the times given.
func timeOf(nanos, micros, millis *int64) time.Time {
	switch {
	case nanos != nil:
		return time.Unix(0, *nanos).UTC()
	case micros != nil:
		return time.UnixMicro(*micros).UTC()
	case millis != nil:
		return time.UnixMilli(*millis).UTC()
	}
	return time.Time{}
}

func times(t time.Time) (nanos, micros, millis *int64) {
	if t.IsZero() {
		return nil, nil, nil
	}
	n, u, m := t.UnixNano(), t.UnixMicro(), t.UnixMilli()
	return &n, &u, &m
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func nonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
