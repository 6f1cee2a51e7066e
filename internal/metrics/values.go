package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ottla-streams/ottla/internal/measure"
)

// values shows the metrics of the user. Where tasks disagree on what a name
// stands for, that of the first task in order of their ids counts.
func (s scrape) values(tasks map[string]*measure.Task) {
	first := make(map[string]*measure.Value)
	for _, id := range slices.Sorted(maps.Keys(tasks)) {
		for _, v := range tasks[id].Values {
			f := first[v.Name]
			if f == nil {
				f = v
				first[v.Name] = v
			}
			if f.Kind == v.Kind && f.Help == v.Help && slices.Equal(f.Bounds, v.Bounds) {
				s.value(id, v)
			}
		}
	}
}

func (s scrape) value(task string, v *measure.Value) {
	d := prometheus.NewDesc(v.Name, v.Help, []string{"task", "node"}, prometheus.Labels{"app": s.app.ID})
	switch v.Kind {
	case measure.Counter:
		s.to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v.Sum, task, v.Node)
	case measure.Gauge:
		s.to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v.Sum, task, v.Node)
	case measure.Distribution:
		buckets, n := make(map[float64]uint64, len(v.Bounds)), uint64(0)
		for i, c := range v.Counts {
			n += uint64(c)
			if i < len(v.Bounds) {
				buckets[v.Bounds[i]] = n
			}
		}
		s.to <- prometheus.MustNewConstHistogram(d, n, v.Sum, buckets, task, v.Node)
	}
}
