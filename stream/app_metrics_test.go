package stream_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// runApp runs an app until the test ends.
func runApp(t *testing.T, top *topology.Topology, c stream.Config) *stream.App {
	t.Helper()
	c.StateDir, c.Logger = t.TempDir(), testLogger(t)
	c.CommitInterval = 100 * time.Millisecond
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return app
}

// sum adds the values of a metric whose labels have all of with.
func sum(t *testing.T, g prometheus.Gatherer, name string, with map[string]string) (total float64, series int) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			for k, v := range with {
				if labels[k] != v {
					continue metrics
				}
			}
			series++
			switch f.GetType() {
			case dto.MetricType_HISTOGRAM:
				total += float64(m.GetHistogram().GetSampleCount())
			case dto.MetricType_COUNTER:
				total += m.GetCounter().GetValue()
			default:
				total += m.GetGauge().GetValue()
			}
		}
	}
	return total, series
}

// becomes waits until a sum is what is wanted.
func becomes(t *testing.T, g prometheus.Gatherer, want float64, name string, with map[string]string) {
	t.Helper()
	var got float64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got, _ = sum(t, g, name, with); got == want {
			return
		}
	}
	t.Errorf("%s%v is %v, want %v", name, with, got, want)
}

type labels = map[string]string

func TestMetricsOfAnApp(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 2, "lines", "word-counts")
	produce(t, addrs, "lines", "the quick brown fox", "jumps over The lazy dog", "the end")
	reg := prometheus.NewRegistry()
	runApp(t, wordcount(t), stream.Config{ID: "wordcount", Brokers: addrs, Workers: 1, Registerer: reg, MetricsLevel: stream.MetricsDebug})
	const words = 11
	becomes(t, reg, 3, "ottla_topic_consumed_records_total", labels{"topic": "lines"})
	becomes(t, reg, words, "ottla_topic_produced_records_total", labels{"topic": "wordcount-counts-repartition"})
	becomes(t, reg, words, "ottla_topic_consumed_records_total", labels{"topic": "wordcount-counts-repartition"})
	becomes(t, reg, words, "ottla_topic_produced_records_total", labels{"topic": "word-counts"})
	becomes(t, reg, words, "ottla_kafka_produce_records_total", labels{"topic": "word-counts"})
	becomes(t, reg, words+3, "ottla_task_processed_records_total", nil)
	becomes(t, reg, words, "ottla_store_operations_total", labels{"store": "counts", "operation": "put"})
	becomes(t, reg, 9, "ottla_store_memory_entries", labels{"store": "counts"})
	becomes(t, reg, 0, "ottla_task_lag_records", nil)
	becomes(t, reg, 0, "ottla_task_dropped_records_total", nil)
	becomes(t, reg, 1, "ottla_app_state", labels{"state": "running"})
	becomes(t, reg, 1, "ottla_app_workers", nil)
	becomes(t, reg, 4, "ottla_worker_tasks", labels{"role": "active", "phase": "processing"})
	for _, name := range []string{
		"ottla_worker_commit_duration_seconds", "ottla_node_e2e_latency_seconds", "ottla_worker_rebalances_total",
		"ottla_worker_polled_records_total", "ottla_kafka_fetch_records_total", "ottla_worker_seconds_total",
		"ottla_node_processed_records_total", "ottla_store_changelog_records_total",
	} {
		if got, _ := sum(t, reg, name, labels{"app": "wordcount"}); got == 0 {
			t.Errorf("%s is 0", name)
		}
	}
	lint(t, reg)
	scrapes(t, reg)
}

// lint checks the names of the library's own metrics.
func lint(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	own := func(p promlint.Problem) bool { return !strings.HasPrefix(p.Metric, "ottla_kafka_") }
	for _, p := range problems {
		if own(p) {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func scrapes(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	srv := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("scrape: %s: %v: %.200s", resp.Status, err, text)
	}
	if want := `ottla_topic_consumed_records_total{app="wordcount",node="KSTREAM-SOURCE-0000000000",task="0_0",topic="lines"}`; !strings.Contains(string(text), want) {
		t.Errorf("the scrape lacks %s", want)
	}
	if strings.Contains(string(text), "brown") {
		t.Error("the scrape has a key")
	}
}

// At the level info there are no series of nodes, and none is left when the app ended.
func TestMetricsLevel(t *testing.T) {
	addrs := fakeCluster(t, 1, "lines", "word-counts")
	produce(t, addrs, "lines", "the quick brown fox")
	reg := prometheus.NewRegistry()
	t.Run("run", func(t *testing.T) {
		runApp(t, wordcount(t), stream.Config{ID: "wordcount", Brokers: addrs, Workers: 1, Registerer: reg})
		becomes(t, reg, 4, "ottla_topic_produced_records_total", labels{"topic": "word-counts"})
		for _, name := range []string{"ottla_node_processed_records_total", "ottla_store_operations_total", "ottla_engine_disk_bytes"} {
			if _, series := sum(t, reg, name, nil); series > 0 {
				t.Errorf("%s is there at the level info", name)
			}
		}
	})
	families, err := reg.Gather()
	if err != nil || len(families) > 0 {
		t.Errorf("%d metrics are left when the app has ended: %v", len(families), err)
	}
}

func TestMetricsOfTwoAppsOfOneName(t *testing.T) {
	addrs := fakeCluster(t, 1, "lines", "word-counts")
	reg := prometheus.NewRegistry()
	c := stream.Config{ID: "wordcount", Brokers: addrs, Workers: 1, Registerer: reg}
	runApp(t, wordcount(t), c)
	becomes(t, reg, 1, "ottla_app_workers", nil)
	c.StateDir, c.Logger = t.TempDir(), testLogger(t)
	app, err := stream.NewApp(wordcount(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "config: Registerer: duplicate") {
		t.Errorf("error %v", err)
	}
}
