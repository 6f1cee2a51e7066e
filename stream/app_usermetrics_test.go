package stream_test

import (
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// meter has metrics of its own, and keeps a range read open while it is told to.
type meter struct {
	store   *state.KeyValueSpec[string, string]
	records *topology.Counter
	length  *topology.Histogram
	last    *topology.Gauge
	stop    func()
}

func (m *meter) Init(ctx *topology.ValueContext[string, string]) error {
	m.records = ctx.Counter("shop_records_total", "Records of the shop.")
	m.length = ctx.Histogram("shop_length_bytes", "Length of the records.", 2, 8)
	m.last = ctx.Gauge("shop_last_length_bytes", "Length of the last record.")
	return nil
}

func (m *meter) Process(ctx *topology.ValueContext[string, string], r topology.Record[string, string]) error {
	m.records.Inc()
	m.length.Observe(float64(len(r.Value)))
	m.last.Set(float64(len(r.Value)))
	store := m.store.In(ctx)
	switch r.Value {
	case "open":
		var next func() (state.Entry[string, string], error, bool)
		next, m.stop = iter.Pull2(store.All())
		if _, err, ok := next(); err != nil || !ok {
			return err
		}
	case "close":
		m.stop()
	}
	return store.Put("k", r.Value)
}

func TestMetricsOfProcessors(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 1, "in")
	store := state.KeyValue("last", serde.String, serde.String)
	b := stream.NewBuilder()
	in := b.Stream(topology.NewTopic("in", serde.String, serde.String))
	in.ProcessValues(func() *meter { return &meter{store: store} }, store).Named("meter")
	in.SelectKey(func(_, v string) string { return v }).Named("by-value")
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	runApp(t, top, stream.Config{ID: "app", Brokers: addrs, Workers: 1, Registerer: reg})
	produce(t, addrs, "in", "first", "open")
	at := labels{"app": "app", "task": "0_0", "node": "meter"}
	becomes(t, reg, 2, "shop_records_total", at)
	becomes(t, reg, 2, "shop_length_bytes", at)
	becomes(t, reg, 4, "shop_last_length_bytes", at)
	becomes(t, reg, 1, "ottla_store_open_iterators", labels{"store": "last"})
	produce(t, addrs, "in", "close")
	becomes(t, reg, 0, "ottla_store_open_iterators", labels{"store": "last"})
	becomes(t, reg, 3, "shop_records_total", at)
	lint(t, reg)
}

// What is left out is counted by its reason.
func TestMetricsOfLateRecords(t *testing.T) {
	addrs := fakeCluster(t, 1, "in")
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("in", serde.String, serde.String).WithTimestamps(func(r topology.Record[string, string], _ time.Time) (time.Time, error) {
		d, err := time.ParseDuration(r.Value)
		return time.UnixMilli(0).Add(d), err
	})).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(state.Windows("counts", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	runApp(t, top, stream.Config{
		ID: "app", Brokers: addrs, Workers: 1, Registerer: reg,
		OnError: stream.ErrorPolicy{Decode: stream.SkipOnError},
	})
	produce(t, addrs, "in", "1h", "10s", "20s", "never", "61m")
	becomes(t, reg, 2, "ottla_task_dropped_records_total", labels{"reason": "window has closed"})
	becomes(t, reg, 1, "ottla_task_failed_records_total", labels{"stage": "decode", "verdict": "skipped"})
	becomes(t, reg, 4, "ottla_task_processed_records_total", nil)
	becomes(t, reg, 3660, "ottla_task_stream_time_seconds", nil)
}

func TestNamesOfMetrics(t *testing.T) {
	for name, want := range map[string]string{
		"shop_records": "the name of a counter ends with _total", "ottla_x_total": "the library's own", "Shop_total": "lower case",
	} {
		b := stream.NewBuilder()
		b.Stream(topology.NewTopic("in", serde.String, serde.String)).Process(func() *named { return &named{name: name} })
		top, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		d, err := drive.New(drive.Config{Topology: top.Graph(), App: "app"})
		if d != nil {
			d.Close(false)
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "app_usermetrics_test.go:") {
			t.Errorf("metric %s: error %v", name, err)
		}
	}
}

type named struct{ name string }

func (n *named) Init(ctx *topology.Context[string, string]) error {
	ctx.Counter(n.name, "What for.").Inc()
	return nil
}

func (n *named) Process(*topology.Context[string, string], topology.Record[string, string]) error {
	return nil
}
