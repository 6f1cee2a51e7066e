package task

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
)

// State is the stores of a task: their layers, and the engine below, which is
// opened when there is something in it or for it.
//
// The changelog positions that the stores stand for lie in the engine beside
// the data, in the same batch. A crash so falls back to a consistent earlier
// state that knows from where to restore.
type State struct {
	c       *Config
	log     *slog.Logger
	engine  engine.Engine
	meta    meta
	stores  []*storeState
	byStore map[*graph.Store]*storeState
	use     use
	since   int64 // when the oldest committed entry that is owed was committed; 0 for none

	base  *overlay.Base   // what views lie over, nil if the engine has gone beyond
	bases []*overlay.Base // that may still be read
}

type storeState struct {
	store    *graph.Store
	layers   *overlay.Store
	id       uint16 // prefix in the engine, 0 for none yet
	topic    string // full name of the changelog
	position int64  // changelog offset that the layers stand for
	written  int64  // changelog offset that the engine stands for
	shown    bool   // others read it, see Publish
	count    *measure.Store
	index    *overlay.Store // the keys in the order of their times, of a store whose keys expire
	derived  bool           // it is such an order, which has no changelog
}

func openState(c *Config, log *slog.Logger) (*State, error) {
	s := &State{c: c, log: log, byStore: make(map[*graph.Store]*storeState), meta: newMeta(c)}
	if s.persistent() {
		if _, err := os.Stat(c.Dir); err == nil {
			if err := s.open(); err != nil {
				return nil, err
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("state folder: %w", err)
		}
	}
	if err := s.checkOrphans(); err != nil {
		return nil, errors.Join(err, s.close(false))
	}
	for _, st := range c.Stores {
		if !st.Global || c.GlobalTask {
			s.add(st)
		}
	}
	return s, nil
}

func (s *State) persistent() bool {
	return s.c.Persistent != nil && !s.c.InMemoryOnly && slices.ContainsFunc(s.c.Stores, onDisk)
}

func onDisk(s *graph.Store) bool { return !s.Global && !s.InMemory && s.Kind != graph.BufferStore }

// open opens the engine and reads what it says of itself.
func (s *State) open() error {
	e, err := s.c.Persistent.Open(s.c.Dir)
	if err != nil {
		return err
	}
	if err := s.meta.load(e, s.c); err != nil {
		return errors.Join(err, e.Close())
	}
	s.engine = e
	return nil
}

func (s *State) add(st *graph.Store) {
	ss := &storeState{store: st, topic: s.changelog(st)}
	var prefix []byte
	if onDisk(st) && s.persistent() {
		ss.id = s.meta.storeID(st.Name)
		prefix = []byte{byte(ss.id >> 8), byte(ss.id)}
	}
	if s.c.Layers != nil {
		ss.layers = s.c.Layers(st)
	} else {
		ss.layers = overlay.New(st.Layout, prefix, st.Ordered)
		ss.layers.KeepNewest()
		ss.count = s.c.Measure.Store(st.Name)
		ss.layers.CountIn(ss.count)
	}
	if ss.id != 0 && s.engine != nil {
		ss.layers.SetBase(below{s})
		ss.position = s.meta.offsets[ss.topic]
		ss.written = ss.position
	}
	s.stores = append(s.stores, ss)
	s.byStore[st] = ss
	if st.TTLMillis > 0 && !st.Global {
		s.addIndex(ss)
	}
}

func (s *State) layers(st *graph.Store) (*overlay.Store, error) {
	ss := s.byStore[st]
	if ss == nil {
		return nil, errors.New("not a store of this task")
	}
	return ss.layers, nil
}

func (s *State) uncommitted() int {
	n := 0
	for _, ss := range s.stores {
		_, u := ss.layers.Bytes()
		n += u
	}
	return n
}

// size returns the bytes of the upper layers of the stores that have an engine.
func (s *State) size() int {
	n := 0
	for _, ss := range s.stores {
		if ss.id != 0 {
			all, _ := ss.layers.Bytes()
			n += all
		}
	}
	return n
}

// settle writes the committed layers out when they are full or old.
func (s *State) settle(now int64) error {
	owed := slices.ContainsFunc(s.stores, func(ss *storeState) bool { return ss.id != 0 && ss.layers.Owed() })
	if !owed {
		return nil
	}
	if s.since == 0 {
		s.since = now
	}
	if slices.ContainsFunc(s.stores, (*storeState).only) {
		if err := s.writeOut(false); err != nil {
			return err
		}
		return s.engine.Flush()
	}
	full := s.c.LayerBytes > 0 && s.size() > s.c.LayerBytes && !s.tidied()
	old := s.c.LayerMillis > 0 && now-s.since >= s.c.LayerMillis
	if !full && !old {
		return nil
	}
	if err := s.writeOut(full); err != nil || !old {
		return err
	}
	// The engine has no log of its own: what is small stays in its memory. A
	// killed process must not lose more than the age allows.
	if err := s.engine.Flush(); err != nil {
		return fmt.Errorf("state folder %s: %w", s.c.Dir, err)
	}
	return nil
}

// tidied removes what nobody reads any more, and says whether that is enough.
func (s *State) tidied() bool {
	for _, ss := range s.stores {
		if ss.id != 0 {
			ss.layers.Tidy()
		}
	}
	return s.size() < s.c.LayerBytes/2
}

// only says that the engine is the only durable place of what it lacks: a store
// without a changelog is written out at each commit.
func (ss *storeState) only() bool {
	return ss.id != 0 && !ss.derived && !ss.store.Logged && ss.store.SourceTopic == nil && ss.layers.Owed()
}

// writeOut puts what the engine lacks into it, with the positions it stands
// for, in one batch.
func (s *State) writeOut(drop bool) error {
	if _, err := s.used(); err != nil {
		return err
	}
	b := s.engine.NewBatch()
	s.meta.write(b)
	for _, ss := range s.stores {
		if ss.id != 0 {
			ss.layers.WriteOut(b)
			if !ss.derived {
				s.meta.writeOffset(b, ss.topic, ss.position)
			}
		}
	}
	if err := b.Commit(); err != nil {
		return fmt.Errorf("state folder %s: %w", s.c.Dir, err)
	}
	for _, ss := range s.stores {
		if ss.id != 0 {
			ss.layers.Written(below{s}, drop)
			ss.written = ss.position
		}
	}
	s.since = 0
	return s.outdate()
}

// close closes the engine; clean writes the committed layers out before.
func (s *State) close(clean bool) error {
	var err error
	if clean && slices.ContainsFunc(s.stores, func(ss *storeState) bool {
		return ss.id != 0 && (ss.layers.Owed() || ss.position != ss.written)
	}) {
		err = s.writeOut(true)
	}
	if s.engine == nil {
		return err
	}
	if clean && err == nil {
		err = s.engine.Flush()
	}
	return errors.Join(err, s.engine.Close())
}
