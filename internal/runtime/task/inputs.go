package task

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/batch"
)

// AddInput gives the task an input partition: the full name of its topic, the
// source node that reads it, and what the last commit said of it. next is the
// offset to go on from and time the partition time, each -1 for unknown.
func (t *Task) AddInput(topic string, n *graph.Node, next, time int64) error {
	v, err := t.binder.Bind(n)
	if err != nil {
		return err
	}
	head, err := v.(HeadMaker)(topic)
	if err != nil {
		return fmt.Errorf("topic %s: %w", topic, err)
	}
	t.queues[topic] = &queue{topic: topic, node: n, head: head, ownTime: head.OwnTime(), time: time, next: next, fetched: next, end: -1, count: t.count.Input(topic, n.Name)}
	t.stream = max(t.stream, time)
	return nil
}

// Inputs returns the full names of the task's input topics.
func (t *Task) Inputs() []string {
	names := make([]string, 0, len(t.queues))
	for name := range t.queues {
		names = append(names, name)
	}
	return names
}

// Add appends fetched records, which it keeps, to the queue of a topic. end is
// the end of the partition as the broker told it, -1 for unknown.
func (t *Task) Add(topic string, records []flow.Origin, end int64) error {
	q := t.queues[topic]
	if q == nil {
		return fmt.Errorf("task %s has no input %s", t.c.ID, topic)
	}
	q.end = max(q.end, end)
	if len(records) == 0 {
		return nil
	}
	q.fetched = records[len(records)-1].Offset + 1
	q.addRecords(records)
	if q.inHeap {
		return nil
	}
	t.taken = Place{} // none is in work, should the first of these fail
	return t.enter(q)
}

// AddBatches appends fetched batches, whose payloads it keeps, to the queue of a
// topic. Their records before offset from are left out. end is as for [Task.Add].
func (t *Task) AddBatches(topic string, partition int32, batches []batch.Batch, from, end int64) error {
	q := t.queues[topic]
	if q == nil {
		return fmt.Errorf("task %s has no input %s", t.c.ID, topic)
	}
	q.end = max(q.end, end)
	for i := range batches {
		q.addBatch(batches[i], partition, from)
		q.fetched = max(q.fetched, batches[i].Last+1)
	}
	if q.inHeap {
		return nil
	}
	t.taken = Place{} // none is in work, should the first of these fail
	return t.enter(q)
}

// SetPosition tells how far a partition was read where the last records were
// none for the application: transaction markers or aborted ones.
func (t *Task) SetPosition(topic string, next, end int64) {
	if q := t.queues[topic]; q != nil {
		q.fetched, q.end = max(q.fetched, next), max(q.end, end)
		q.passOver()
	}
}

// Buffered returns the number of records waiting in the queue of a topic and
// their bytes.
func (t *Task) Buffered(topic string) (records, bytes int) {
	if q := t.queues[topic]; q != nil {
		return q.n, q.bytes
	}
	return 0, 0
}

// Ready says whether the task should go on now: it has a record, and each of
// its empty queues is known to have nothing more on the broker.
func (t *Task) Ready() bool {
	if t.order.len() == 0 {
		return false
	}
	if t.order.len() == len(t.queues) {
		return true
	}
	for _, q := range t.queues {
		if q.n == 0 && (q.end < 0 || q.fetched < q.end) {
			return false
		}
	}
	return true
}

// HasRecords says whether any queue holds a record.
func (t *Task) HasRecords() bool { return t.order.len() > 0 }

// HeadTime returns the timestamp of the record that would be taken next.
func (t *Task) HeadTime() (int64, bool) {
	if t.order.len() == 0 {
		return 0, false
	}
	return t.order.peek().stamp, true
}

// enter stamps the head of q and puts q into the heap. Records that can't be
// stamped are judged and left out.
func (t *Task) enter(q *queue) error {
	for q.n > 0 {
		if err := q.fill(); err != nil {
			return err
		}
		if q.n == 0 {
			break // all that was left lies before where the input goes on
		}
		o := q.front()
		stamp, err := stampHead(q, o)
		if err == nil {
			q.stamp, q.inHeap = stamp, true
			t.order.push(q)
			return nil
		}
		if err := t.judgeHead(q, o, err); err != nil {
			return err
		}
		q.passed(o.Offset + 1)
		q.drop()
		q.count.Unstamped++
	}
	return nil
}
