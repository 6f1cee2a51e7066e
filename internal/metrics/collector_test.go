package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/ottla-streams/ottla/internal/measure"
)

// fullTask has something of everything.
func fullTask(id, role string) *measure.Task {
	t := measure.NewTask(id)
	t.Debug, t.Role, t.Phase, t.StreamTime, t.Processed = true, role, "processing", 1500, 7
	t.Drop("n", "null key")
	t.Fail("decode", "skipped")
	in := t.Input("in", "src")
	in.Unstamped, in.Lag = 6, 3
	in.Latency.Observe(5)
	t.Now = 100
	t.Output("out", "sink").Add(t, 10, 40)
	t.Output("more", "sink").Add(t, 10, 40)
	t.Node("last", true).Records = 7
	s := t.Store("s")
	s.Buffer, s.Cached, s.Remaining = true, true, 4
	s.Read.Observe(20)
	t.Engine = measure.Engine{Open: true, Known: true, DiskBytes: 9}
	for _, v := range []measure.Value{
		{Name: "shop_total", Help: "h", Node: "n", Kind: measure.Counter},
		{Name: "shop_size_bytes", Help: "h", Node: "n", Kind: measure.Distribution, Bounds: []float64{1, 2}},
	} {
		m, err := t.Value(v)
		if err != nil {
			panic(err)
		}
		m.Sum++
	}
	return t
}

func gather(t *testing.T, b *measure.Board, debug bool) map[string]*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(NewCollector(App{
		ID: "app", State: func() string { return "b" }, States: []string{"a", "b"}, WorkerStates: []string{"running"},
		Wanted: func() int { return 2 }, Board: b, Debug: debug,
	}))
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(all).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	byName := make(map[string]*dto.MetricFamily)
	for _, f := range all {
		byName[f.GetName()] = f
	}
	return byName
}

// Each metric that there is comes to be seen, at its level.
func TestAllFamilies(t *testing.T) {
	b := &measure.Board{Debug: true}
	w := b.Slot(1)
	w.Index, w.State = 1, "running"
	w.Commits.Observe(3)
	w.Show(time.Now(), []*measure.Task{fullTask("0_0", "active"), fullTask("0_1", "standby")})
	for _, debug := range []bool{true, false} {
		got := gather(t, b, debug)
		for _, f := range families {
			if m := got[f.Name]; (m != nil) != (debug || !f.Debug) {
				t.Errorf("debug %v: %s: there %v", debug, f.Name, m != nil)
			}
		}
		if got["shop_total"] == nil || got["shop_size_bytes"] == nil {
			t.Error("the metrics of the user are not there")
		}
	}
	got := gather(t, b, true)
	h := got["ottla_node_e2e_latency_seconds"].GetMetric()
	if len(h) != 3 { // src, sink with two topics, last
		t.Errorf("latency of %d nodes", len(h))
	}
	for _, m := range got["ottla_topic_produced_bytes_total"].GetMetric() {
		if m.GetCounter().GetValue() != 10 {
			t.Errorf("produced %v", m)
		}
	}
}

// What a scrape sees is a copy, and a task that is seen twice counts once.
func TestScrapesSeeCopies(t *testing.T) {
	b := &measure.Board{}
	mine, copied := fullTask("0_0", "active"), fullTask("0_0", "standby")
	for i, task := range []*measure.Task{mine, copied} {
		w := b.Slot(i + 1)
		w.Index = i + 1
		w.Show(time.Now(), []*measure.Task{task})
	}
	processed := func() float64 {
		m := gather(t, b, false)["ottla_task_processed_records_total"].GetMetric()
		if len(m) != 1 {
			t.Fatalf("%d series", len(m))
		}
		return m[0].GetCounter().GetValue()
	}
	mine.Processed = 1000
	mine.Drop("other", "why")
	if n := processed(); n != 7 {
		t.Errorf("processed %v", n)
	}
	b.Slot(1).Show(time.Now(), []*measure.Task{mine})
	if n := processed(); n != 1000 {
		t.Errorf("processed %v", n)
	}
	b.Slot(1).Hide()
	if n := gather(t, b, false)["ottla_app_workers"].GetMetric()[0].GetGauge().GetValue(); n != 1 {
		t.Errorf("%v workers", n)
	}
}
