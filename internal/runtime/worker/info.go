package worker

import (
	"maps"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// Role is what a worker keeps a task for.
type Role uint8

// The roles of a task. Only an active one processes records; the others keep
// its stores current.
const (
	Active  Role = iota
	Standby      // a copy that is there should the active task's worker vanish
	Warmup       // a copy that is on its way to be the active task
)

func (r Role) String() string { return [...]string{"active", "standby", "warm-up"}[r] }

// Phase is where a task is on its way to work.
type Phase uint8

// The phases of a task.
const (
	Waiting    Phase = iota // for its folder, or until a failed open is tried again
	Restoring               // its stores are read from their changelogs up to an end
	Processing              // it is active and works
	Tailing                 // it is a standby or a warm-up and follows its changelogs
)

func (p Phase) String() string {
	return [...]string{"waiting", "restoring", "processing", "tailing"}[p]
}

// TaskInfo is what a worker says of one of its tasks. It is never changed.
type TaskInfo struct {
	ID     graph.TaskID
	Role   Role
	Phase  Phase
	Parked bool        // it waits to try again what failed: a record, or a copy's writes where there was no space
	Stores []StoreInfo // with a changelog, in the topology's order; none while it waits
	Inputs []InputInfo // of an active task, sorted by topic
}

// StoreInfo is how far a store stands for its changelog. Position is at most End.
type StoreInfo struct {
	Name      string
	Changelog string // the topic: the input itself for a table that is read again from it
	Position  int64  // the offset after what the store holds, as far as it is committed
	End       int64  // of the changelog, as the worker saw it last
}

// InputInfo is how far an input partition is processed.
type InputInfo struct {
	Topic     string
	Partition int32
	Position  int64 // the offset after the last record that was processed
	Committed int64 // the offset that the last commit says
	End       int64 // of the partition, as the broker told last
}

// Lag is how many changelog offsets the task's stores lack.
func (t *TaskInfo) Lag() int64 {
	lag := int64(0)
	for _, s := range t.Stores {
		lag += s.End - s.Position
	}
	return lag
}

// Tasks returns the tasks that the worker has, sorted by id: a snapshot that is
// at most about a second old and must not be changed. It is safe for concurrent
// use.
func (w *Worker) Tasks() []TaskInfo { return *w.infos.Load() }

// publishEvery is how old a snapshot of the tasks gets while the loop turns.
const publishEvery = 100 * time.Millisecond

// publish makes a new snapshot for Tasks.
func (w *Worker) publish() {
	w.published = w.now()
	infos := make([]TaskInfo, 0, len(w.tasks)+len(w.standbys))
	for _, e := range w.tasks {
		infos = append(infos, w.infoOf(e))
	}
	for id, s := range w.standbys {
		if w.tasks[id] != nil {
			continue // it is about to become active
		}
		infos = append(infos, s.info())
	}
	slices.SortFunc(infos, func(a, b TaskInfo) int { return assignID(a.ID).Compare(assignID(b.ID)) })
	w.infos.Store(&infos)
}

func (w *Worker) infoOf(e *entry) TaskInfo {
	t := TaskInfo{ID: e.id, Role: Active, Phase: e.phase, Parked: e.failing != nil}
	for _, topic := range slices.Sorted(maps.Keys(e.inputs)) {
		in := e.inputs[topic]
		i := InputInfo{Topic: topic, Partition: in.Num, Position: in.at.offset, Committed: in.at.offset, End: in.end}
		if e.task != nil {
			i.Position = max(i.Position, e.task.Position(topic))
		}
		i.End = max(i.End, i.Position)
		t.Inputs = append(t.Inputs, i)
	}
	if e.task == nil {
		return t
	}
	ends := make(map[string]int64)
	if e.phase == Restoring {
		for job, r := range w.jobs {
			if r.entry == e && r.probe == nil {
				ends[job.Store] = r.End
			}
		}
	}
	for _, c := range e.task.Changelogs() {
		t.Stores = append(t.Stores, storeInfo(c, ends[c.Store]))
	}
	return t
}

func (s *standby) info() TaskInfo {
	t := TaskInfo{ID: s.id, Role: s.role}
	if s.task == nil {
		return t
	}
	t.Phase, t.Parked = Tailing, s.full
	if slices.ContainsFunc(s.logs, func(f *followed) bool { return !f.seen }) {
		t.Phase = Restoring // what it lacks is not known yet
	}
	ends := make(map[string]int64)
	for _, f := range s.logs {
		ends[f.log.Store] = f.end
	}
	for _, c := range s.task.Changelogs() {
		t.Stores = append(t.Stores, storeInfo(c, ends[c.Store]))
	}
	return t
}

func storeInfo(c task.Changelog, end int64) StoreInfo {
	return StoreInfo{Name: c.Store, Changelog: c.Topic, Position: c.From, End: max(end, c.From)}
}
