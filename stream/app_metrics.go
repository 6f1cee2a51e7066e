package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/metrics"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/internal/trace"
	"github.com/ottla-streams/ottla/serde"
)

// MetricsLevel is how much of an app is measured.
type MetricsLevel uint8

// The levels.
const (
	// MetricsInfo measures apps, workers, tasks, topics and restores.
	MetricsInfo MetricsLevel = iota
	// MetricsDebug measures each node, store and engine as well. It costs some
	// percent of throughput.
	MetricsDebug
)

func (l MetricsLevel) String() string {
	if l == MetricsDebug {
		return "debug"
	}
	return "info"
}

// measured lets the app be seen in Config.Registerer until stop is called, and
// all clients that are made of clients.
func (a *App) measured(clients *client.Config) (stop func(), err error) {
	reg := a.c.Registerer
	if reg == nil && !a.query.live.counted.Load() {
		return func() {}, nil
	}
	debug := a.c.MetricsLevel == MetricsDebug
	a.board = &measure.Board{Debug: debug}
	a.query.live.board.Store(a.board)
	if reg == nil {
		return func() {}, nil
	}
	info := metrics.App{
		ID: a.c.ID, Version: client.Version(), Guarantee: a.c.Guarantee.String(), Process: clients.Name, Started: time.Now(),
		State: func() string { return a.State().String() }, Wanted: a.crew.size, Board: a.board, Debug: debug,
	}
	for s := Created; s <= Failed; s++ {
		info.States = append(info.States, s.String())
	}
	for s := worker.Starting; s <= worker.Stopped; s++ {
		info.WorkerStates = append(info.WorkerStates, s.String())
	}
	c := metrics.NewCollector(info)
	if err := reg.Register(c); err != nil {
		return nil, fmt.Errorf("config: Registerer: %w", err)
	}
	clients.Hook = func() kgo.Hook { return metrics.Client(reg, a.c.ID, debug, a.log) }
	return func() { reg.Unregister(c) }, nil
}

// size is how many workers there should be.
func (c *crew) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.hands)
}

// Tracer traces records on their way through an app. Package tracing has one
// for OpenTelemetry. Its methods are called by all workers at once.
type Tracer interface {
	// Start begins the span of a record's way through a task. Nil leaves the
	// record untraced, and what comes of it.
	Start(p Pass) Span

	// Hooks are those of the tracer in the app's consumers and producers.
	Hooks() []kgo.Hook
}

// Pass is the way of a record through a task.
type Pass struct {
	App, Task, Node string // Node is the source node
	Topic           string
	Partition       int32
	Offset, Time    int64 // Time is in milliseconds since the epoch
	Headers         serde.Headers
}

// Span is a [Pass] that is traced. It belongs to the goroutine of its task.
type Span interface {
	// Context has the span. Processors see it as their context.
	Context() context.Context

	// Inject returns h with what lets the reader of an output go on with the
	// trace. It does not write to h.
	Inject(h serde.Headers) serde.Headers

	// End ends the span. err is why the record was not processed, nil if it was.
	End(err error)
}

// tracer returns what begins spans in tasks, nil for nothing.
func (a *App) tracer() func(trace.Pass) trace.Span {
	t := a.c.Tracer
	if t == nil {
		return nil
	}
	return func(p trace.Pass) trace.Span {
		if s := t.Start(Pass(p)); s != nil {
			return s
		}
		return nil
	}
}

func (a *App) traceHooks() []kgo.Hook {
	if a.c.Tracer == nil {
		return nil
	}
	return a.c.Tracer.Hooks()
}
