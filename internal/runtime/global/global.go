package global

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// Global keeps the global stores of an app.
type Global struct {
	c   Config
	log *slog.Logger

	// Of the goroutine that is in Load, Run or Close.
	client  *kgo.Client
	adm     *kadm.Client
	task    *task.Task
	letters []*kgo.Record // for the dead letter topic, with the batch in work
	checked time.Time     // when the topics were looked at
	warned  time.Time
	missing time.Time // since when a topic is, zero if none is
	byPart  map[string]map[int32]*part
	lost    map[string]bool // stores to build anew, by name
	loaded  atomic.Bool     // Load succeeded, and no Run failed since; set by the goroutine

	mu    sync.Mutex // of what follows
	state *storage   // nil unless loaded or loading
	parts []*part
}

// part is a partition of the topic of a store. Others read what is atomic.
type part struct {
	kept *kept
	num  int32
	next atomic.Int64 // the offset after what the store stands for
	end  atomic.Int64 // of the partition, as the broker told last

	from, until int64 // of the load
	restored    int64
	seen        time.Time // when it moved last, while it is loaded
}

// New returns a Global. It does nothing until Load.
func New(c Config) *Global {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Global{c: c, log: c.Logger, lost: make(map[string]bool)}
}

// Open opens a store, read-only, for one goroutine: that of a task, which has to
// be closed before Load, if it is called again, and Close are called, or of a
// query, for which in is nil. It fails unless the stores are loaded.
func (g *Global) Open(s *graph.Store, in graph.Instance) (any, error) {
	g.mu.Lock()
	st := g.state
	g.mu.Unlock()
	if st == nil || !g.loaded.Load() {
		return nil, fmt.Errorf("store %s: %w", s.Name, ErrNotLoaded)
	}
	for _, k := range st.stores {
		if k.store == s {
			return open(k, in)
		}
	}
	return nil, fmt.Errorf("store %s is no global store of the app", s.Name)
}

func open(k *kept, in graph.Instance) (any, error) {
	layers := overlay.New(k.store.Layout, k.held.prefixOf(k.onDisk), false)
	layers.SetBase(k.view)
	layers.Freeze()
	v, err := k.store.Open(graph.Opening{Store: k.store, Instance: in, Layers: layers, Changelog: k.topic})
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", k.store.Name, err)
	}
	return v, nil
}

// Positions returns how far each partition of each store's topic was read.
func (g *Global) Positions() []Position {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]Position, 0, len(g.parts))
	for _, p := range g.parts {
		all = append(all, Position{p.kept.store.Name, p.kept.topic, p.num, p.next.Load(), p.end.Load()})
	}
	return all
}

// Run follows the topics until ctx ends. An error that wraps ErrAgain asks for
// another Load; any other is for good. Brokers that are away are waited for.
func (g *Global) Run(ctx context.Context) (err error) {
	defer func() { g.loaded.Store(g.loaded.Load() && err == nil) }()
	for ctx.Err() == nil {
		if err := g.poll(ctx); err != nil {
			return g.verdict(err)
		}
		if s := g.state; !s.dirty.IsZero() && time.Since(s.dirty) >= g.c.FlushAge {
			if err := s.flush(); err != nil {
				return g.verdict(err)
			}
		}
		if time.Since(g.checked) >= g.c.CheckInterval {
			if err := g.look(ctx); err != nil && ctx.Err() == nil {
				return g.verdict(err)
			}
		}
	}
	return nil
}

// verdict tells what another Load can cure from what it can't.
func (g *Global) verdict(err error) error {
	var judged *graph.Judged
	var fatal *fatalError
	if errors.As(err, &judged) || errors.As(err, &fatal) || errors.Is(err, ErrAgain) {
		return fmt.Errorf("global stores: %w", err)
	}
	return fmt.Errorf("global stores: %w: %w", ErrAgain, err)
}

// fatalError is an error that stays.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// Close closes the stores. The tasks that read them have to be closed before.
func (g *Global) Close() error {
	g.loaded.Store(false)
	if g.client != nil {
		g.client.Close()
		g.client, g.adm = nil, nil
	}
	var err error
	if g.task != nil {
		g.task.Abort()
		err = g.task.Close(true)
		g.task = nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != nil {
		err = errors.Join(err, g.state.close())
	}
	g.state, g.parts, g.byPart, g.letters = nil, nil, nil, nil
	if err != nil {
		return fmt.Errorf("global stores: %w", err)
	}
	return nil
}

// emit takes what the task sends: dead letters only.
func (g *Global) emit(o *graph.Output) error {
	r := &kgo.Record{Topic: o.Topic, Key: clone(o.Key), Value: clone(o.Value), Timestamp: time.UnixMilli(o.Time)}
	for _, h := range o.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: clone(h.Value)})
	}
	g.letters = append(g.letters, r)
	return nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
