package tracing_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/tracing"
)

// producer is a trace that began elsewhere.
const producer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// wordcount has a repartition topic in its middle, and tells which span its
// processor saw.
func wordcount(t *testing.T, saw chan<- trace.SpanContext) *topology.Topology {
	t.Helper()
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("lines", serde.String, serde.String)).
		FlatMapValues(strings.FieldsSeq).
		GroupBy(func(_, word string) string { return word }).
		Count(state.KeyValue("counts", serde.String, serde.Int64)).
		Via(stream.Of).
		ProcessValues(topology.ValueFunc(func(ctx *topology.ValueContext[string, int64], r topology.Record[string, int64]) error {
			saw <- trace.SpanContextFromContext(ctx)
			return ctx.Forward(r.Value)
		})).
		To(topology.NewTopic("word-counts", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// run runs an app over one input record and returns the output record.
func run(t *testing.T, top *topology.Topology, c stream.Config, input *kgo.Record) *kgo.Record {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "lines", "word-counts"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("word-counts"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), input).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.ID, c.Brokers, c.Workers, c.StateDir = "wordcount", cluster.ListenAddrs(), 1, t.TempDir()
	c.CommitInterval, c.Logger = 100*time.Millisecond, slog.New(slog.DiscardHandler)
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	wait, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	fetches := cl.PollRecords(wait, 1)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if fetches.NumRecords() != 1 {
		t.Fatalf("no output: %v", fetches.Err())
	}
	return fetches.Records()[0]
}

func header(r *kgo.Record, key string) (value string, n int) {
	for _, h := range r.Headers {
		if h.Key == key {
			value, n = string(h.Value), n+1
		}
	}
	return value, n
}

// One trace goes from the producer of the input over the repartition topic to
// the output.
func TestTraceOverRepartition(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			spans := tracetest.NewInMemoryExporter()
			provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
			saw := make(chan trace.SpanContext, 10)
			out := run(t, wordcount(t, saw), stream.Config{Tracer: tracing.New(tracing.Options{Provider: provider}), Guarantee: g},
				&kgo.Record{Topic: "lines", Value: []byte("hello"), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte(producer)}}})
			parents := make(map[trace.SpanID]trace.SpanID)
			names := make(map[trace.SpanID]string)
			for _, s := range spans.GetSpans() {
				if id := s.SpanContext.TraceID().String(); id != "0af7651916cd43dd8448eb211c80319c" {
					t.Errorf("span %q is in the trace %s", s.Name, id)
				}
				id := s.SpanContext.SpanID()
				parents[id], names[id] = s.Parent.SpanID(), s.Name
				for _, a := range s.Attributes {
					if strings.Contains(a.Value.String(), "hello") {
						t.Errorf("span %q has the key in %s", s.Name, a.Key)
					}
				}
			}
			parent, n := header(out, "traceparent")
			if n != 1 {
				t.Fatalf("the output has %d traceparents", n)
			}
			c := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": parent})
			var way []string
			at := trace.SpanContextFromContext(c).SpanID()
			for ; names[at] != ""; at = parents[at] {
				way = append(way, names[at])
			}
			want := "word-counts publish < wordcount-counts-repartition process < wordcount-counts-repartition publish < lines process"
			if got := strings.Join(way, " < "); got != want || at.String() != "b7ad6b7169203331" {
				t.Errorf("the output comes from\n%s < %s, want\n%s", got, at, want)
			}
			if s := <-saw; names[s.SpanID()] != "wordcount-counts-repartition process" {
				t.Errorf("the processor saw the span %q", names[s.SpanID()])
			}
		})
	}
}

// A record without a trace is sampled where it enters the app, and all that
// comes of it goes by that.
func TestSampledAtTheSource(t *testing.T) {
	for _, sampled := range []bool{true, false} {
		spans := tracetest.NewInMemoryExporter()
		sampler := sdk.ParentBased(sdk.NeverSample())
		if sampled {
			sampler = sdk.ParentBased(sdk.AlwaysSample())
		}
		provider := sdk.NewTracerProvider(sdk.WithSyncer(spans), sdk.WithSampler(sampler))
		out := run(t, wordcount(t, make(chan trace.SpanContext, 10)), stream.Config{Tracer: tracing.New(tracing.Options{Provider: provider, NoClientSpans: true})},
			&kgo.Record{Topic: "lines", Value: []byte("hello")})
		want := 0
		if sampled {
			want = 2
		}
		if got := len(spans.GetSpans()); got != want {
			t.Errorf("sampled %v: %d spans, want %d", sampled, got, want)
		}
		parent, _ := header(out, "traceparent")
		if flags := parent[max(len(parent)-2, 0):]; flags != map[bool]string{true: "01", false: "00"}[sampled] {
			t.Errorf("sampled %v: the output says %q", sampled, parent)
		}
	}
}

// Without a tracer headers travel as they are.
func TestNoTracer(t *testing.T) {
	out := run(t, wordcount(t, make(chan trace.SpanContext, 10)), stream.Config{},
		&kgo.Record{Topic: "lines", Value: []byte("hello"), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte(producer)}}})
	if got, n := header(out, "traceparent"); got != producer || n != 1 {
		t.Errorf("the output has %d traceparents: %q", n, got)
	}
}

// A record that fails leaves a span that says so.
func TestFailedSpan(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tr := tracing.New(tracing.Options{Provider: sdk.NewTracerProvider(sdk.WithSyncer(spans)), NoClientSpans: true})
	s := tr.Start(stream.Pass{App: "app", Task: "0_0", Topic: "in", Headers: serde.Headers{{Key: "traceparent", Value: []byte("bad")}}})
	s.End(context.DeadlineExceeded)
	got := spans.GetSpans()
	if len(got) != 1 || got[0].Status.Description != context.DeadlineExceeded.Error() || len(got[0].Events) != 1 {
		t.Errorf("spans %v", got)
	}
}
