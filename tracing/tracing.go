// Package tracing traces the records of an app with OpenTelemetry.
//
// There is one type: a [Tracer], for the Tracer field of a stream.Config. It
// makes a span of each way of a record through a sub-topology. What comes of the
// record carries the span in its headers, as W3C trace context unless told
// otherwise, so that the trace goes on in the sub-topology behind a repartition
// topic, and in whoever reads the output. The spans of the app's Kafka clients
// are kotel's.
//
// Whether a record is traced is decided where its trace begins: by who produced
// it, or by the provider's sampler where it comes without a trace.
package tracing

import (
	"context"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
)

// Scope is the name of the instrumentation in the spans of a Tracer.
const Scope = "github.com/ottla-streams/ottla/tracing"

// Options are the settings of a [Tracer].
type Options struct {
	// Provider makes the spans and decides which of them are sampled. Its owner
	// shuts it down, after the app. Defaults to the global one.
	Provider trace.TracerProvider

	// Propagator writes and reads the headers of records. Defaults to W3C trace
	// context and baggage.
	Propagator propagation.TextMapPropagator

	// NoClientSpans leaves the spans of the Kafka clients out: publish and receive.
	NoClientSpans bool
}

// Tracer traces records. It is safe for concurrent use, by several apps too.
type Tracer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	hooks      []kgo.Hook
}

var _ stream.Tracer = (*Tracer)(nil)

// New returns a Tracer.
func New(o Options) *Tracer {
	if o.Provider == nil {
		o.Provider = otel.GetTracerProvider()
	}
	if o.Propagator == nil {
		o.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	t := &Tracer{tracer: o.Provider.Tracer(Scope), propagator: o.Propagator}
	if !o.NoClientSpans {
		t.hooks = []kgo.Hook{newClients(o)}
	}
	return t
}

// Hooks implements stream.Tracer.
func (t *Tracer) Hooks() []kgo.Hook { return t.hooks }

// Start implements stream.Tracer. The names of the attributes are those of
// OpenTelemetry's conventions for messaging; neither key nor value are among them.
func (t *Tracer) Start(p stream.Pass) stream.Span {
	h := carrier(p.Headers)
	ctx := t.propagator.Extract(context.Background(), &h)
	ctx, s := t.tracer.Start(ctx, p.Topic+" process", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "kafka"),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", p.Topic),
		attribute.String("messaging.destination.partition.id", strconv.Itoa(int(p.Partition))),
		attribute.String("messaging.consumer.group.name", p.App),
		attribute.Int64("messaging.kafka.offset", p.Offset),
		attribute.String("ottla.task", p.Task),
		attribute.String("ottla.node", p.Node),
	))
	return &span{t, ctx, s}
}

// span is the way of a record through a task.
type span struct {
	t    *Tracer
	ctx  context.Context
	span trace.Span
}

func (s *span) Context() context.Context { return s.ctx }

func (s *span) Inject(h serde.Headers) serde.Headers {
	c := append(make(carrier, 0, len(h)+2), h...)
	s.t.propagator.Inject(s.ctx, &c)
	return serde.Headers(c)
}

func (s *span) End(err error) {
	if err != nil {
		s.span.RecordError(err)
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}

// carrier is the headers of a record as propagators see them.
type carrier serde.Headers

func (c *carrier) Get(key string) string {
	for i := len(*c) - 1; i >= 0; i-- {
		if (*c)[i].Key == key {
			return string((*c)[i].Value)
		}
	}
	return ""
}

// Set takes the place of all values of a key: those are of the record that the
// headers come from.
func (c *carrier) Set(key, value string) {
	kept := (*c)[:0]
	for _, h := range *c {
		if h.Key != key {
			kept = append(kept, h)
		}
	}
	*c = append(kept, serde.Header{Key: key, Value: []byte(value)})
}

func (c *carrier) Keys() []string {
	keys := make([]string, len(*c))
	for i, h := range *c {
		keys[i] = h.Key
	}
	return keys
}
