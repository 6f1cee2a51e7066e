package measure

import (
	"maps"
	"slices"
	"time"
)

// Task is what is counted of a task. It outlives the task when that is made
// anew by the same worker.
type Task struct {
	ID    string
	Role  string // active, standby or warm-up
	Phase string // waiting, restoring, processing or tailing
	Debug bool   // per node and per store, in detail
	Now   int64  // wall clock in milliseconds, when the present batch began

	Processed    int64
	Process      time.Duration
	Punctuations int64
	Punctuate    time.Duration
	Lateness     Histogram // behind stream time, milliseconds; with Debug only
	Dropped      map[Drop]int64
	Failures     map[Failure]int64

	// What the task has at the moment of the copy.
	StreamTime int64 // milliseconds, -1 for none
	Inputs     []*Input
	Outputs    []*Output
	Nodes      []*Node // with Debug only
	Stores     []*Store
	Engine     Engine
	Values     []*Value
}

// Drop is a reason to leave a record out, and the node that did.
type Drop struct{ Node, Why string }

// Failure is a stage that a record failed in, and what became of it.
type Failure struct{ Stage, Verdict string }

// Input is an input partition.
type Input struct {
	Topic, Node string
	Bytes       int64     // taken out of the queue
	Unstamped   int64     // of these records, without a time, and so left out
	Latency     Histogram // of records when they are taken, milliseconds

	Buffered, BufferedBytes int64
	Lag                     int64 // records on the broker that are not processed, -1 for unknown
}

// Output is a topic that a sink writes.
type Output struct {
	Topic, Node string
	Bytes       int64
	Latency     Histogram // of records when they are emitted, milliseconds
}

// Records is how many were taken out of the queue. Those with a latency need no
// count of their own.
func (i *Input) Records() int64 { return i.Latency.Count() + i.Unstamped }

// Records is how many were emitted.
func (o *Output) Records() int64 { return o.Latency.Count() }

// Add counts a record of some bytes, and its time in milliseconds.
func (o *Output) Add(t *Task, bytes int, at int64) {
	o.Bytes += int64(bytes)
	o.Latency.Observe(t.Now - at)
}

// Node is a processor or sink.
type Node struct {
	Name    string
	Records int64
	Latency *Histogram // of what no node follows, nil for others
}

// Store is a store of a task.
type Store struct {
	Name string

	Gets, Puts, Deletes, Scans int64
	EngineReads                int64
	Read                       Histogram // reads of the engine, microseconds; with Timed only
	Timed                      bool
	OpenScans                  int64
	Logged, LoggedBytes        int64 // changelog records written
	Hits, Misses               int64 // of the record cache
	Emits                      int64 // of a suppress buffer

	// What the store has at the moment of the copy.
	Entries, Bytes, Uncommitted int64 // in memory
	Cached                      bool
	CacheBytes                  int64
	Buffer                      bool  // of suppress; BufferBytes are what counts for its limit
	BufferRecords, BufferBytes  int64 // of a suppress buffer
	Restored, Remaining         int64 // records of the changelog

}

// Engine is what lies below the stores of a task.
type Engine struct {
	Open, Known bool // there is one, and it tells more than its Readers

	DiskBytes, MemTableBytes, L0Files, L0Sublevels int64
	Flushes, Compactions                           int64
	Readers                                        int64 // open iterators and snapshots
}

// NewTask returns the counts of a task.
func NewTask(id string) *Task {
	return &Task{ID: id, StreamTime: -1, Dropped: make(map[Drop]int64), Failures: make(map[Failure]int64)}
}

// Drop counts a record that was left out.
func (t *Task) Drop(node, why string) { t.Dropped[Drop{node, why}]++ }

// Fail counts a record that failed.
func (t *Task) Fail(stage, verdict string) { t.Failures[Failure{stage, verdict}]++ }

// Input returns the counts of an input topic.
func (t *Task) Input(topic, node string) *Input {
	for _, in := range t.Inputs {
		if in.Topic == topic {
			return in
		}
	}
	in := &Input{Topic: topic, Node: node, Lag: -1}
	t.Inputs = append(t.Inputs, in)
	return in
}

// maxOutputs bounds how many topics are told apart where records choose theirs.
const maxOutputs = 100

// OtherTopics is the name of all topics beyond those that are told apart.
const OtherTopics = "(others)"

// Output returns the counts of a sink's topic.
func (t *Task) Output(topic, node string) *Output {
	for _, o := range t.Outputs {
		if o.Topic == topic && o.Node == node {
			return o
		}
	}
	if len(t.Outputs) >= maxOutputs && topic != OtherTopics {
		return t.Output(OtherTopics, node)
	}
	o := &Output{Topic: topic, Node: node}
	t.Outputs = append(t.Outputs, o)
	return o
}

// Node returns the counts of a node. last says that no other follows it.
func (t *Task) Node(name string, last bool) *Node {
	for _, n := range t.Nodes {
		if n.Name == name {
			return n
		}
	}
	n := &Node{Name: name}
	if last {
		n.Latency = new(Histogram)
	}
	t.Nodes = append(t.Nodes, n)
	return n
}

// Store returns the counts of a store.
func (t *Task) Store(name string) *Store {
	for _, s := range t.Stores {
		if s.Name == name {
			return s
		}
	}
	s := &Store{Name: name, Timed: t.Debug}
	t.Stores = append(t.Stores, s)
	return s
}

// copyOf returns a copy that shares nothing that is written.
func (t *Task) copyOf() *Task {
	c := *t
	c.Dropped, c.Failures = maps.Clone(t.Dropped), maps.Clone(t.Failures)
	c.Inputs, c.Outputs, c.Stores = copies(t.Inputs), copies(t.Outputs), copies(t.Stores)
	c.Nodes = copies(t.Nodes)
	for _, n := range c.Nodes {
		if n.Latency != nil {
			h := *n.Latency
			n.Latency = &h
		}
	}
	c.Values = copies(t.Values)
	for _, v := range c.Values {
		v.Counts = slices.Clone(v.Counts)
	}
	return &c
}

func copies[T any](from []*T) []*T {
	values, to := make([]T, len(from)), make([]*T, len(from))
	for i, v := range from {
		values[i] = *v
		to[i] = &values[i]
	}
	return to
}
