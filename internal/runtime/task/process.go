package task

import (
	"errors"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// stampHead returns the timestamp of the record o at the head of q. A panic of
// the user's extractor is an error.
func stampHead(q *queue, o *flow.Origin) (stamp int64, err error) {
	if q.ownTime && o.Time >= 0 {
		return o.Time, nil
	}
	return extractTime(q, o)
}

func extractTime(q *queue, o *flow.Origin) (stamp int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = graph.Recovered(r)
		}
	}()
	return q.head.Stamp(o, q.time)
}

// judgeHead decides on a record that has no timestamp or does not decode.
func (t *Task) judgeHead(q *queue, o *flow.Origin, err error) error {
	var skip *graph.SkipRecord
	if errors.As(err, &skip) {
		(*instance)(t).Dropped(q.node, skip.Why)
		return nil
	}
	return t.judge(&Failure{Stage: Decode, Task: t.c.ID, Node: q.node, Origin: o.Clone(), Time: o.Time, Err: err, Headers: o.Headers})
}

// Process takes up to limit records and returns how many it took. It returns
// when an input has run empty, so that the caller can look whether the task is
// still Ready. An error stops the task: its uncommitted work has to be aborted.
func (t *Task) Process(limit int) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	t.count.Now = t.c.Clock()
	for n < limit && t.order.len() > 0 {
		inputs := t.order.len()
		if err := t.step(); err != nil {
			return n, err
		}
		n++
		if t.commit || t.order.len() < inputs {
			return n, nil
		}
	}
	return n, nil
}

// Place is where a record of the task's partition lies. Its zero value is none.
type Place struct {
	Topic  string
	Offset int64
}

// Taken is the record that was taken last, which may be in work still. It is
// none when records have come to an empty queue since.
func (t *Task) Taken() Place { return t.taken }

// Head is the record that is taken next, none without records.
func (t *Task) Head() Place {
	if t.order.len() == 0 {
		return Place{}
	}
	q := t.order.peek()
	return Place{q.topic, q.front().Offset}
}

// step takes one record. Its queue enters the heap again before the record is
// processed, as in Kafka Streams, which decides between equal timestamps.
func (t *Task) step() error {
	q := t.order.pop()
	q.inHeap = false
	if q.warm--; q.warm < 0 {
		t.warm(q)
	}
	o, stamp := q.front(), q.stamp
	t.taken = Place{q.topic, o.Offset}
	q.drop()
	q.count.Latency.Observe(t.count.Now - stamp)
	if stamp > t.stream {
		t.stream = stamp
		t.newer()
		if err := t.passTime(); err != nil {
			return err
		}
	}
	if t.count.Debug {
		t.count.Lateness.Observe(t.stream - stamp)
	}
	q.time = max(q.time, stamp)
	if err := t.enter(q); err != nil {
		return err
	}
	t.origin, t.now = o, stamp
	// Field by field: a literal is written beside and read at once in larger words, for which the processor waits.
	t.meta.Time, t.meta.Headers, t.meta.Origin, t.meta.Node = stamp, o.Headers, o, int32(q.node.ID)
	t.meta.NoKey, t.meta.NoValue, t.meta.Final = false, false, false
	t.count.Processed++
	if err := t.pass(q, o); err != nil {
		if err = t.settle(q, o, err); err != nil {
			return err
		}
	}
	if q.warm == 0 {
		t.learn(q, o)
	}
	q.passed(o.Offset + 1)
	t.origin = nil
	if q.tidy() {
		q.passOver()
		t.meta.Headers, t.meta.Origin = nil, nil // a task at rest would keep a batch with them
	}
	return t.runTimers(graph.StreamClock, t.stream)
}

// pass sends a record through the nodes, in a span if there is a trace.
func (t *Task) pass(q *queue, o *flow.Origin) error {
	if t.c.Trace == nil {
		return q.head.Process(o, &t.meta)
	}
	return t.traced(q, o)
}

// settle judges an error of processing that was not judged where it happened.
func (t *Task) settle(q *queue, o *flow.Origin, err error) error {
	var judged *graph.Judged
	if errors.As(err, &judged) {
		return err
	}
	var decode *graph.DecodeError
	if errors.As(err, &decode) {
		return t.judgeHead(q, o, err)
	}
	return t.judge(t.failure(t.nodeInWork(), err))
}

// panicked makes an error of a panic that no node caught.
func (t *Task) panicked(r any) error {
	err := graph.Recovered(r)
	var judged *graph.Judged
	if errors.As(err, &judged) {
		return err
	}
	return &graph.Judged{Err: t.failure(t.nodeInWork(), err)}
}

func (t *Task) nodeInWork() *graph.Node {
	for _, n := range t.c.Nodes {
		if int32(n.ID) == t.meta.Node {
			return n
		}
	}
	return nil
}
