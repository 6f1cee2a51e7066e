// Package streamtest runs a topology in a test, without a broker.
//
// There is one type: a [Driver] takes records by [Driver.Send], runs them
// through the runtime's own tasks until nothing is left to do, and gives what
// was written to a topic by [Driver.Read]. A store is opened with its handle:
// counts.In(driver). Both clocks stand still unless the test moves them.
package streamtest

import (
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/topology"
)

// Driver runs a topology. Mistakes fail the test. It is not safe for concurrent use.
type Driver struct {
	t    testing.TB
	d    *drive.Driver
	opts options
	out  map[string][]drive.Record
}

// Option is a setting of a Driver.
type Option func(*options)

type options struct {
	app        string
	partitions int
	start      time.Time
	cache      int
	idle       time.Duration
}

// Partitions sets the number of partitions of all topics. The default is 1.
func Partitions(n int) Option { return func(o *options) { o.partitions = n } }

// ApplicationID sets the application id. The default is "test".
func ApplicationID(id string) Option { return func(o *options) { o.app = id } }

// StartAt sets the wall clock. The default is the start of 1970.
func StartAt(t time.Time) Option { return func(o *options) { o.start = t } }

// CacheBytes sets the size of the record cache. The default is none. The driver
// commits after each record, which flushes the cache.
func CacheBytes(n int) Option { return func(o *options) { o.cache = n } }

// IdleFlush is that of the app's Config: [Driver.AdvanceWall] then also does what
// is due because no newer record came. The default is never.
func IdleFlush(d time.Duration) Option { return func(o *options) { o.idle = d } }

// New starts a topology. It is closed at the end of the test.
func New(t testing.TB, top *topology.Topology, opts ...Option) *Driver {
	t.Helper()
	o := options{app: "test", partitions: 1, start: time.UnixMilli(0)}
	for _, opt := range opts {
		opt(&o)
	}
	d, err := drive.New(drive.Config{
		Topology: top.Graph(), App: o.app, Partitions: int32(o.partitions), Start: o.start.UnixMilli(), CacheBytes: o.cache,
		IdleMillis: o.idle.Milliseconds(),
	})
	if err != nil {
		t.Fatalf("streamtest: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(true); err != nil {
			t.Errorf("streamtest: close: %v", err)
		}
	})
	return &Driver{t: t, d: d, opts: o, out: make(map[string][]drive.Record)}
}

// Send writes a record to a topic at the time of the wall clock, and runs the
// topology until nothing is left to do.
func (d *Driver) Send[K, V any](topic topology.Topic[K, V], key K, value V) {
	d.t.Helper()
	d.SendRecord(topic, topology.Record[K, V]{Key: key, Value: value, Time: d.Wall()})
}

// SendAt is Send with a timestamp.
func (d *Driver) SendAt[K, V any](topic topology.Topic[K, V], key K, value V, at time.Time) {
	d.t.Helper()
	d.SendRecord(topic, topology.Record[K, V]{Key: key, Value: value, Time: at})
}

// SendRecord is Send with all of a record: NoKey and NoValue make nulls. The
// partition is that of the key's hash.
func (d *Driver) SendRecord[K, V any](topic topology.Topic[K, V], r topology.Record[K, V]) {
	d.t.Helper()
	raw := drive.Record{Topic: topic.Name(), Time: r.Time.UnixMilli(), Headers: slices.Clone(r.Headers)}
	raw.Key = encode(d, topic, "key", topic.KeySerde(), r.Key, r.NoKey, &raw.Headers)
	raw.Value = encode(d, topic, "value", topic.ValueSerde(), r.Value, r.NoValue, &raw.Headers)
	if raw.Key != nil {
		raw.Partition = hash.Partition(raw.Key, int32(d.opts.partitions))
	}
	d.do(d.d.Send(raw))
}

// SendBytes writes raw bytes, which need not decode, to partition 0 of a topic.
// Nil is null.
func (d *Driver) SendBytes(topic string, key, value []byte, at time.Time) error {
	err := d.d.Send(drive.Record{Topic: topic, Key: key, Value: value, Time: at.UnixMilli()})
	d.collect()
	return err
}

func encode[K, V, T any](d *Driver, topic topology.Topic[K, V], part string, s serde.Serde[T], v T, null bool, h *serde.Headers) []byte {
	d.t.Helper()
	if null {
		return nil
	}
	s = serde.Bind(s, topic.Name(), part == "key")
	var b []byte
	var err error
	if aware, ok := s.(serde.HeaderAware[T]); ok {
		b, err = aware.AppendRecord([]byte{}, v, h)
	} else {
		b, err = s.AppendTo([]byte{}, v)
	}
	if err != nil {
		d.t.Fatalf("streamtest: topic %s: %s: %v", topic.Name(), part, err)
	}
	return b
}

func (d *Driver) do(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatalf("streamtest: %v", err)
	}
	d.collect()
}

func (d *Driver) collect() {
	for _, r := range d.d.Produced() {
		d.out[r.Topic] = append(d.out[r.Topic], r)
	}
}

// Read returns the records written to a topic since the last Read of it.
func (d *Driver) Read[K, V any](topic topology.Topic[K, V]) []topology.Record[K, V] {
	d.t.Helper()
	raw := d.out[topic.Name()]
	delete(d.out, topic.Name())
	records := make([]topology.Record[K, V], len(raw))
	for i, r := range raw {
		o := &records[i]
		o.Time, o.Headers = time.UnixMilli(r.Time), r.Headers
		o.Origin = topology.Origin{Topic: r.Topic, Partition: r.Partition, Offset: int64(i)}
		o.Key, o.NoKey = decode(d, topic, "key", topic.KeySerde(), r.Key, r.Headers)
		o.Value, o.NoValue = decode(d, topic, "value", topic.ValueSerde(), r.Value, r.Headers)
	}
	return records
}

func decode[K, V, T any](d *Driver, topic topology.Topic[K, V], part string, s serde.Serde[T], b []byte, h serde.Headers) (v T, null bool) {
	d.t.Helper()
	if b == nil {
		return v, true
	}
	s = serde.Bind(s, topic.Name(), part == "key")
	var err error
	if aware, ok := s.(serde.HeaderAware[T]); ok {
		v, err = aware.DecodeRecord(b, h)
	} else {
		v, err = s.Decode(b)
	}
	if err != nil {
		d.t.Fatalf("streamtest: topic %s: %s: %v", topic.Name(), part, err)
	}
	return v, false
}

// Wall returns the wall clock.
func (d *Driver) Wall() time.Time { return time.UnixMilli(d.d.Clock()) }

// AdvanceWall moves the wall clock and runs the punctuations that are due.
func (d *Driver) AdvanceWall(by time.Duration) {
	d.t.Helper()
	d.do(d.d.AdvanceWall(by.Milliseconds()))
}

// AdvanceStream moves stream time without a record and runs the punctuations
// that are due. Windows, joins and suppression see the new time with their next
// record.
func (d *Driver) AdvanceStream(to time.Time) {
	d.t.Helper()
	d.do(d.d.AdvanceStream(to.UnixMilli()))
}

// StateStore finds the store of a handle in partition 0, so that a handle can
// be opened with the Driver: counts.In(d). See [Driver.Partition].
func (d *Driver) StateStore(name string) (any, error) { return d.Partition(0).StateStore(name) }

// Partition opens the stores of a partition: counts.In(d.Partition(2)).
func (d *Driver) Partition(p int) Partition { return Partition{d, int32(p)} }

// Partition is a partition's stores.
type Partition struct {
	d *Driver
	p int32
}

// StateStore finds the store of a handle.
func (p Partition) StateStore(name string) (any, error) { return p.d.d.StateStore(p.p, name) }

// Dropped returns how many records were left out so far.
func (d *Driver) Dropped() int64 { return d.d.Dropped() }
