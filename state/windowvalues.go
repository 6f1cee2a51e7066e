package state

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// values encodes the values of a store, with their headers and times in front
// where the store keeps them.
type values[V any] struct {
	serde   serde.Serde[V]
	nulls   flow.Nulls[V]
	lend    bool // decoded values alias their bytes
	headers bool
	timed   bool
	buf     []byte
}

func newValues[V any](s serde.Serde[V], headers, timed bool) values[V] {
	return values[V]{serde: s, nulls: flow.NullsOf[V](), lend: !serde.Copies(s) || headers, headers: headers, timed: timed}
}

// encode returns bytes that are valid until the next call.
func (c *values[V]) encode(v V, at int64, h serde.Headers) ([]byte, error) {
	b := c.buf[:0]
	if b == nil {
		b = []byte{}
	}
	if c.headers {
		b = appendHeaders(b, h)
	}
	if c.timed {
		b = appendTime(b, at)
	}
	b, err := c.serde.AppendTo(b, v)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	c.buf = b
	return b, nil
}

func (c *values[V]) decode(raw []byte) (v V, at int64, h serde.Headers, err error) {
	if c.headers {
		if h, raw, err = cutHeaders(raw); err != nil {
			return v, 0, nil, err
		}
	}
	if c.timed {
		if at, raw, err = cutTime(raw); err != nil {
			return v, 0, nil, err
		}
	}
	if v, err = c.serde.Decode(raw); err != nil {
		err = fmt.Errorf("value: %w", err)
	}
	return v, at, h, err
}
