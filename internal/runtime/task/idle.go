package task

import (
	"github.com/ottla-streams/ottla/internal/graph"
)

// Stream time moves with records only, so what waits for it waits for ever when
// they cease. With Config.IdleMillis the nodes that wait are told how late it
// would be by now if time had gone on with the wall clock since the newest
// record. The task's own stream time stays that of its records.

// quiet is what a task knows of the silence since its newest record.
type quiet struct {
	nodes []graph.Schedule // in the order in which they were bound: children first
	since int64            // wall clock when stream time moved last
	again int64            // wall clock of the next look
}

// mostIdleTick is how many milliseconds lie between two looks at most.
const mostIdleTick = 1000

func (i *instance) OnIdle(n *graph.Node, run func(stream int64) error) {
	if i.c.IdleMillis > 0 {
		i.quiet.nodes = append(i.quiet.nodes, graph.Schedule{Node: n, Run: run})
	}
}

// newer takes note of a record that moves stream time.
func (t *Task) newer() {
	if t.c.IdleMillis > 0 {
		t.quiet.since = t.c.Clock()
	}
}

// flushIdle tells the nodes that wait how late it is, those in front first. A
// task that has records to process is not idle.
func (t *Task) flushIdle(now int64) (ran bool, err error) {
	if len(t.quiet.nodes) == 0 || t.stream < 0 || now < t.quiet.again {
		return false, nil
	}
	if t.order.len() > 0 {
		t.quiet.since = now
		return false, nil
	}
	if now-t.quiet.since < t.c.IdleMillis {
		return false, nil
	}
	t.quiet.again = now + min(max(1, t.c.IdleMillis/4), mostIdleTick)
	at := t.stream + now - t.quiet.since
	for i := len(t.quiet.nodes) - 1; i >= 0; i-- {
		if err := t.fire(&timer{Schedule: t.quiet.nodes[i]}, at); err != nil {
			return true, err
		}
	}
	return true, nil
}

// idleDue is the wall clock of the next look.
func (t *Task) idleDue() (int64, bool) {
	if len(t.quiet.nodes) == 0 || t.stream < 0 {
		return 0, false
	}
	return max(t.quiet.again, t.quiet.since+t.c.IdleMillis), true
}
