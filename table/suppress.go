package table

import (
	"fmt"
	"maps"
	"time"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/op"
)

// ErrSuppressFull is wrapped by the error of a full buffer that may not emit early.
var ErrSuppressFull = op.ErrSuppressFull

// Suppression says when a suppressed update comes out, and how many may wait.
// It is a value: its methods return a changed copy. Without limits the buffer
// takes any number of keys. Waiting updates are kept in memory and logged.
type Suppression struct{ s dsl.Suppression }

// UntilWindowCloses lets out one final result per window, when stream time
// reaches its end and the grace period has passed. The table must be windowed.
// A buffer that is full is an error, since a result could not be final.
func UntilWindowCloses() Suppression { return Suppression{dsl.Suppression{Final: true, Strict: true}} }

// UntilTimeLimit lets out the last update of each key when stream time has gone
// on by d since the first one that waits. A buffer that is full lets out its
// oldest key early, unless it is told otherwise by ShutDownWhenFull.
func UntilTimeLimit(d time.Duration) Suppression {
	s := Suppression{dsl.Suppression{Wait: d.Milliseconds()}}
	if d < 0 {
		s.s.Problem = fmt.Sprintf("the time limit can't be negative: %v", d)
	}
	return s
}

// MaxRecords limits the number of keys that wait.
func (s Suppression) MaxRecords(n int) Suppression {
	if s.s.MaxRecords = n; n < 1 {
		s.s.Problem = fmt.Sprintf("the buffer needs room for at least 1 record, not %d", n)
	}
	return s
}

// MaxBytes limits the size of keys, values and their places, about.
func (s Suppression) MaxBytes(n int) Suppression {
	if s.s.MaxBytes = n; n < 1 {
		s.s.Problem = fmt.Sprintf("the buffer needs room for at least 1 byte, not %d", n)
	}
	return s
}

// ShutDownWhenFull makes a full buffer an error that wraps [ErrSuppressFull],
// in place of letting updates out early.
func (s Suppression) ShutDownWhenFull() Suppression { s.s.Strict = true; return s }

// NoChangelog leaves the buffer without a changelog topic: updates that wait are
// lost with the process, and do not move with the task.
func (s Suppression) NoChangelog() Suppression { s.s.Unlogged = true; return s }

// ChangelogConfig sets settings of the changelog topic. They win over the
// library's own.
func (s Suppression) ChangelogConfig(settings map[string]string) Suppression {
	s.s.LogConfig = maps.Clone(settings)
	return s
}

// Suppress holds updates back, so that only the last one of a key comes out.
// Time goes on with records only: an update waits until one comes that is late
// enough. The step needs a name, by [KTable.Named], which names its changelog:
// <application id>-<name>-store-changelog. (KIP-328)
func (t *KTable[K, V]) Suppress(s Suppression) *KTable[K, V] {
	return (*KTable[K, V])(dsl.SuppressTable(t.rows(), s.s))
}
