package serve

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
)

// Store is a store that can be queried: a [Served].
type Store interface {
	storeName() string
	storeKind() string
	bind(app *stream.App) queried
}

// Served is a store that is served under its name. Its methods change how, before
// it is given to [New].
type Served[K, V any] struct {
	name, kind string
	handle     stream.Keyed[K]
	parse      func(string) (K, error)
	render     func(V) any
	opts       []state.QueryOption
	of         func(c codec[K, V]) queried
}

func newServed[K, V any](handle stream.Keyed[K], kind string, of func(c codec[K, V]) queried) *Served[K, V] {
	return &Served[K, V]{
		name: handle.StoreName(), kind: kind, handle: handle, parse: parseKey[K], render: func(v V) any { return v }, of: of,
	}
}

// ParseKey says how a key is read from the path of a request. The default takes
// strings as they are, []byte as base64url, and else what JSON makes of it.
func (s *Served[K, V]) ParseKey(f func(s string) (K, error)) *Served[K, V] {
	s.parse = f
	return s
}

// RenderValue says what of a value is made JSON. The default is the value itself.
func (s *Served[K, V]) RenderValue(f func(v V) any) *Served[K, V] {
	s.render = f
	return s
}

// PartitionedBy says in which partition an encoded key is. The default is that
// of Kafka's clients. See [state.PartitionedBy].
func (s *Served[K, V]) PartitionedBy(f func(key []byte, partitions int32) int32) *Served[K, V] {
	s.opts = append(s.opts, state.PartitionedBy(f))
	return s
}

func (s *Served[K, V]) storeName() string { return s.name }
func (s *Served[K, V]) storeKind() string { return s.kind }

func (s *Served[K, V]) bind(app *stream.App) queried {
	return s.of(codec[K, V]{app: app, handle: s.handle, key: s.handle.KeySerde(), parse: s.parse, render: s.render, opts: s.opts})
}

// queried is a store without its types.
type queried interface {
	// get reads one entry.
	get(ctx context.Context, key string, p *params) (row, bool, error)
	// owner says where a key is.
	owner(key string, p *params) (stream.KeyMetadata, error)
	// scan reads rows of each local partition.
	scan(ctx context.Context, p *params) []part
	// watch calls f with what a key has and its changes.
	watch(ctx context.Context, key string, p *params, f func(change) error) error
}

// codec is what the kinds of stores share.
type codec[K, V any] struct {
	app    *stream.App
	handle stream.Keyed[K]
	key    serde.Serde[K]
	parse  func(string) (K, error)
	render func(V) any
	opts   []state.QueryOption
}

// options are those of the store and of the request.
func (c *codec[K, V]) options(p *params) []state.QueryOption {
	return append(c.opts[:len(c.opts):len(c.opts)], p.options()...)
}

func (c *codec[K, V]) parsed(s string) (K, error) {
	k, err := c.parse(s)
	if err != nil {
		return k, &badRequest{"the key is not one of this store"}
	}
	return k, nil
}

func (c *codec[K, V]) owner(key string, p *params) (stream.KeyMetadata, error) {
	k, err := c.parsed(key)
	if err != nil {
		return stream.KeyMetadata{}, err
	}
	return c.app.MetadataForKey(c.handle, k, c.options(p)...)
}

func (c *codec[K, V]) row(k K, v V) (r row, err error) {
	if r.Key, err = json.Marshal(k); err != nil {
		return row{}, fmt.Errorf("key as JSON: %w", err)
	}
	if r.Value, err = json.Marshal(c.render(v)); err != nil {
		return row{}, fmt.Errorf("value as JSON: %w", err)
	}
	return r, nil
}

// order encodes a key for the order of rows.
func (c *codec[K, V]) order(k K, more ...int64) ([]byte, error) {
	b, err := c.key.AppendTo(nil, k)
	for _, n := range more {
		b = append(b, fmt.Sprintf("%020d", n)...)
	}
	return b, err
}

func parseKey[K any](s string) (k K, err error) {
	switch p := any(&k).(type) {
	case *string:
		*p = s
		return k, nil
	case *[]byte:
		*p, err = base64.RawURLEncoding.DecodeString(s)
		return k, err
	}
	v := reflect.ValueOf(&k).Elem()
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
		return k, nil
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		v.SetFloat(f)
		return k, err
	}
	return k, json.Unmarshal([]byte(s), &k)
}

// row is an entry of an answer.
type row struct {
	Key   json.RawMessage `json:"key"`
	Value json.RawMessage `json:"value"`
	Time  *time.Time      `json:"time,omitempty"`
	Start *time.Time      `json:"start,omitempty"` // of a window or session
	End   *time.Time      `json:"end,omitempty"`
	From  *time.Time      `json:"from,omitempty"` // of a version
	Until *time.Time      `json:"until,omitempty"`
	Order []byte          `json:"order,omitempty"` // between instances only
}

func (r *row) size() int { return len(r.Key) + len(r.Value) + len(r.Order) + 64 }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// part is the rows of one partition, in order.
type part struct {
	Partition int32  `json:"partition"`
	Rows      []row  `json:"rows,omitempty"`
	More      bool   `json:"more,omitempty"`  // there are rows behind these
	Error     string `json:"error,omitempty"` // why there are none, see problem
	err       error
}
