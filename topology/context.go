package topology

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// Context is what a [Processor] works with. It is also a context.Context,
// done when the app stops. It belongs to the task's goroutine: nothing of it may
// be used from another one, nor kept beyond Close.
type Context[K, V any] struct {
	scope
	out outlet[K, V]
}

// ValueContext is what a [ValueProcessor] works with. See [Context].
type ValueContext[K, V any] struct {
	scope
	out outlet[K, V]
	key K // of the record in work
}

// TaskID names a task: a sub-topology and the partition that it is pinned to.
type TaskID struct{ Subtopology, Partition int32 }

func (t TaskID) String() string { return graph.TaskID(t).String() }

// scope is a node's place in a task.
type scope struct {
	context.Context
	binder *graph.Binder
	in     graph.Instance
	node   *graph.Node
	log    *slog.Logger
	global bool                 // the node keeps a global store
	views  map[*graph.Store]any // of global stores that it reads

	meta  *flow.Meta // of the record in work, nil outside Process and punctuations
	keyed bool       // there is a record in work, not a punctuation
	fault error      // what the user's code has to return
	ready bool       // Init was called, or there is none
}

func newScope(b *graph.Binder, n *graph.Node) scope {
	s := scope{Context: b.Instance.Context(), binder: b, in: b.Instance, node: n}
	s.log = s.in.Logger().With("node", n.Name)
	for _, st := range n.Stores {
		s.global = s.global || st.Global
	}
	return s
}

// enter opens the scope for a record or a punctuation.
func (s *scope) enter(m *flow.Meta, keyed bool) {
	s.meta, s.keyed, s.fault = m, keyed, nil
	m.Node = int32(s.node.ID)
}

// leave closes the scope. An error that user code was given and kept to itself
// is returned all the same: going on would lose the record.
func (s *scope) leave(err error) error {
	s.meta = nil
	if s.fault == nil {
		return err
	}
	if fault := s.fault; err == nil {
		err = fault
	} else if !errors.Is(err, fault) {
		err = errors.Join(err, fault)
	}
	return err
}

func (s *scope) fail(err error) error {
	if s.fault == nil {
		s.fault = err
	}
	return err
}

func (s *scope) failf(format string, args ...any) error { return s.fail(fmt.Errorf(format, args...)) }

// run calls Init or Close.
func (s *scope) run(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = graph.Recovered(r)
		}
		if err != nil {
			err = fmt.Errorf("%s: %s (node %s): %s: %w", s.node.Place, s.node.Op, s.node.Name, what, err)
		}
	}()
	s.fault = nil
	return s.leave(f())
}

// hooks registers the user's Init, which may be nil, and Close.
func (s *scope) hooks(init func() error, user any) {
	s.ready = init == nil
	if init != nil {
		s.binder.OnStart(func() error {
			s.ready = true
			return s.run("Init", init)
		})
	}
	if c, ok := user.(closer); ok {
		s.binder.OnClose(func() error {
			if !s.ready {
				return nil
			}
			return s.run("Close", c.Close)
		})
	}
}

// Task returns the id of the task.
func (s *scope) Task() TaskID { return TaskID(s.in.ID()) }

// App returns the application id.
func (s *scope) App() string { return s.in.App() }

// Logger returns the app's logger with the task and the node.
func (s *scope) Logger() *slog.Logger { return s.log }

// StateDir returns the folder of the task's state. It belongs to the runtime.
func (s *scope) StateDir() string { return s.in.StateDir() }

// StreamTime returns the highest timestamp that the task has taken a record
// of, the zero Time before the first.
func (s *scope) StreamTime() time.Time {
	if at := s.in.StreamTime(); at >= 0 {
		return time.UnixMilli(at)
	}
	return time.Time{}
}

// WallTime returns the wall clock, which a test driver moves by hand.
func (s *scope) WallTime() time.Time { return time.UnixMilli(s.in.WallTime()) }

// Origin returns where the input record came from whose processing goes on. ok
// is false in a punctuation. What a cache held comes from the last record of it.
func (s *scope) Origin() (o Origin, ok bool) {
	if s.meta == nil || s.meta.Origin == nil {
		return Origin{}, false
	}
	return originOf(s.meta.Origin), true
}

// RequestCommit asks for a commit soon, rather than when the commit interval
// has passed. It returns at once.
func (s *scope) RequestCommit() { s.in.RequestCommit() }

// StateStore returns the store of a name, as the handles' In does with types:
// counts.In(ctx). The node has to be connected to it, unless it is global;
// global stores are read-only but for the processor that keeps them.
func (s *scope) StateStore(name string) (any, error) {
	st := s.node.Reach(name)
	if st == nil {
		return nil, fmt.Errorf("store %s: not connected to node %s (%s at %s), which has %s: "+
			"give the store's handle to the call that adds the node, or to Connect",
			name, s.node.Name, s.node.Op, s.node.Place, storeNames(s.node.Stores))
	}
	v, err := s.binder.Store(st)
	if err != nil {
		return nil, err
	}
	if st.Global && !s.global {
		return s.readOnly(st, v), nil
	}
	return v, nil
}

// readOnly returns what the node sees of a global store.
func (s *scope) readOnly(st *graph.Store, v any) any {
	if view, ok := s.views[st]; ok {
		return view
	}
	if r, ok := v.(interface{ ReadOnly() any }); ok {
		v = r.ReadOnly()
	}
	if s.views == nil {
		s.views = make(map[*graph.Store]any)
	}
	s.views[st] = v
	return v
}

func storeNames(stores []*graph.Store) string {
	if len(stores) == 0 {
		return "no stores"
	}
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = s.Name
	}
	return "only " + strings.Join(names, ", ")
}
