// Package metrics shows what the runtime counts to Prometheus.
//
// There are only a few types: a [Family] is a metric as it is documented; a
// [Collector] reads what the workers of an app have laid out, at each scrape,
// and makes series of it; Client is the hook that measures a Kafka client.
//
// Scrapes come on any goroutine. A Collector reads copies only, so that it costs
// the workers nothing.
package metrics

import "github.com/prometheus/client_golang/prometheus"

// Kind is the kind of a Family.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota
	Gauge
	Histogram
)

func (k Kind) String() string { return [...]string{"counter", "gauge", "histogram"}[k] }

// Family is a metric of the library. All have the label app beside their own.
type Family struct {
	Name, Help string
	Kind       Kind
	Labels     []string
	Debug      bool // only at the level debug
}

var families []*Family

// Families returns all metrics of the library, in the order of the documentation.
func Families() []*Family { return families }

func define(kind Kind, name, help string, labels ...string) *Family {
	f := &Family{Name: "ottla_" + name, Help: help, Kind: kind, Labels: labels}
	families = append(families, f)
	return f
}

func counter(name, help string, labels ...string) *Family {
	return define(Counter, name, help, labels...)
}

func gauge(name, help string, labels ...string) *Family { return define(Gauge, name, help, labels...) }

func histogram(name, help string, labels ...string) *Family {
	return define(Histogram, name, help, labels...)
}

// debug makes f one of the level debug.
func debug(f *Family) *Family {
	f.Debug = true
	return f
}

func (f *Family) desc(app string) *prometheus.Desc {
	return prometheus.NewDesc(f.Name, f.Help, f.Labels, prometheus.Labels{"app": app})
}

func (f *Family) valueType() prometheus.ValueType {
	if f.Kind == Counter {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}
