package topology

import "github.com/ottla-streams/ottla/internal/measure"

// A processor's own metrics are made in Init, by its Context. They go where the
// app's go (Config.Registerer of package stream), with the labels app, task and
// node, so that a name is one metric in all tasks; without such a place they
// count for nobody. They are as cheap as the addition that they are, and belong
// to the task's goroutine. Names are of lower case letters, digits and '_', and
// don't begin with ottla_. A name that can't be is an error of Init. The values
// begin anew when the task moves.

// Counter is a metric of a processor that only goes up. See [Context.Counter].
type Counter struct{ v *measure.Value }

// Inc adds 1.
func (c *Counter) Inc() { c.v.Sum++ }

// Add adds n. A negative n is left out.
func (c *Counter) Add(n float64) {
	if n > 0 {
		c.v.Sum += n
	}
}

// Gauge is a metric of a processor that goes up and down. See [Context.Gauge].
type Gauge struct{ v *measure.Value }

// Set sets the gauge to x.
func (g *Gauge) Set(x float64) { g.v.Sum = x }

// Add adds n, which may be negative.
func (g *Gauge) Add(n float64) { g.v.Sum += n }

// Histogram is a metric of a processor that counts how values are distributed.
// See [Context.Histogram].
type Histogram struct{ v *measure.Value }

// Observe counts x.
func (h *Histogram) Observe(x float64) { h.v.Observe(x) }

// Counter returns the counter of a name, which ends with _total, in this node
// and task. See [Initializer] for where to call it.
func (s *scope) Counter(name, help string) *Counter {
	return &Counter{s.metric(measure.Value{Name: name, Help: help, Kind: measure.Counter})}
}

// Gauge returns the gauge of a name in this node and task.
func (s *scope) Gauge(name, help string) *Gauge {
	return &Gauge{s.metric(measure.Value{Name: name, Help: help, Kind: measure.Gauge})}
}

// Histogram returns the histogram of a name in this node and task. bounds are
// the inclusive upper bounds of its buckets, ascending; a last one without a
// bound comes by itself. Base units, such as seconds and bytes, are the custom.
func (s *scope) Histogram(name, help string, bounds ...float64) *Histogram {
	return &Histogram{s.metric(measure.Value{Name: name, Help: help, Kind: measure.Distribution, Bounds: bounds})}
}

func (s *scope) metric(v measure.Value) *measure.Value {
	v.Node = s.node.Name
	m, err := s.in.Measure().Value(v)
	if err != nil {
		s.fail(err)
		v.Counts = make([]int64, len(v.Bounds)+1)
		return &v // user code goes on until it returns
	}
	return m
}
