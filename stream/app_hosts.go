package stream

import (
	"slices"
	"strings"
	"sync"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// hosts is what the group said last of where tasks are.
type hosts struct {
	mu         sync.RWMutex
	generation int32
	list       []group.Host // one per Advertise
	tasks      map[graph.TaskID]placed
}

type placed struct {
	active   string
	standbys []string
}

// set takes over what a rebalance decided. The workers tell in any order.
func (h *hosts) set(generation int32, list []group.Host) {
	merged := mergeHosts(list)
	tasks := make(map[graph.TaskID]placed)
	for _, host := range merged {
		for _, id := range host.Active {
			p := tasks[graph.TaskID(id)]
			p.active = host.Endpoint
			tasks[graph.TaskID(id)] = p
		}
		for _, id := range host.Standby {
			p := tasks[graph.TaskID(id)]
			p.standbys = append(p.standbys, host.Endpoint)
			tasks[graph.TaskID(id)] = p
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// A group that was deleted counts from 1 again.
	if generation < h.generation && generation > 1 {
		return
	}
	h.generation, h.list, h.tasks = generation, merged, tasks
}

// mergeHosts makes one host of the workers of an instance.
func mergeHosts(list []group.Host) []group.Host {
	var merged []group.Host
	for _, host := range list {
		i := slices.IndexFunc(merged, func(m group.Host) bool { return m.Endpoint == host.Endpoint })
		if i < 0 {
			merged = append(merged, group.Host{Endpoint: host.Endpoint})
			i = len(merged) - 1
		}
		merged[i].Active = append(merged[i].Active, host.Active...)
		merged[i].Standby = append(merged[i].Standby, host.Standby...)
	}
	slices.SortFunc(merged, func(a, b group.Host) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	for _, m := range merged {
		slices.SortFunc(m.Active, assign.TaskID.Compare)
		slices.SortFunc(m.Standby, assign.TaskID.Compare)
	}
	return merged
}

// of returns where a task is; known is set when it has an owner with an address.
func (h *hosts) of(id graph.TaskID) (active string, standbys []string, known bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	p := h.tasks[id]
	return p.active, p.standbys, p.active != ""
}

func (h *hosts) all() []group.Host {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.list
}

// workerSet is the workers that run now.
type workerSet struct {
	mu  sync.RWMutex
	now []*worker.Worker
}

func (s *workerSet) add(w *worker.Worker) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = append(s.now, w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now = slices.DeleteFunc(slices.Clone(s.now), func(o *worker.Worker) bool { return o == w })
	}
}

func (s *workerSet) list() []*worker.Worker {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.now
}

// tasks returns what the workers say of their tasks.
func (s *workerSet) tasks() []worker.TaskInfo {
	var all []worker.TaskInfo
	for _, w := range s.list() {
		all = append(all, w.Tasks()...)
	}
	slices.SortFunc(all, func(a, b worker.TaskInfo) int { return assign.TaskID(a.ID).Compare(assign.TaskID(b.ID)) })
	return all
}

// role is what this instance has a task for. A task of which nothing is known
// is on its way to be active.
func (s *workerSet) role(id graph.TaskID) worker.Role {
	for _, w := range s.list() {
		for _, t := range w.Tasks() {
			if t.ID == id {
				return t.Role
			}
		}
	}
	return worker.Active
}

// lag is how many changelog records a store lacks.
func (s *workerSet) lag(id graph.TaskID, store string) int64 {
	for _, w := range s.list() {
		for _, t := range w.Tasks() {
			for _, st := range t.Stores {
				if t.ID == id && st.Name == store {
					return max(0, st.End-st.Position)
				}
			}
		}
	}
	return 0
}
