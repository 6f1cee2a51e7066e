// Package drive runs a topology in one goroutine over topics in memory.
//
// There are only a few types: a [Driver] owns the tasks, the clocks and the
// topics; a [Record] is what was produced. The tasks are the runtime's own type.
// All sub-topologies share one task per partition, which takes records in the
// order of Kafka Streams' test driver: after each record it commits, and what was
// produced goes to the topics that are read.
//
// A Driver is not safe for concurrent use.
package drive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state/engine"
)

// Config is what a Driver runs.
type Config struct {
	Topology   *graph.Topology
	App        string
	Partitions int32 // of every topic; defaults to 1
	Start      int64 // wall clock at the start, milliseconds
	CacheBytes int
	EmitMillis int64 // wall clock between two looks for closed windows, 0 for a look at each record
	IdleMillis int64 // see task.Config
	OnError    func(*task.Failure) task.Verdict
	GoesOn     bool // OnError may go on behind processing errors
	DeadLetter string
	Dir        string        // of the tasks' state; required with Persistent
	Persistent engine.Opener // nil keeps all state in memory
	LayerBytes int
	// Restore brings the stores of a task to where they were, before it starts.
	Restore func(*task.Task) error
}

// Record is a produced record. Nil bytes are nulls.
type Record struct {
	Topic      string
	Partition  int32
	Key, Value []byte
	Time       int64
	NoTime     bool // the broker's clock decides the time
	Headers    serde.Headers
	Changelog  bool
	Internal   bool // of a repartition topic
}

// Driver runs a topology.
type Driver struct {
	c        Config
	tasks    []*task.Task
	global   *task.Task
	globals  map[string]bool // topics of global stores
	inputs   map[string]bool
	sources  []*graph.Node
	clock    int64
	offsets  map[string]int64
	ends     map[string]int64
	produced []Record
	pending  []Record // produced and not yet passed on
}

// New binds the tasks of a topology and starts them.
func New(c Config) (*Driver, error) {
	c.Partitions = max(c.Partitions, 1)
	d := &Driver{c: c, clock: c.Start, offsets: make(map[string]int64), ends: make(map[string]int64),
		inputs: make(map[string]bool), globals: make(map[string]bool)}
	if err := d.openGlobal(); err != nil {
		return nil, err
	}
	for p := range c.Partitions {
		t, err := d.open(p)
		if err != nil {
			return nil, err
		}
		d.tasks = append(d.tasks, t)
	}
	for _, t := range d.tasks {
		if c.Restore != nil {
			if err := c.Restore(t); err != nil {
				return nil, err
			}
		}
		if err := t.Start(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *Driver) config(p int32) task.Config {
	dir := ""
	if d.c.Persistent != nil {
		dir = fmt.Sprintf("%s/0_%d", d.c.Dir, p)
	}
	return task.Config{
		ID: graph.TaskID{Partition: p}, App: d.c.App, Emit: d.emit, Clock: func() int64 { return d.clock },
		Partitions: func(string) (int32, error) { return d.c.Partitions, nil },
		OnError:    d.c.OnError, GoesOn: d.c.GoesOn, DeadLetter: d.c.DeadLetter,
		Dir: dir, Persistent: d.c.Persistent, CacheBytes: d.c.CacheBytes, EmitMillis: d.c.EmitMillis, IdleMillis: d.c.IdleMillis, LayerBytes: d.c.LayerBytes,
		Global: func(s *graph.Store, _ graph.Instance) (any, error) { return d.global.Store(s) },
	}
}

func (d *Driver) open(p int32) (*task.Task, error) {
	c := d.config(p)
	for _, sub := range d.c.Topology.Subtopologies {
		if !sub.Global {
			c.Nodes = append(c.Nodes, sub.Nodes...)
		}
	}
	for _, s := range d.c.Topology.Stores {
		if !s.Global {
			c.Stores = append(c.Stores, s)
		}
	}
	t, err := task.New(c)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		if n.Kind != graph.SourceNode {
			continue
		}
		if p == 0 {
			d.sources = append(d.sources, n)
		}
		for _, topic := range n.Source.Topics {
			name := topic.Full(d.c.App)
			d.inputs[name] = true
			if err := t.AddInput(name, n, -1, -1); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

func (d *Driver) openGlobal() error {
	c := d.config(0)
	c.GlobalTask, c.InMemoryOnly = true, true
	var sources []*graph.Node
	for _, sub := range d.c.Topology.Subtopologies {
		if !sub.Global {
			continue
		}
		c.Nodes = append(c.Nodes, sub.Nodes...)
		c.Stores = append(c.Stores, sub.Stores...)
		sources = append(sources, sub.Sources()...)
	}
	t, err := task.New(c)
	if err != nil {
		return err
	}
	d.global = t
	for _, n := range sources {
		for _, topic := range n.Source.Topics {
			d.globals[topic.Name] = true
			if err := t.AddInput(topic.Name, n, -1, -1); err != nil {
				return err
			}
		}
	}
	return t.Start()
}

// emit takes what a task sends.
func (d *Driver) emit(o *graph.Output) error {
	p := o.Partition
	if p == graph.ByKey {
		p = 0
		switch {
		case o.Hash != nil:
			p = hash.Partition(o.Hash, d.c.Partitions)
		case o.Key != nil:
			p = hash.Partition(o.Key, d.c.Partitions)
		}
	}
	r := Record{Topic: o.Topic, Partition: p, Key: clone(o.Key), Value: clone(o.Value), Time: o.Time, NoTime: o.NoTime,
		Headers: o.Headers.Clone(), Changelog: o.Changelog,
		Internal: !o.Changelog && strings.HasPrefix(o.Topic, d.c.App+"-") && d.inputs[o.Topic]}
	if r.Changelog {
		d.ends[fmt.Sprintf("%s/%d", o.Topic, p)]++
	}
	d.produced = append(d.produced, r)
	d.pending = append(d.pending, r)
	return nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// Produced returns what was produced since the last call, in order.
func (d *Driver) Produced() []Record {
	r := d.produced
	d.produced = nil
	return r
}

// Clock returns the wall clock, in milliseconds.
func (d *Driver) Clock() int64 { return d.clock }

// Task returns the task of a partition.
func (d *Driver) Task(partition int32) *task.Task { return d.tasks[partition] }

// Global returns the task of the global stores.
func (d *Driver) Global() *task.Task { return d.global }

// Reads says whether the topology reads a topic.
func (d *Driver) Reads(topic string) bool {
	return d.inputs[topic] || d.globals[topic] || d.pattern(topic) != nil
}

func (d *Driver) pattern(topic string) *graph.Node {
	i := slices.IndexFunc(d.sources, func(n *graph.Node) bool {
		return n.Source.Pattern != nil && n.Source.Matches(topic)
	})
	if i < 0 {
		return nil
	}
	return d.sources[i]
}

// Dropped returns how many records were left out so far.
func (d *Driver) Dropped() int64 {
	var n int64
	for _, t := range append([]*task.Task{d.global}, d.tasks...) {
		for _, c := range t.Dropped() {
			n += c
		}
	}
	return n
}

// Close closes the tasks; clean lets them write their state out.
func (d *Driver) Close(clean bool) error {
	var first error
	for _, t := range append(slices.Clone(d.tasks), d.global) {
		if err := t.Close(clean); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// origin is the next record of a topic's partition.
func (d *Driver) origin(topic string, p int32, r *Record) flow.Origin {
	id := topic
	if n := d.pattern(topic); n != nil && !d.inputs[topic] {
		id = n.Source.Pattern.String()
	}
	id = fmt.Sprintf("%s/%d", id, p)
	offset := d.offsets[id]
	d.offsets[id] = offset + 1
	return flow.Origin{Topic: topic, Partition: p, Offset: offset, Time: r.Time, Key: r.Key, Value: r.Value, Headers: r.Headers}
}
