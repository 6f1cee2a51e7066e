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
	Source      EnvelopeSource `avro:"source"`
	Transaction *Transaction   `avro:"transaction"`
	Op          string         `avro:"op"`
	TimeMillis  *int64         `avro:"ts_ms"`
	TimeMicros  *int64         `avro:"ts_us"`
	TimeNanos   *int64         `avro:"ts_ns"`
}

// EnvelopeSource is the source of an [Envelope].
type EnvelopeSource struct {
	Version    string  `avro:"version"`
	Connector  string  `avro:"connector"`
	Name       string  `avro:"name"`
	TimeMillis int64   `avro:"ts_ms"`
	TimeMicros *int64  `avro:"ts_us"`
	TimeNanos  *int64  `avro:"ts_ns"`
	Snapshot   *string `avro:"snapshot"`
	DB         string  `avro:"db"`
	Sequence   *string `avro:"sequence"`
	Schema     string  `avro:"schema"`
	Table      string  `avro:"table"`
	TxID       *int64  `avro:"txId"`
	LSN        *int64  `avro:"lsn"`
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
	s := e.Source
	return &Change[T]{
		Op: op, Before: e.Before, After: e.After, Transaction: e.Transaction,
		Time: timeOf(e.TimeNanos, e.TimeMicros, e.TimeMillis),
		Source: Source{
			Version: s.Version, Connector: s.Connector, Name: s.Name, Snapshot: value(s.Snapshot), DB: s.DB, Schema: s.Schema,
			Table: s.Table, Sequence: value(s.Sequence), TxID: s.TxID, LSN: s.LSN,
			Time: timeOf(s.TimeNanos, s.TimeMicros, nonZero(s.TimeMillis)),
		},
	}, nil
}

func envelopeOf[T any](c *Change[T]) (e Envelope[T]) {
	s := c.Source
	e = Envelope[T]{
		Before: c.Before, After: c.After, Transaction: c.Transaction, Op: string(rune(c.Op)),
		Source: EnvelopeSource{
			Version: s.Version, Connector: s.Connector, Name: s.Name, Snapshot: nonZero(s.Snapshot), DB: s.DB, Schema: s.Schema,
			Table: s.Table, Sequence: nonZero(s.Sequence), TxID: s.TxID, LSN: s.LSN,
		},
	}
	e.TimeNanos, e.TimeMicros, e.TimeMillis = times(c.Time)
	var millis *int64
	e.Source.TimeNanos, e.Source.TimeMicros, millis = times(s.Time)
	e.Source.TimeMillis = value(millis)
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
