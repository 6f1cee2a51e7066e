package drive

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// Send appends a record to a topic and runs the topology until nothing is left
// to do. The record's partition is r.Partition.
func (d *Driver) Send(r Record) error {
	if !d.Reads(r.Topic) {
		return fmt.Errorf("topic %s is not read by the topology", r.Topic)
	}
	if r.Partition < 0 || r.Partition >= d.c.Partitions {
		return fmt.Errorf("topic %s has no partition %d", r.Topic, r.Partition)
	}
	if err := d.enqueue(&r); err != nil {
		return err
	}
	if err := d.run(); err != nil {
		return err
	}
	return d.applyGlobal(&r)
}

// AdvanceWall moves the wall clock and runs what is due.
func (d *Driver) AdvanceWall(millis int64) error {
	d.clock += millis
	for _, t := range d.tasks {
		ran, err := t.Punctuate()
		if err != nil {
			return err
		}
		if ran {
			if err := d.commit(t); err != nil {
				return err
			}
		}
	}
	if err := d.passOn(); err != nil {
		return err
	}
	return d.run()
}

// AdvanceStream moves the stream time of all tasks, as a record at that time
// would, and runs what is due. Operators that keep a time of their own, such as
// windows, see it with the next record only.
func (d *Driver) AdvanceStream(to int64) error {
	for _, t := range d.tasks {
		if err := t.AdvanceStream(to); err != nil {
			return err
		}
		if err := d.commit(t); err != nil {
			return err
		}
	}
	if err := d.passOn(); err != nil {
		return err
	}
	return d.run()
}

// run takes records, the lowest timestamp first, until all queues are empty.
func (d *Driver) run() error {
	for {
		t := d.next()
		if t == nil {
			return nil
		}
		if _, err := t.Process(1); err != nil {
			return err
		}
		if err := d.commit(t); err != nil {
			return err
		}
		if err := d.passOn(); err != nil {
			return err
		}
	}
}

func (d *Driver) next() *task.Task {
	var best *task.Task
	var at int64
	for _, t := range d.tasks {
		if h, ok := t.HeadTime(); ok && (best == nil || h < at) {
			best, at = t, h
		}
	}
	return best
}

func (d *Driver) commit(t *task.Task) error {
	if err := t.Flush(); err != nil {
		return err
	}
	if err := t.WriteChangelog(); err != nil {
		return err
	}
	return t.Committed(func(topic string) (int64, bool) {
		n, ok := d.ends[fmt.Sprintf("%s/%d", topic, t.ID().Partition)]
		return n, ok
	})
}

// passOn gives what was produced to the topics that are read.
func (d *Driver) passOn() error {
	for len(d.pending) > 0 {
		r := d.pending[0]
		d.pending = d.pending[1:]
		if r.Changelog || !d.Reads(r.Topic) {
			continue
		}
		if err := d.enqueue(&r); err != nil {
			return err
		}
		if err := d.applyGlobal(&r); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) enqueue(r *Record) error {
	t := d.tasks[r.Partition]
	if !d.inputs[r.Topic] {
		n := d.pattern(r.Topic)
		if n == nil {
			return nil
		}
		for _, t := range d.tasks {
			if err := t.AddInput(r.Topic, n, -1, -1); err != nil {
				return err
			}
		}
		d.inputs[r.Topic] = true
	}
	return t.Add(r.Topic, []flow.Origin{d.origin(r.Topic, r.Partition, r)}, -1)
}

// applyGlobal lets the global stores take a record.
func (d *Driver) applyGlobal(r *Record) error {
	if !d.globals[r.Topic] {
		return nil
	}
	if err := d.global.Add(r.Topic, []flow.Origin{d.origin(r.Topic, r.Partition, r)}, -1); err != nil {
		return err
	}
	for d.global.HasRecords() {
		if _, err := d.global.Process(1); err != nil {
			return err
		}
	}
	return d.global.Committed(func(string) (int64, bool) { return 0, false })
}

// StateStore returns the typed store of a name in a partition; global stores
// are in all.
func (d *Driver) StateStore(partition int32, name string) (any, error) {
	if partition < 0 || int(partition) >= len(d.tasks) {
		return nil, fmt.Errorf("store %s: there is no partition %d", name, partition)
	}
	for _, s := range d.c.Topology.Stores {
		switch {
		case s.Name != name:
		case s.Global:
			return d.global.Store(s)
		default:
			return d.tasks[partition].Store(s)
		}
	}
	return nil, fmt.Errorf("the topology has no store %s", name)
}
