package task

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/trace"
)

var errPanicked = errors.New("user code panicked")

// traced sends a record through the nodes, in a span of its own.
func (t *Task) traced(q *queue, o *flow.Origin) (err error) {
	t.span = t.c.Trace(trace.Pass{
		App: t.c.App, Task: t.c.ID.String(), Node: q.node.Name, Topic: o.Topic, Partition: o.Partition,
		Offset: o.Offset, Time: t.now, Headers: o.Headers,
	})
	if t.span == nil {
		return q.head.Process(o, &t.meta)
	}
	ctx := t.span.Context()
	t.inSpan.now.Store(&ctx)
	err = errPanicked // unless it returns
	defer func() {
		t.inSpan.now.Store(nil)
		t.span.End(err)
		t.span = nil
	}()
	err = q.head.Process(o, &t.meta)
	return err
}

// spanContext is the task's context with the span of the record in work. What
// user code has handed it to may ask it for values at any time.
type spanContext struct {
	context.Context
	now atomic.Pointer[context.Context] // nil between records
}

func (c *spanContext) Value(key any) any {
	if now := c.now.Load(); now != nil {
		if v := (*now).Value(key); v != nil {
			return v
		}
	}
	return c.Context.Value(key)
}

// traceOutput lets the readers of an output go on with the trace of the record
// in work.
func (t *Task) traceOutput(o *graph.Output) {
	o.Headers, o.Context = t.span.Inject(o.Headers), t.span.Context()
}
