package collect

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/produce"
	"github.com/ottla-streams/ottla/serde"
)

// recordHooks are the user's hooks that want to see each record, as tracing has.
// They get one of the client's records, which they may add to.
type recordHooks struct {
	onBuffered    []kgo.HookProduceRecordBuffered
	onPartitioned []kgo.HookProduceRecordPartitioned
	onUnbuffered  []kgo.HookProduceRecordUnbuffered
}

func recordHooksOf(cl *kgo.Client) recordHooks {
	return recordHooks{
		onBuffered:    client.Hooks[kgo.HookProduceRecordBuffered](cl),
		onPartitioned: client.Hooks[kgo.HookProduceRecordPartitioned](cl),
		onUnbuffered:  client.Hooks[kgo.HookProduceRecordUnbuffered](cl),
	}
}

func (h *recordHooks) any() bool {
	return len(h.onBuffered)+len(h.onPartitioned)+len(h.onUnbuffered) > 0
}

// buffered shows r to the hooks, and takes over the headers that they leave.
func (h *recordHooks) buffered(ctx context.Context, o *graph.Output, num int32, r *produce.Record) {
	if o.Context != nil {
		ctx = o.Context
	}
	told := &kgo.Record{
		Topic: o.Topic, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.Time), Context: ctx,
		Headers: make([]kgo.RecordHeader, len(r.Headers)),
	}
	for i, header := range r.Headers {
		told.Headers[i] = kgo.RecordHeader{Key: header.Key, Value: header.Value}
	}
	for _, f := range h.onBuffered {
		f.OnProduceRecordBuffered(told)
	}
	told.Partition = num
	for _, f := range h.onPartitioned {
		f.OnProduceRecordPartitioned(told, num)
	}
	r.Told, r.Headers = told, make(serde.Headers, len(told.Headers))
	for i, header := range told.Headers {
		r.Headers[i] = serde.Header{Key: header.Key, Value: header.Value}
	}
	// The bytes are the task's, which uses them again: hooks see them now only.
	told.Key, told.Value, told.Headers = nil, nil, nil
}

// unbuffered tells the hooks what became of a record, if they were shown it.
func (h *recordHooks) unbuffered(told *kgo.Record, err error) {
	if told == nil {
		return
	}
	for _, f := range h.onUnbuffered {
		f.OnProduceRecordUnbuffered(told, err)
	}
}
