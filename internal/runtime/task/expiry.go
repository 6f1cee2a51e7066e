package task

import (
	"maps"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// A store whose keys expire has a second one beside it: its keys in the order of
// their times. It is written with the store, in the same batches, and has no
// changelog: the store makes it of what is restored.

// expirySuffix marks the name of such a store. No store of a user has a slash.
const expirySuffix = "/expiry"

// addIndex adds the store that has the keys of ss in the order of their times.
func (s *State) addIndex(ss *storeState) {
	st := &graph.Store{
		Name: ss.store.Name + expirySuffix, Kind: ss.store.Kind, Place: ss.store.Place,
		InMemory: ss.store.InMemory, Layout: ss.store.Layout, Ordered: true,
	}
	index := &storeState{store: st, derived: true, count: new(measure.Store)}
	var prefix []byte
	if ss.id != 0 {
		index.id = s.meta.storeID(st.Name)
		prefix = []byte{byte(index.id >> 8), byte(index.id)}
	}
	index.layers = overlay.New(st.Layout, prefix, true)
	if index.id != 0 && s.engine != nil {
		index.layers.SetBase(below{s})
	}
	s.stores = append(s.stores, index)
	ss.index = index.layers
}

func (i *instance) Index(s *graph.Store) *overlay.Store {
	if ss := i.state.byStore[s]; ss != nil {
		return ss.index
	}
	return nil
}

// dropIndexes deletes the orders of stores whose keys no longer expire. If they
// do again later, the order is made anew.
func (s *State) dropIndexes() error {
	if s.engine == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.meta.stores)) {
		of, isIndex := strings.CutSuffix(name, expirySuffix)
		if !isIndex || slices.ContainsFunc(s.c.Stores, func(st *graph.Store) bool { return st.Name == of && st.TTLMillis > 0 && onDisk(st) }) {
			continue
		}
		b := s.engine.NewBatch()
		s.deleteStore(b, name)
		if err := b.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Time passes for the keys of stores before the record that moves stream time is
// processed, so that it does not meet what has expired.

func (i *instance) OnTime(n *graph.Node, run func(stream int64) error) {
	i.onTime = append(i.onTime, graph.Schedule{Node: n, Run: run})
}

func (t *Task) passTime() error {
	for _, s := range t.onTime {
		if err := t.fire(&timer{Schedule: s}, t.stream); err != nil {
			return err
		}
	}
	return nil
}
