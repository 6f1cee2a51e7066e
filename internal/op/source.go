// Package op is what the nodes of the DSL compute, as typed functions.
//
// Each function returns what binds a node for one task: it opens the node's
// stores, binds its children and returns the closure that takes its input. A
// closure belongs to the task's worker goroutine. No closure allocates per
// record unless its comment says so.
package op

import (
	"fmt"
	"unsafe"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// Bind binds a node for one task, as graph.Node wants it.
type Bind = func(b *graph.Binder, n *graph.Node) (any, error)

// Extract returns a record's timestamp in milliseconds; a negative one leaves
// the record out. partitionTime is the highest timestamp of the partition so
// far, -1 for none.
type Extract[K, V any] func(k K, v V, m *flow.Meta, partitionTime int64) (int64, error)

// Source decodes input records. Without extract the record's own timestamp
// counts, and a negative one is an error.
func Source[K, V any](key serde.Serde[K], value serde.Serde[V], extract Extract[K, V]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[K, V](b, n)
		if err != nil {
			return nil, err
		}
		unread := extract == nil && neverFails(value) && unreadBehind(n)
		lent := extract == nil && any(key) == any(serde.String) && keylessBehind(n)
		return func(topic string) (graph.Head, error) {
			s := &source[K, V]{
				node: n, next: next, extract: extract,
				key: newDecoder(serde.Bind(key, topic, true)), value: newDecoder(serde.Bind(value, topic, false)),
			}
			s.value.skip, s.key.lent = unread, lent
			return s, nil
		}, nil
	}
}

// unreadBehind says whether no node behind n looks at values, so that they need
// not be decoded.
func unreadBehind(n *graph.Node) bool {
	for _, c := range n.Children {
		if !c.KeyOnly || c.Late != nil || c.Around != nil {
			return false
		}
	}
	return true
}

// keylessBehind says whether keys need only live until n's children return, so
// that they need no memory of their own.
func keylessBehind(n *graph.Node) bool {
	for _, c := range n.Children {
		if !c.Keyless || c.Late != nil || c.Around != nil || len(c.Adapters) > 0 || !keylessBehind(c) {
			return false
		}
	}
	return true
}

// neverFails says that a serde decodes whatever there is: nobody misses an error
// if it is not asked to.
func neverFails[T any](s serde.Serde[T]) bool {
	return any(s) == any(serde.String) || any(s) == any(serde.Bytes)
}

// source is the head of one input partition. With an extractor a record is
// decoded when it is stamped; by then the one before may still be in work, so
// there are two places.
type source[K, V any] struct {
	node    *graph.Node
	next    flow.Next[K, V]
	extract Extract[K, V]
	key     decoder[K]
	value   decoder[V]
	decoded [2]decodedRecord[K, V]
	last    int
}

type decodedRecord[K, V any] struct {
	from           *flow.Origin
	k              K
	v              V
	noKey, noValue bool
}

// OwnTime implements graph.Head.
func (s *source[K, V]) OwnTime() bool { return s.extract == nil }

// Stamp implements graph.Head.
func (s *source[K, V]) Stamp(o *flow.Origin, partitionTime int64) (int64, error) {
	if s.extract == nil {
		if o.Time < 0 {
			return 0, fmt.Errorf("timestamp %d is negative; choose a timestamp extractor that allows it", o.Time)
		}
		return o.Time, nil
	}
	s.last = 1 - s.last
	d, other := &s.decoded[s.last], &s.decoded[1-s.last]
	if other.from == o {
		other.from = nil // the place was that of a record that was left out
	}
	d.from = nil
	var err error
	if d.k, d.v, d.noKey, d.noValue, err = s.decode(o); err != nil {
		return 0, err
	}
	d.from = o
	m := flow.Meta{Time: o.Time, Headers: o.Headers, NoKey: d.noKey, NoValue: d.noValue, Origin: o}
	at, err := s.extract(d.k, d.v, &m, partitionTime)
	if err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, &graph.SkipRecord{Why: "negative timestamp"}
	}
	return at, nil
}

// Process implements graph.Head.
func (s *source[K, V]) Process(o *flow.Origin, m *flow.Meta) error {
	if s.extract != nil {
		for i := range s.decoded {
			if d := &s.decoded[i]; d.from == o {
				d.from = nil
				m.NoKey, m.NoValue = d.noKey, d.noValue
				return s.next(d.k, d.v, m)
			}
		}
	}
	k, v, noKey, noValue, err := s.decode(o)
	if err != nil {
		return err
	}
	m.NoKey, m.NoValue = noKey, noValue
	return s.next(k, v, m)
}

// decode returns what it decoded as values, which stay in registers: to write a
// struct and to read it at once costs more than the decoding around it.
func (s *source[K, V]) decode(o *flow.Origin) (k K, v V, noKey, noValue bool, err error) {
	if k, noKey, err = s.key.decode(o.Key, o.Headers); err != nil {
		return k, v, false, false, &graph.DecodeError{Node: s.node, Part: "key", Err: err}
	}
	if v, noValue, err = s.value.decode(o.Value, o.Headers); err != nil {
		return k, v, false, false, &graph.DecodeError{Node: s.node, Part: "value", Err: err}
	}
	return k, v, noKey, noValue, nil
}

// decoder decodes what may be null.
type decoder[T any] struct {
	serde   serde.Serde[T]
	headers serde.HeaderAware[T] // nil unless the serde reads headers
	nulls   flow.Nulls[T]
	skip    bool // the value is not wanted, only whether it is null
	lent    bool // T is string, which may be the bytes themselves: nobody keeps it
}

func newDecoder[T any](s serde.Serde[T]) decoder[T] {
	h, _ := s.(serde.HeaderAware[T])
	return decoder[T]{serde: s, headers: h, nulls: flow.NullsOf[T]()}
}

func (d *decoder[T]) decode(b []byte, h serde.Headers) (v T, null bool, err error) {
	switch {
	case b == nil:
		return v, true, nil
	case d.skip:
		return v, false, nil
	case d.lent:
		*(*string)(unsafe.Pointer(&v)) = unsafe.String(unsafe.SliceData(b), len(b))
		return v, false, nil
	case d.headers != nil:
		v, err = d.headers.DecodeRecord(b, h)
	default:
		v, err = d.serde.Decode(b)
	}
	return v, err == nil && d.nulls.Is(&v), err
}
