package task

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
)

// queue holds the records of one input partition that were fetched and not yet
// processed.
type queue struct {
	topic  string
	node   *graph.Node
	head   graph.Head
	chunks [][]flow.Origin
	at     int // in the first chunk
	n      int // records in all chunks
	bytes  int

	stamp  int64 // of the head, when it is in the heap
	inHeap bool

	time    int64 // partition time: the highest timestamp processed, -1 for none
	next    int64 // offset after the last record processed, -1 for none
	fetched int64 // offset after the last record fetched, -1 for none
	end     int64 // end of the partition as the broker told last, -1 for unknown
	moved   bool  // next was set since the last commit
	count   *measure.Input

	warm  int     // records at the front whose keys were brought near
	asked []asked // of stores that were asked for the keys of records
}

func (q *queue) front() *flow.Origin {
	if q.n == 0 {
		return nil
	}
	return &q.chunks[0][q.at]
}

func (q *queue) drop() {
	n := size(q.front())
	q.bytes -= n
	q.count.Bytes += int64(n - recordOverhead)
	q.at++
	q.n--
	if q.at == len(q.chunks[0]) {
		q.chunks[0] = nil
		q.chunks, q.at = q.chunks[1:], 0
	}
}

// passed notes that all records before offset next are done with.
func (q *queue) passed(next int64) {
	q.next, q.moved = max(q.next, next), true
}

const recordOverhead = 64 // bytes of a record beside its key and value, about

func size(o *flow.Origin) int { return len(o.Key) + len(o.Value) + recordOverhead }

func (q *queue) clear() {
	q.chunks, q.at, q.n, q.bytes, q.inHeap = nil, 0, 0, 0, false
}

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
	t.queues[topic] = &queue{topic: topic, node: n, head: head, time: time, next: next, fetched: next, end: -1, count: t.count.Input(topic, n.Name)}
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
	q.chunks = append(q.chunks, records)
	q.n += len(records)
	for i := range records {
		q.bytes += size(&records[i])
	}
	if q.inHeap {
		return nil
	}
	return t.enter(q)
}

// SetPosition tells how far a partition was read where the last records were
// none for the application: transaction markers or aborted ones.
func (t *Task) SetPosition(topic string, next, end int64) {
	if q := t.queues[topic]; q != nil {
		q.fetched, q.end = max(q.fetched, next), max(q.end, end)
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
		o := q.front()
		stamp, err := t.stampHead(q, o)
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
