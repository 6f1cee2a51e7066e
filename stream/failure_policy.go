package stream

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// ErrShutdown is wrapped by the error of an app whose group was asked to stop by
// another instance, see [StopAll].
var ErrShutdown = worker.ErrShutdown

// Response is what becomes of a worker that died (KIP-671).
type Response uint8

// The responses.
const (
	// ReplaceWorker starts another one in its place: after 1 s, then 2 s and so on
	// up to 30 s, until one has lived for a minute.
	ReplaceWorker Response = iota
	// StopApp ends this instance with the error. Others take its tasks over.
	StopApp
	// StopAll ends all instances of the app: this one with the error, the others
	// with one that wraps [ErrShutdown].
	StopAll
)

func (r Response) String() string {
	return [...]string{"replace the worker", "stop the app", "stop all instances"}[min(r, StopAll)]
}

// WorkerError is an error that ended a worker.
type WorkerError struct {
	Worker int // from 1
	// Passing says that another worker may work: nothing is known to be wrong with
	// the program or the cluster.
	Passing bool
	Err     error // wraps a *RecordError if it is about a record
}

func (e *WorkerError) Error() string { return fmt.Sprintf("worker %d: %v", e.Worker, e.Err) }
func (e *WorkerError) Unwrap() error { return e.Err }

// judgeFailure asks the policy about a worker that died.
func (a *App) judgeFailure(index int, err error) (r Response) {
	e := &WorkerError{Worker: index, Err: err}
	if known, ok := errors.AsType[*worker.Error](err); ok {
		e.Passing = known.Replace
	}
	if a.c.OnFailure == nil {
		if e.Passing {
			return ReplaceWorker
		}
		return StopApp
	}
	defer func() {
		if p := recover(); p != nil {
			a.log.Error("OnFailure panicked: the app stops", "panic", fmt.Sprint(p))
			r = StopApp
		}
	}()
	if r = a.c.OnFailure(e); r > StopAll {
		return StopApp
	}
	return r
}
