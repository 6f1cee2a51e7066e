package global

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state/engine"
)

// Config is what a Global needs. Everything without a default is required.
type Config struct {
	App      string
	Topology *graph.Topology
	Client   client.Config
	Dir      string        // folder of the global state; it need not exist
	Engine   engine.Opener // of persistent stores

	// Committed reads what transactions committed only.
	Committed bool
	// MemoryBytes is how much of a persistent store is held in memory to be read
	// from there. A larger one is read from its engine.
	MemoryBytes int
	// FlushAge is how long a batch may wait until a crash can't lose it.
	FlushAge time.Duration
	// CheckInterval is how often the partitions of the topics are counted.
	CheckInterval time.Duration
	// MissingGrace is how long the topics may be missing.
	MissingGrace time.Duration

	OnError    func(f *task.Failure) task.Verdict
	GoesOn     bool   // OnError may go on behind a processing error
	DeadLetter string // topic, empty for none

	Logger    *slog.Logger
	OnRestore func(restore.Progress) // nil for nobody
	// Context is what user code sees.
	Context context.Context
}

// ErrAgain is wrapped by the error of a Run that can't go on with the stores as
// they are: the tasks that read them have to be closed and Load called again.
var ErrAgain = errors.New("global stores have to be loaded again")

// ErrNotLoaded is wrapped by the error of a store that can't be read yet, or no
// longer.
var ErrNotLoaded = errors.New("global store is not loaded")

// Position is how far a store has read a partition of its topic.
type Position struct {
	Store     string
	Topic     string
	Partition int32
	Offset    int64 // the next to be read
	End       int64 // of the partition, as the broker told last; -1 for unknown
}

// Lag is how many offsets there are up to the end, 0 where it is not known.
func (p Position) Lag() int64 { return max(p.End-p.Offset, 0) }

// Needed says whether a topology has global stores.
func Needed(t *graph.Topology) bool {
	for _, s := range t.Stores {
		if s.Global {
			return true
		}
	}
	return false
}
