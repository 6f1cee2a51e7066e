package assign

import (
	"cmp"
	"math"
	"slices"
)

// none stands for no member where an index of one is expected.
const none = -1

// cluster is the input with members, processes and tasks as dense indexes in a fixed order.
type cluster struct {
	cfg     Config
	members []member
	procs   []process
	tasks   []Task
	// subs numbers the sub-topologies; sub[t] is the number of task t's.
	subs int
	sub  []int
	// owner[t] is the member that runs task t, or none.
	owner []int
	// standing[t] and warming[t] are the members that keep task t as standby and as warm-up.
	standing, warming [][]int
}

type member struct {
	id   string
	proc int
}

// process is a state directory and the workers that share it.
type process struct {
	members []int
	// offsets is the best that any of its workers reports for a task index.
	offsets map[int]int64
	tags    map[string]string
}

func newCluster(members []Member, tasks []Task, cfg Config) *cluster {
	c := &cluster{cfg: cfg}
	c.addTasks(tasks)
	index := make(map[TaskID]int, len(c.tasks))
	for t, task := range c.tasks {
		index[task.ID] = t
	}
	c.owner = make([]int, len(c.tasks))
	for t := range c.owner {
		c.owner[t] = none
	}
	c.standing = make([][]int, len(c.tasks))
	c.warming = make([][]int, len(c.tasks))
	seen := make(map[string]bool, len(members))
	procs := make(map[string]int)
	for _, m := range sorted(members) {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		c.addMember(m, index, procs)
	}
	return c
}

func (c *cluster) addTasks(tasks []Task) {
	c.tasks = slices.Clone(tasks)
	slices.SortStableFunc(c.tasks, func(a, b Task) int {
		return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.EndOffset, b.EndOffset))
	})
	c.tasks = slices.CompactFunc(c.tasks, func(a, b Task) bool { return a.ID == b.ID })
	c.sub = make([]int, len(c.tasks))
	for t := range c.tasks {
		if t > 0 && c.tasks[t].ID.Subtopology != c.tasks[t-1].ID.Subtopology {
			c.subs++
		}
		c.sub[t] = c.subs
	}
	c.subs++
}

func (c *cluster) addMember(in Member, index map[TaskID]int, procs map[string]int) {
	key := in.Process
	if key == "" {
		key = "member " + in.ID
	}
	p, known := procs[key]
	if !known {
		p = len(c.procs)
		procs[key] = p
		c.procs = append(c.procs, process{offsets: make(map[int]int64), tags: in.Tags})
	}
	m := len(c.members)
	c.members = append(c.members, member{id: in.ID, proc: p})
	proc := &c.procs[p]
	proc.members = append(proc.members, m)
	for _, id := range in.Owned {
		// Two members may both claim a task after a missed rebalance: the first in order has it.
		if t, ok := index[id]; ok && c.owner[t] == none {
			c.owner[t] = m
		}
	}
	for _, id := range in.Standby {
		if t, ok := index[id]; ok {
			c.standing[t] = append(c.standing[t], m)
		}
	}
	for _, id := range in.Warmup {
		if t, ok := index[id]; ok {
			c.warming[t] = append(c.warming[t], m)
		}
	}
	for id, offset := range in.Offsets {
		t, ok := index[id]
		if !ok {
			continue
		}
		if end := c.tasks[t].EndOffset; end >= 0 && offset > end {
			offset = OffsetUnknown
		}
		if old, ok := proc.offsets[t]; !ok || better(offset, old) {
			proc.offsets[t] = offset
		}
	}
}

// better says that offset a means more state than b.
func better(a, b int64) bool {
	rank := func(o int64) int64 {
		switch {
		case o == OffsetActive:
			return math.MaxInt64
		case o == OffsetCurrent:
			return math.MaxInt64 - 1
		case o < 0:
			return -1
		}
		return o
	}
	return rank(a) > rank(b)
}

// sorted returns the members in the order that breaks all ties.
func sorted(members []Member) []Member {
	out := slices.Clone(members)
	slices.SortStableFunc(out, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Process, b.Process), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// lag is how many changelog records process p lacks of stateful task t. Lags of one task can be compared with each other
// also when its end is unknown: then less state is more lag.
func (c *cluster) lag(t, p int) int64 {
	end := c.tasks[t].EndOffset
	offset, known := c.procs[p].offsets[t]
	if known && (offset == OffsetActive || offset == OffsetCurrent) || c.runs(t, p) && (!known || offset < 0 || end < 0) {
		return 0
	}
	if !known || offset < 0 {
		if end < 0 {
			return math.MaxInt64
		}
		return end
	}
	if end < 0 {
		return math.MaxInt64 - 1 - offset
	}
	return end - offset
}

// runs says that task t is active now on a worker of process p.
func (c *cluster) runs(t, p int) bool { return c.owner[t] != none && c.members[c.owner[t]].proc == p }

// caughtUp says that process p can run task t without a wait worth a warm-up.
func (c *cluster) caughtUp(t, p int) bool {
	return !c.tasks[t].Stateful || c.lag(t, p) <= max(c.cfg.AcceptableLag, 0)
}

// within says that one of the members is a worker of process p.
func (c *cluster) within(members []int, p int) bool {
	return slices.ContainsFunc(members, func(m int) bool { return c.members[m].proc == p })
}

func (c *cluster) warmsUp(t, p int) bool  { return c.within(c.warming[t], p) }
func (c *cluster) standsBy(t, p int) bool { return c.within(c.standing[t], p) }

// keeps says that member m itself has task t open now, in whatever role.
func (c *cluster) keeps(t, m int) bool {
	return c.owner[t] == m || slices.Contains(c.standing[t], m) || slices.Contains(c.warming[t], m)
}
