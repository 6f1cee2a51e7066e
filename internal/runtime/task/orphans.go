package task

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
)

// orphans returns the stores on disk that the topology has no use for: those that
// it does not have in this task, and those that follow another changelog now.
func (s *State) orphans() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.meta.stores)) {
		if strings.HasSuffix(name, expirySuffix) {
			continue // see dropIndexes
		}
		i := slices.IndexFunc(s.c.Stores, func(st *graph.Store) bool { return st.Name == name && onDisk(st) })
		if i < 0 || s.c.Stores[i].Logged && !s.has(s.changelog(s.c.Stores[i])) {
			names = append(names, name)
		}
	}
	return names
}

func (s *State) has(topic string) bool {
	_, ok := s.meta.offsets[topic]
	return ok
}

// changelog is the full name of the topic that a store is restored from.
func (s *State) changelog(st *graph.Store) string {
	if st.SourceTopic != nil {
		return st.SourceTopic.Full(s.c.App)
	}
	return graph.Topic{Name: st.Name + "-changelog", Internal: true}.Full(s.c.App)
}

// dropOrphans deletes stores that the topology has no use for, and the offsets
// of changelogs that no other store on disk follows: a store that comes back is
// restored from the start.
func (s *State) dropOrphans() error {
	names := s.orphans()
	if len(names) == 0 {
		return nil
	}
	b := s.engine.NewBatch()
	defer b.Discard()
	for _, name := range names {
		s.deleteStore(b, name)
	}
	used := make(map[string]bool)
	for _, st := range s.c.Stores {
		if _, ok := s.meta.stores[st.Name]; ok {
			used[s.changelog(st)] = true
		}
	}
	for topic := range s.meta.offsets {
		if !used[topic] {
			b.Delete(slices.Concat(metaOffset, []byte(topic)))
			delete(s.meta.offsets, topic)
		}
	}
	if err := errors.Join(b.Commit(), s.engine.Flush()); err != nil {
		return fmt.Errorf("state that the topology no longer has: %w", err)
	}
	s.log.Warn("deleted local state that the topology no longer has", "task", s.c.ID.String(), "stores", names)
	return nil
}

// deleteStore deletes a store and its number.
func (s *State) deleteStore(b engine.Batch, name string) {
	id := s.meta.stores[name]
	prefix := []byte{byte(id >> 8), byte(id)}
	b.DeleteRange(prefix, overlay.PrefixEnd(prefix))
	b.Delete(slices.Concat(metaStore, []byte(name)))
	delete(s.meta.stores, name)
}

// checkOrphans refuses or deletes state that the topology does not have: going
// on would leave it behind unseen.
func (s *State) checkOrphans() error {
	if err := s.dropIndexes(); err != nil {
		return err
	}
	if s.c.DropOrphans && s.engine != nil {
		return s.dropOrphans()
	}
	for _, name := range slices.Sorted(maps.Keys(s.meta.stores)) {
		if !strings.HasSuffix(name, expirySuffix) && !slices.ContainsFunc(s.c.Stores, func(st *graph.Store) bool { return st.Name == name }) {
			return fmt.Errorf("%w: %s has the store %s, which the topology no longer has; bring the store back, or reset the application, or move the folder away",
				ErrForeignState, s.c.Dir, name)
		}
	}
	return nil
}
