package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/budget"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/internal/trace"
	"github.com/ottla-streams/ottla/state/engine"
)

// Config is what a Worker needs. Everything without a default is required.
type Config struct {
	App      string
	Index    int // of the worker in its process, from 1
	Topology *graph.Topology
	// Topics are the partition counts of the input and internal topics, and of
	// what matches a pattern.
	Topics map[string]int32
	Client client.Config
	Dir    *statedir.Dir
	Engine engine.Opener // of persistent stores

	ExactlyOnce        bool
	CommitInterval     time.Duration
	SessionTimeout     time.Duration
	RebalanceTimeout   time.Duration
	TransactionTimeout time.Duration
	CloseTimeout       time.Duration
	// StayInGroup keeps the worker's place in the group when it is told to stop,
	// unless it is told so with the cause [ErrRemoved].
	StayInGroup bool
	// PurgeInterval is how often what was read of repartition topics is deleted.
	PurgeInterval time.Duration
	// RetryTimeout is how long a task is tried again after the same failure.
	RetryTimeout time.Duration
	// MaxIdle is how long a task with records waits for its empty inputs beyond
	// what the brokers are known to have. Negative: it waits for nothing.
	MaxIdle time.Duration
	// IdleMillis is how long no newer record has to come to a task before what
	// waits for stream time goes on by the wall clock, 0 for never.
	IdleMillis int64
	// MissingGrace is how long input topics may be missing.
	MissingGrace time.Duration
	Reset        graph.Reset // of sources that don't say

	Standbys        int               // copies of each stateful task in the group
	WarmupLag       int64             // changelog records that a copy may lack when its task moves to it
	MaxWarmups      int               // in the group at a time, 0 for none
	ProbingInterval time.Duration     // between two looks at moves that wait
	Tags            map[string]string // place the process
	RackTags        []string          // the tags whose values differ between copies

	BufferedRecords int // per input partition, before it is paused
	BufferedBytes   int // per input partition
	CacheBytes      int
	LayerBytes      int
	LayerMillis     int64
	ProducerBytes   int // that wait for acknowledgement
	// Budget bounds all of these together with those of other workers. Defaults to
	// one of 1 GiB for this worker alone.
	Budget *budget.Budget

	OnError    func(f *task.Failure) task.Verdict
	GoesOn     bool // OnError may let a task go on behind an error
	DeadLetter string
	// DropOrphans deletes local state of stores that the topology does not have.
	DropOrphans bool
	Global      func(s *graph.Store, in graph.Instance) (any, error) // nil without global stores

	// Shelf gets what may be read of the tasks. Nil for no queries.
	Shelf *task.Shelf
	// Advertise is host:port where this instance answers queries, empty for nowhere.
	Advertise string
	// OnHosts is told which instance has which tasks, on the group's goroutine.
	OnHosts func(generation int32, hosts []group.Host)

	// Measure is where the counts are laid out for others, nil for nowhere.
	Measure *measure.Slot
	// Trace begins the span of a record's way through a task, nil for none.
	Trace func(trace.Pass) trace.Span
	Hooks []kgo.Hook // of the consumer and the producer, beside those of Client

	// Paused says that tasks are not to process or punctuate for now, and Shutdown
	// that the whole application is to stop. Both are optional, and asked by the
	// worker's and the group's goroutines; [Worker.Wake] tells of a change.
	Paused, Shutdown func() bool

	Logger    *slog.Logger
	OnState   func(State)            // called by the worker's goroutine
	OnRestore func(restore.Progress) // called by the worker's goroutine
	// Context is what user code sees. It ends with the worker.
	Context context.Context
}

// State is what a Worker does.
type State uint8

// The states of a Worker.
const (
	Starting State = iota
	Rebalancing
	Running
	Stopped
)

func (s State) String() string {
	return [...]string{"starting", "rebalancing", "running", "stopped"}[s]
}

// Error ends a Worker.
type Error struct {
	Err error
	// Replace says that another worker may take its place: nothing is known to be
	// wrong with the application.
	Replace bool
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
