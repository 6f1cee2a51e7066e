package tracing

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// clients is kotel's hook for those records that are in a trace already. Others
// would begin one each: the records of changelogs, and inputs before the app had
// a look at them.
type clients struct {
	kotel      *kotel.Tracer
	propagator propagation.TextMapPropagator
}

var (
	_ kgo.HookProduceRecordBuffered   = (*clients)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*clients)(nil)
	_ kgo.HookFetchRecordBuffered     = (*clients)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*clients)(nil)
)

var errNoKeys = errors.New("keys stay out of traces")

func newClients(o Options) *clients {
	k := kotel.NewTracer(kotel.TracerProvider(o.Provider), kotel.TracerPropagator(o.Propagator),
		kotel.KeyFormatter(func(*kgo.Record) (string, error) { return "", errNoKeys }))
	return &clients{k, o.Propagator}
}

func traced(ctx context.Context) bool {
	return ctx != nil && trace.SpanContextFromContext(ctx).IsValid()
}

func (c *clients) OnProduceRecordBuffered(r *kgo.Record) {
	if traced(r.Context) {
		c.kotel.OnProduceRecordBuffered(r)
	}
}

func (c *clients) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	if traced(r.Context) {
		c.kotel.OnProduceRecordUnbuffered(r, err)
	}
}

func (c *clients) OnFetchRecordBuffered(r *kgo.Record) {
	if traced(c.propagator.Extract(context.Background(), kotel.NewRecordCarrier(r))) {
		c.kotel.OnFetchRecordBuffered(r)
	}
}

func (c *clients) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if traced(r.Context) {
		c.kotel.OnFetchRecordUnbuffered(r, polled)
	}
}
