// Package trace is what the runtime asks of a tracer.
//
// There are two types: a [Pass] says which record goes through which task, a
// [Span] is what a tracer makes of it. Who traces gives the runtime a function
// from one to the other. A Span belongs to the goroutine of its task.
package trace

import (
	"context"

	"github.com/ottla-streams/ottla/serde"
)

// Pass is the way of a record through a task.
type Pass struct {
	App, Task, Node string // Node is the source node
	Topic           string
	Partition       int32
	Offset, Time    int64 // Time is in milliseconds since the epoch
	Headers         serde.Headers
}

// Span is a Pass that is traced.
type Span interface {
	// Context has the span, for what is done within.
	Context() context.Context

	// Inject returns h with what a reader of the record needs to go on with the
	// trace. It does not write to h.
	Inject(h serde.Headers) serde.Headers

	// End ends the span. err is why the record was not processed, nil if it was.
	End(err error)
}
