package graph

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// TaskID names a task: a sub-topology and the partition that it is pinned to.
type TaskID struct{ Subtopology, Partition int32 }

func (t TaskID) String() string {
	if t == GlobalTask {
		return "global"
	}
	return fmt.Sprintf("%d_%d", t.Subtopology, t.Partition)
}

// GlobalTask is the id of the task that keeps the global stores of an app.
var GlobalTask = TaskID{-1, -1}

// Output is a record for a topic. The receiver copies what it keeps.
type Output struct {
	Topic     string
	Partition int32 // ByKey: the hash of Hash, or of the key, decides
	Key       []byte
	Value     []byte
	Hash      []byte // what decides the partition, if not the key
	Time      int64
	NoTime    bool // the producer's clock decides the time
	Headers   serde.Headers
	// Changelog marks a record of a store's changelog.
	Changelog bool
	// Final marks what comes of the final result of a window, AtCommit what has
	// to leave together with the state that it comes from.
	Final, AtCommit bool
	// Context is that of the trace that the record is a part of, nil for none.
	Context context.Context
	// Cause is the record whose processing made this one, if any. Its place is
	// another record's later: see [flow.Origin.Clone].
	Cause *flow.Origin
}

// ByKey as a partition leaves the choice to the key's hash.
const ByKey int32 = -1

// Clock is what a schedule follows.
type Clock uint8

// The clocks.
const (
	StreamClock Clock = iota + 1
	WallClock
)

// Schedule is a recurring call: a punctuation.
type Schedule struct {
	Node     *Node
	Clock    Clock
	Interval int64 // milliseconds
	Start    int64 // milliseconds since the epoch; Unanchored: counted from now
	Run      func(at int64) error
}

// Unanchored as a start lets a wall-clock schedule count from now and a
// stream-time schedule run with the first record.
const Unanchored int64 = -1

// Instance is a task as its nodes and stores see it. All methods are for the
// task's worker goroutine only.
type Instance interface {
	ID() TaskID
	App() string // the application id
	Context() context.Context
	Logger() *slog.Logger
	StateDir() string

	StreamTime() int64 // the highest record timestamp so far, -1 for none
	WallTime() int64
	Schedule(s Schedule) (cancel func())
	RequestCommit()

	// Emit sends a record to a topic.
	Emit(o *Output) error
	// TopicName is the full name of a topic.
	TopicName(t Topic) string
	// Partitions is the number of partitions of a topic.
	Partitions(topic string) (int32, error)
	// Meta is that of the record in work. What starts a flow of its own, such as
	// a flush or a punctuation, uses it too and restores it.
	Meta() *flow.Meta
	// Now is the origin and time of the record in work; the origin is nil in a
	// punctuation.
	Now() (o *flow.Origin, time int64, headers serde.Headers)

	// OnFlush registers what a commit does before it writes the changelogs,
	// such as forwarding what a cache holds. It runs in order of the stores.
	OnFlush(s *Store, f func() error)

	// CacheBytes is how much the record cache of a store may hold before it is
	// flushed between commits, 0 for no cache.
	CacheBytes() int

	// EmitInterval is how many milliseconds of wall clock pass at least between
	// two looks for results whose windows have closed.
	EmitInterval() int64

	// Measure returns the counts of the task.
	Measure() *measure.Task

	// OnTime registers what happens when stream time moves, before the record that
	// moves it is processed.
	OnTime(n *Node, run func(stream int64) error)
	// OnIdle registers what a node does when no newer record comes and the app
	// lets time go on by the wall clock: run gets the stream time that it would
	// be by now. It is called again as time goes on.
	OnIdle(n *Node, run func(stream int64) error)

	// Dropped counts a record that node n leaves out, and logs why.
	Dropped(n *Node, why string)

	// Failed decides what becomes of an error of user code in node n. A nil
	// result drops the record there and goes on.
	Failed(n *Node, m *flow.Meta, err error) error
	// Guarded says whether panics are to be caught at each node rather than at
	// the task, so that Failed can go on behind them.
	Guarded() bool

	// Progress and SetProgress keep a number per store in the commit metadata.
	Progress(store string) (int64, bool)
	SetProgress(store string, t int64)

	// Index returns the layers that hold the keys of a store in the order of their
	// times, nil for one whose keys don't expire.
	Index(s *Store) *overlay.Store
	// Layers returns the layers of a store of the task, GlobalStore the typed
	// store of a global one.
	Layers(s *Store) (*overlay.Store, error)
	GlobalStore(s *Store) (any, error)
}
