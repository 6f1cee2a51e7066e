package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ottla-streams/ottla/internal/measure"
)

// App is the app whose workers a Collector shows.
type App struct {
	ID, Version, Guarantee, Process string
	Started                         time.Time
	State                           func() string
	States                          []string // all that there are
	WorkerStates                    []string
	Wanted                          func() int // how many workers there should be
	Board                           *measure.Board
	Debug                           bool
}

// Collector makes series of what the workers of an app laid out. It is safe for
// concurrent use.
type Collector struct {
	app   App
	descs map[*Family]*prometheus.Desc
}

// NewCollector returns the Collector of an app.
func NewCollector(a App) *Collector {
	c := &Collector{app: a, descs: make(map[*Family]*prometheus.Desc)}
	for _, f := range families {
		if a.Debug || !f.Debug {
			c.descs[f] = f.desc(a.ID)
		}
	}
	return c
}

// Describe implements prometheus.Collector. Metrics of the user are not among
// what it tells: they are known when their processors run.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	s := scrape{c, to}
	s.set(appInfo, 1, c.app.Version, c.app.Guarantee, c.app.Process)
	s.states(appState, c.app.States, c.app.State())
	s.set(appStarted, seconds(c.app.Started))
	s.set(appWanted, float64(c.app.Wanted()))
	tasks := make(map[string]*measure.Task)
	alive := c.app.Board.Look()
	for _, w := range alive {
		s.worker(w)
		for _, t := range w.Tasks {
			// A task that moves may be seen at two workers for a moment.
			if old := tasks[t.ID]; old == nil || old.Role != "active" {
				tasks[t.ID] = t
			}
		}
	}
	s.set(appWorkers, float64(len(alive)))
	for _, t := range tasks {
		s.task(t)
	}
	s.values(tasks)
}

// scrape is one call of Collect.
type scrape struct {
	*Collector
	to chan<- prometheus.Metric
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s scrape) set(f *Family, v float64, labels ...string) {
	if d := s.descs[f]; d != nil {
		s.to <- prometheus.MustNewConstMetric(d, f.valueType(), v, labels...)
	}
}

func (s scrape) count(f *Family, n int64, labels ...string) { s.set(f, float64(n), labels...) }

// states sets a series of each state, 1 for the present one.
func (s scrape) states(f *Family, all []string, now string, labels ...string) {
	for _, state := range all {
		v := 0.0
		if state == now {
			v = 1
		}
		s.set(f, v, append(labels[:len(labels):len(labels)], state)...)
	}
}

// observe shows a histogram whose unit has some seconds.
func (s scrape) observe(f *Family, h *measure.Histogram, unit float64, labels ...string) {
	d := s.descs[f]
	if d == nil {
		return
	}
	buckets, n := make(map[float64]uint64, measure.Buckets-1), uint64(0)
	for i, c := range h.Counts {
		n += uint64(c)
		if i < measure.Buckets-1 {
			buckets[bound(i, unit)] = n
		}
	}
	s.to <- prometheus.MustNewConstHistogram(d, n, float64(h.Sum)*unit, buckets, labels...)
}

// Units of histograms, in seconds.
const (
	milli = 1e-3
	micro = 1e-6
)

// bound is the upper bound of a bucket in seconds. A division makes numbers that
// are short in decimals.
func bound(i int, unit float64) float64 {
	if unit == micro {
		return float64(measure.Bound(i)) / 1e6
	}
	return float64(measure.Bound(i)) / 1e3
}

func (s scrape) worker(w *measure.Worker) {
	id := strconv.Itoa(w.Index)
	s.states(workerState, s.app.WorkerStates, w.State, id)
	s.set(workerStarted, seconds(w.Began), id)
	s.set(workerHeartbeat, seconds(w.At), id)
	for _, a := range []struct {
		name string
		time time.Duration
	}{
		{"poll", w.Poll}, {"process", w.Process}, {"punctuate", w.Punctuate},
		{"commit", w.Commit}, {"restore", w.Restore}, {"other", w.Other},
	} {
		s.set(workerTime, a.time.Seconds(), id, a.name)
	}
	s.count(workerCreated, w.Created, id)
	s.count(workerClosed, w.Closed, id)
	s.count(workerLost, w.Lost, id)
	s.count(workerRevived, w.Revived, id)
	s.count(workerReplaced, w.Failed, id)
	s.count(polls, w.Polls, id)
	s.count(polledRecords, w.Polled, id)
	for _, o := range measure.Outcomes() {
		s.count(commits, w.Outcomes[o], id, o.String())
	}
	s.observe(commitTime, &w.Commits, milli, id)
	s.count(rebalances, w.Rebalances, id)
	s.set(rebalancing, w.Rebalancing.Seconds(), id)
	s.count(restored, w.Restored, id)
	s.count(quarantined, w.Quarantined, id)
	tasks := make(map[[2]string]int64)
	for _, t := range w.Tasks {
		tasks[[2]string{t.Role, t.Phase}]++
	}
	for k, n := range tasks {
		s.count(workerTasks, n, id, k[0], k[1])
	}
}
