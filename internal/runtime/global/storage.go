package global

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
)

// storage is the global stores and, where one of them is persistent, the engine
// below, which holds their data and the offsets it stands for.
type storage struct {
	dir     string
	log     *slog.Logger
	engine  engine.Engine // nil if all stores are in memory
	disk    *published
	stores  []*kept
	dirty   time.Time // when the oldest batch was applied that a crash would lose; zero for none
	pending engine.Batch
}

// kept is a global store.
type kept struct {
	store  *graph.Store
	topic  string // full name
	held   *held
	onDisk bool
	view   *view
	layers *overlay.Store // of the task that fills it
}

func onDisk(s *graph.Store) bool { return !s.InMemory && s.Kind != graph.BufferStore }

// openState opens the state in the config's folder. One that is damaged is moved
// out of the way.
func openState(c *Config, log *slog.Logger) (*storage, error) {
	s := &storage{dir: c.Dir, log: log}
	var known map[string]*held
	for _, st := range c.Topology.Stores {
		if !st.Global {
			continue
		}
		k := &kept{store: st, topic: st.SourceTopic.Full(c.App), onDisk: onDisk(st), held: &held{offsets: make(map[int32]int64)}}
		s.stores = append(s.stores, k)
	}
	if slices.ContainsFunc(s.stores, func(k *kept) bool { return k.onDisk }) {
		var err error
		if known, err = s.openEngine(c); err != nil {
			return nil, err
		}
	}
	if err := s.adopt(c, known); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *storage) openEngine(c *Config) (known map[string]*held, err error) {
	for range 2 {
		if s.engine, err = c.Engine.Open(c.Dir); err == nil {
			if known, err = readMeta(s.engine, c.Dir, c.App); err == nil {
				s.disk = &published{}
				return known, nil
			}
			err = errors.Join(err, s.engine.Close())
			s.engine = nil
		}
		if !errors.Is(err, engine.ErrDamaged) {
			break
		}
		const keep = 2
		moved, moveErr := engine.Quarantine(c.Dir, time.Now(), keep)
		if moveErr != nil && moved == "" {
			return nil, errors.Join(err, moveErr)
		}
		s.log.Error("global state is damaged and will be rebuilt from its topics", "moved", moved, "error", err)
	}
	err = fmt.Errorf("global state: %w", err)
	if errors.Is(err, engine.ErrNoSpace) || errors.Is(err, engine.ErrLocked) {
		return nil, err
	}
	return nil, &fatalError{err}
}

// adopt gives the stores what the engine has of them, and drops what belongs to
// stores that the topology no longer has: their topics have it.
func (s *storage) adopt(c *Config, known map[string]*held) error {
	next := uint16(1)
	for _, h := range known {
		next = max(next, h.id+1)
	}
	var b engine.Batch
	if s.engine != nil {
		b = s.engine.NewBatch()
		b.Set(metaVersion, []byte{formatVersion})
		b.Set(metaApp, []byte(c.App))
	}
	for _, k := range s.stores {
		k.view = &view{}
		if !k.onDisk {
			k.view.rows.Store(newRows())
			continue
		}
		if h := known[k.store.Name]; h != nil {
			k.held = h
			delete(known, k.store.Name)
		} else {
			k.held.id, k.held.topic = next, k.topic
			next++
		}
		if k.held.topic != k.topic {
			s.log.Warn("global store is filled from another topic than before: it is built anew", "store", k.store.Name, "topic", k.topic, "before", k.held.topic)
			k.held.wipe(b)
			k.held.topic = k.topic
		}
		k.held.write(b, k.store.Name)
		k.view.disk, k.view.prefix, k.view.limit = s.disk, 2, c.MemoryBytes
	}
	for name, h := range known {
		s.log.Info("global store is no longer in the topology: its state is dropped", "store", name)
		h.wipe(b)
		b.Delete(append(append([]byte{}, metaStore...), name...))
	}
	for _, k := range s.stores {
		k.layers = overlay.New(k.store.Layout, k.held.prefixOf(k.onDisk), k.store.Ordered)
		k.layers.SetBase(k.view)
	}
	if b == nil {
		return nil
	}
	return s.commit(b)
}

func (h *held) prefixOf(onDisk bool) []byte {
	if !onDisk {
		return nil
	}
	return h.prefix()
}

// commit applies a batch and shows the result to readers.
func (s *storage) commit(b engine.Batch) error {
	if err := b.Commit(); err != nil {
		if errors.Is(err, engine.ErrNoSpace) {
			s.pending = b
		} else {
			b.Discard()
		}
		return fmt.Errorf("global state %s: %w", s.dir, err)
	}
	s.pending = nil
	if s.dirty.IsZero() {
		s.dirty = time.Now()
	}
	snap, err := s.engine.Snapshot()
	if err != nil {
		return fmt.Errorf("global state %s: %w", s.dir, err)
	}
	return s.disk.set(snap)
}

// wipe empties a store.
func (s *storage) wipe(k *kept) error {
	if !k.onDisk {
		return nil // it is empty: it was just opened
	}
	b := s.engine.NewBatch()
	k.held.wipe(b)
	k.held.write(b, k.store.Name)
	return s.commit(b)
}

// fill reads a store from the engine into memory, unless it is too large.
func (s *storage) fill(k *kept) error {
	if !k.onDisk || k.view.limit <= 0 {
		return nil
	}
	p := k.held.prefix()
	it, err := s.engine.Scan(p, overlay.PrefixEnd(p), false)
	if err != nil {
		return fmt.Errorf("store %s: %w", k.store.Name, err)
	}
	r := newRows()
	for r.bytes <= k.view.limit && it.Next() {
		r.put(it.Key()[len(p):], it.Value())
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("store %s: %w", k.store.Name, err)
	}
	if r.bytes <= k.view.limit {
		k.view.rows.Store(r)
	}
	return nil
}

// flush makes what was applied survive a crash.
func (s *storage) flush() error {
	if s.engine == nil || s.dirty.IsZero() {
		return nil
	}
	if err := s.engine.Flush(); err != nil {
		return fmt.Errorf("global state %s: %w", s.dir, err)
	}
	s.dirty = time.Time{}
	return nil
}

// close closes the engine. Readers of stores that are not in memory get
// engine.ErrClosed from now on.
func (s *storage) close() error {
	if s.engine == nil {
		return nil
	}
	if s.pending != nil {
		s.pending.Discard()
	}
	return errors.Join(s.disk.set(nil), s.engine.Close())
}
