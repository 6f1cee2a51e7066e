package task

import (
	"context"
	"log/slog"
	"slices"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// instance is the Task as its nodes see it.
type instance Task

type flusher struct {
	store *graph.Store
	run   func() error
}

var _ graph.Instance = (*instance)(nil)

func (i *instance) task() *Task { return (*Task)(i) }

func (i *instance) ID() graph.TaskID         { return i.c.ID }
func (i *instance) App() string              { return i.c.App }
func (i *instance) Context() context.Context { return i.c.Context }
func (i *instance) Measure() *measure.Task   { return i.count }
func (i *instance) Logger() *slog.Logger     { return i.log }
func (i *instance) StateDir() string         { return i.c.Dir }
func (i *instance) StreamTime() int64        { return i.stream }
func (i *instance) WallTime() int64          { return i.c.Clock() }
func (i *instance) RequestCommit()           { i.commit = true }
func (i *instance) Guarded() bool            { return i.c.GoesOn }

func (i *instance) CacheBytes() int { return i.c.CacheBytes }

func (i *instance) EmitInterval() int64 { return i.c.EmitMillis }

func (i *instance) Schedule(s graph.Schedule) func() { return i.task().schedule(s) }

func (i *instance) Emit(o *graph.Output) error {
	if i.span != nil {
		i.task().traceOutput(o)
	}
	return i.task().emit(o)
}

func (i *instance) TopicName(topic graph.Topic) string { return topic.Full(i.c.App) }

func (i *instance) Partitions(topic string) (int32, error) { return i.c.Partitions(topic) }

func (i *instance) Meta() *flow.Meta { return &i.meta }

func (i *instance) Now() (*flow.Origin, int64, serde.Headers) {
	return i.meta.Origin, i.meta.Time, i.meta.Headers
}

func (i *instance) OnFlush(s *graph.Store, f func() error) {
	at, _ := slices.BinarySearchFunc(i.flushes, s.ID, func(f flusher, id int) int { return f.store.ID - id })
	i.flushes = slices.Insert(i.flushes, at, flusher{s, f})
}

func (i *instance) Dropped(n *graph.Node, why string) {
	i.task().leaveOut(n)
	i.count.Drop(n.Name, why)
	if o := i.origin; o != nil {
		i.log.Debug("record dropped", "why", why, "node", n.Name, "topic", o.Topic, "partition", o.Partition, "offset", o.Offset)
	}
}

// leaveOut counts a record that node n does not let through.
func (t *Task) leaveOut(n *graph.Node) { t.dropped[n]++ }

func (i *instance) Failed(n *graph.Node, m *flow.Meta, err error) error {
	return i.task().judge(i.task().failure(n, err))
}

func (i *instance) Progress(store string) (int64, bool) {
	v, ok := i.progress[store]
	return v, ok
}

func (i *instance) SetProgress(store string, v int64) {
	i.progress[store], i.progressed = v, true
}

func (i *instance) Layers(s *graph.Store) (*overlay.Store, error) { return i.state.layers(s) }

func (i *instance) GlobalStore(s *graph.Store) (any, error) {
	if !i.c.GlobalTask {
		return i.c.Global(s, i)
	}
	layers, err := i.state.layers(s)
	if err != nil {
		return nil, err
	}
	return s.Open(graph.Opening{Store: s, Instance: i, Layers: layers, Changelog: graph.Changelog(i, s)})
}
