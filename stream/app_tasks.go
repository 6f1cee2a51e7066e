package stream

import (
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// TaskStatus is what an instance has of a task: the task itself, which processes
// records, or a copy of its stores.
type TaskStatus struct {
	Task   string // sub-topology and partition, as in "1_0"
	Worker int    // that has it, from 1
	Role   string // "active", "standby" or "warm-up"
	Phase  string // "waiting", "restoring", "processing" or "tailing", which follows changelogs
	Parked bool   // it waits to try again: a record that OnError parked or retries, or a copy's writes where there was no space
	Inputs []InputStatus
	Stores []StoreLag
}

// InputStatus is how far an input partition of a task is processed.
type InputStatus struct {
	Topic     string
	Partition int32
	Committed int64 // the offset that the last commit says
	Position  int64 // the offset after the last record that was processed
	End       int64 // of the partition, as the brokers told last
}

// Lag is how many offsets are not processed yet.
func (i InputStatus) Lag() int64 { return max(0, i.End-i.Position) }

// Tasks returns what this instance has of the app's tasks, sorted by task. It is at
// most about a second old, and empty unless the app runs.
func (a *App) Tasks() []TaskStatus {
	var all []TaskStatus
	for index, w := range a.crew.workers() {
		for _, t := range w.Tasks() {
			all = append(all, taskStatus(index, t))
		}
	}
	slices.SortFunc(all, func(x, y TaskStatus) int {
		if c := strings.Compare(x.Task, y.Task); c != 0 {
			return c
		}
		return x.Worker - y.Worker
	})
	return all
}

func taskStatus(index int, t worker.TaskInfo) TaskStatus {
	s := TaskStatus{Task: t.ID.String(), Worker: index, Role: t.Role.String(), Phase: t.Phase.String(), Parked: t.Parked}
	for _, i := range t.Inputs {
		s.Inputs = append(s.Inputs, InputStatus{
			Topic: i.Topic, Partition: i.Partition, Committed: i.Committed, Position: i.Position, End: i.End,
		})
	}
	for _, l := range t.Stores {
		s.Stores = append(s.Stores, StoreLag{
			Store: l.Name, Partition: t.ID.Partition, Task: s.Task, Active: t.Role == worker.Active,
			Position: l.Position, End: l.End, Lag: max(0, l.End-l.Position),
		})
	}
	return s
}
