package stream

import (
	"slices"
	"sync/atomic"

	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/topology"
)

// Live is what an app does at the moment, for those who show it. It is about a
// second old at most.
type Live struct {
	State string
	Tasks []LiveTask // of this instance, by id
	Hosts []LiveHost // all that have a Config.Advertise
}

// LiveHost is an instance and its tasks, as the last rebalance left them.
type LiveHost struct {
	Host            string
	Local           bool
	Active, Standby []string
}

// LiveTask is a task of this instance. Records, sizes and outputs are counted if
// the app is measured, see [App.Measure] and Config.Registerer.
type LiveTask struct {
	ID          string
	Subtopology int32
	Partition   int32
	Role        string // active, standby or warm-up
	Phase       string // waiting, restoring, processing or tailing
	Inputs      []LiveInput
	Outputs     []LiveOutput
	Stores      []LiveStore
	Nodes       []LiveNode // with MetricsDebug only
	DiskBytes   int64
}

// LiveInput is an input partition of a task.
type LiveInput struct {
	Topic    string
	Position int64 // the offset after the last record that was processed
	End      int64 // of the partition, as the broker told last
}

// LiveOutput is what a sink wrote.
type LiveOutput struct {
	Topic, Node string
	Records     int64
}

// LiveNode is how many records a node took.
type LiveNode struct {
	Name    string
	Records int64
}

// LiveStore is a store of a task and how far it stands for its changelog.
type LiveStore struct {
	Name          string
	Position, End int64
	Entries       int64 // in memory
	Bytes         int64 // in memory
}

// live is what Live needs beside the workers.
type live struct {
	counted atomic.Bool
	board   atomic.Pointer[measure.Board]
}

// Measure makes the app count what [App.Live] tells of records and sizes, as it
// does with a Config.Registerer. It has to be called before [App.Run].
func (a *App) Measure() { a.query.live.counted.Store(true) }

// Live returns what the app does at the moment.
func (a *App) Live() Live {
	l := Live{State: a.State().String()}
	counts := make(map[string]*measure.Task)
	if b := a.query.live.board.Load(); b != nil {
		for _, w := range b.Look() {
			for _, t := range w.Tasks {
				counts[t.ID] = t
			}
		}
	}
	for _, t := range a.query.workers.tasks() {
		lt := LiveTask{
			ID: t.ID.String(), Subtopology: t.ID.Subtopology, Partition: t.ID.Partition,
			Role: t.Role.String(), Phase: t.Phase.String(),
		}
		for _, in := range t.Inputs {
			lt.Inputs = append(lt.Inputs, LiveInput{in.Topic, in.Position, in.End})
		}
		for _, s := range t.Stores {
			lt.Stores = append(lt.Stores, LiveStore{Name: s.Name, Position: s.Position, End: s.End})
		}
		lt.count(counts[lt.ID])
		l.Tasks = append(l.Tasks, lt)
	}
	for _, h := range a.query.hosts.all() {
		l.Hosts = append(l.Hosts, LiveHost{h.Endpoint, h.Endpoint == a.c.Advertise, taskNames(h.Active), taskNames(h.Standby)})
	}
	return l
}

// count adds what was counted of the task.
func (t *LiveTask) count(c *measure.Task) {
	if c == nil {
		return
	}
	t.DiskBytes = c.Engine.DiskBytes
	for _, o := range c.Outputs {
		t.Outputs = append(t.Outputs, LiveOutput{o.Topic, o.Node, o.Records()})
	}
	for _, n := range c.Nodes {
		t.Nodes = append(t.Nodes, LiveNode{n.Name, n.Records})
	}
	for _, s := range c.Stores {
		i := slices.IndexFunc(t.Stores, func(l LiveStore) bool { return l.Name == s.Name })
		if i < 0 {
			t.Stores = append(t.Stores, LiveStore{Name: s.Name})
			i = len(t.Stores) - 1
		}
		t.Stores[i].Entries, t.Stores[i].Bytes = s.Entries, s.Bytes
	}
}

func taskNames(ids []assign.TaskID) []string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, id.String())
	}
	return names
}

// TopologyJSON describes the topology, as Topology.JSON does.
func (a *App) TopologyJSON() ([]byte, error) { return topology.New(a.g).JSON() }
