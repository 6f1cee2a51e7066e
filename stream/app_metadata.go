package stream

import (
	"fmt"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// HostMetadata is what the last rebalance gave to an instance.
type HostMetadata struct {
	Host     string             // its Config.Advertise
	Local    bool               // it is this instance
	Stores   map[string][]int32 // partitions of each store of its active tasks
	Standbys map[string][]int32 // partitions of each store that it has copies of
}

// KeyMetadata is where the value of a key is.
type KeyMetadata struct {
	Partition int32
	Host      string // that has the active task
	Local     bool   // it is this instance
	Standbys  []string
}

// AllMetadata returns all instances that have a Config.Advertise, in order of
// their hosts, as the last rebalance left them. It is empty before the first one.
func (a *App) AllMetadata() []HostMetadata { return a.metadata(nil) }

// MetadataForStore returns the instances that have partitions of a store, or
// copies of them. A global store is on all of them.
func (a *App) MetadataForStore(name string) ([]HostMetadata, error) {
	s, _, err := (&queries{a, name}).find()
	if err != nil {
		return nil, err
	}
	return a.metadata(s), nil
}

func (a *App) metadata(only *graph.Store) []HostMetadata {
	var all []HostMetadata
	for _, h := range a.query.hosts.all() {
		m := HostMetadata{
			Host: h.Endpoint, Local: h.Endpoint == a.c.Advertise,
			Stores: a.partitions(h.Active, only), Standbys: a.partitions(h.Standby, only),
		}
		if only == nil || only.Global || len(m.Stores)+len(m.Standbys) > 0 {
			all = append(all, m)
		}
	}
	return all
}

// partitions returns the partitions of stores that tasks have.
func (a *App) partitions(tasks []assign.TaskID, only *graph.Store) map[string][]int32 {
	m := make(map[string][]int32)
	for _, id := range tasks {
		if id.Subtopology < 0 || int(id.Subtopology) >= len(a.g.Subtopologies) {
			continue
		}
		for _, s := range a.g.Subtopologies[id.Subtopology].Stores {
			if only == nil || s == only {
				m[s.Name] = append(m[s.Name], id.Partition)
			}
		}
	}
	for _, p := range m {
		slices.Sort(p)
	}
	return m
}

// Keyed is the handle of a store with keys of type K.
type Keyed[K any] interface {
	state.Spec
	KeySerde() serde.Serde[K]
}

// MetadataForKey returns where the value of a key is: on which instance, and
// where its copies are. With the option [state.PartitionedBy] keys are in other
// partitions than those that Kafka's clients choose. The error wraps
// [state.ErrNotReady] while the partition has no owner.
func (a *App) MetadataForKey[K any](store Keyed[K], key K, opts ...state.QueryOption) (KeyMetadata, error) {
	q := &queries{a, store.StoreName()}
	s, sub, n, err := q.ready()
	if err != nil {
		return KeyMetadata{}, err
	}
	b, err := store.KeySerde().AppendTo(nil, key)
	if err != nil {
		return KeyMetadata{}, fmt.Errorf("store %s: key: %w", q.name, err)
	}
	if s.Global {
		return KeyMetadata{Host: a.c.Advertise, Local: true}, nil
	}
	return q.owner(sub, state.ChoosePartition(b, n, opts...))
}

// owner returns where a partition is.
func (q *queries) owner(sub *graph.Subtopology, partition int32) (KeyMetadata, error) {
	id := graph.TaskID{Subtopology: sub.ID, Partition: partition}
	m := KeyMetadata{Partition: partition}
	if reads, _ := q.a.query.shelf.Get(id); reads != nil && reads.Live() {
		m.Host, m.Local = q.a.c.Advertise, true
	}
	host, standbys, known := q.a.query.hosts.of(id)
	if m.Standbys = slices.Clone(standbys); known && !m.Local {
		m.Host, m.Local = host, host == q.a.c.Advertise
	}
	if !known && !m.Local {
		return KeyMetadata{}, fmt.Errorf("store %s: partition %d: %w", q.name, partition, state.ErrNotReady)
	}
	return m, nil
}

// StoreLag is how far a partition of a store that this instance has stands for
// its changelog.
type StoreLag struct {
	Store     string
	Partition int32
	Task      string
	Active    bool  // not a copy
	Position  int64 // the changelog offset that the store stands for
	End       int64 // of the changelog
	Lag       int64 // End − Position
}

// StoreLags returns how far the stores of this instance are behind their
// changelogs: those of active tasks, which are behind while they are restored,
// and of standbys. It is at most about a second old.
func (a *App) StoreLags() []StoreLag {
	var lags []StoreLag
	for _, t := range a.query.workers.tasks() {
		for _, s := range t.Stores {
			lags = append(lags, StoreLag{
				Store: s.Name, Partition: t.ID.Partition, Task: t.ID.String(), Active: t.Role == worker.Active,
				Position: s.Position, End: s.End, Lag: max(0, s.End-s.Position),
			})
		}
	}
	return lags
}

// onHosts is told by the workers which instance has which tasks.
func (a *App) onHosts(generation int32, list []group.Host) { a.query.hosts.set(generation, list) }
