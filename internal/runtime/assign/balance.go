package assign

import (
	"cmp"
	"slices"
)

// balance finds the target of each task. Every member has a quota, the average rounded down or up; those that run most get
// the rounded up ones. Members over their quota give tasks to those with room, and tasks that run nowhere fill the rest.
// The number of moves is the least there is; which tasks move is chosen by what they cost (state at the new place), then by
// how well the result is spread.
type balance struct {
	*cluster
	target []int
	// count and quota are per member. floating is how many members may still raise their quota by one.
	count, quota []int
	base         int
	floating     int
	// bySub[m][s] counts tasks of sub-topology s on member m, byKind[p] stateless and stateful tasks of process p.
	bySub  [][]int
	byKind [][2]int
}

func newBalance(c *cluster) *balance {
	n := len(c.members)
	b := &balance{
		cluster: c,
		target:  make([]int, len(c.tasks)),
		count:   make([]int, n),
		quota:   make([]int, n),
		base:    len(c.tasks) / n,
		bySub:   make([][]int, n),
		byKind:  make([][2]int, len(c.procs)),
	}
	for m := range b.bySub {
		b.bySub[m] = make([]int, c.subs)
	}
	for t := range b.target {
		b.target[t] = none
		if m := c.owner[t]; m != none {
			b.put(t, m)
		}
	}
	b.setQuotas(len(c.tasks) % n)
	return b
}

// setQuotas gives the rounded up quotas to the members that run most: every other choice would move more.
func (b *balance) setQuotas(extra int) {
	order := make([]int, len(b.members))
	for m := range order {
		order[m] = m
		b.quota[m] = b.base
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(b.count[y], b.count[x]) })
	for _, m := range order {
		if extra == 0 || b.count[m] <= b.base {
			break
		}
		b.quota[m]++
		extra--
	}
	b.floating = extra
}

// targets places every task. Tasks with state near come first, so that a task without state takes no place that saves a
// warm-up; releases of running tasks come after tasks that nobody runs, because those stand still.
func (b *balance) targets() []int {
	b.placeIdle(func(t int) bool { return b.tasks[t].Stateful && b.roomCaughtUp(t) })
	b.release(func(t, p int) bool { return b.warmsUp(t, p) && b.caughtUp(t, p) })
	b.release(func(t, p int) bool { return b.tasks[t].Stateful && b.caughtUp(t, p) && b.evensKind(t, p) })
	b.placeIdle(func(t int) bool { return b.tasks[t].Stateful })
	b.release(b.warmsUp)
	b.release(b.standsBy)
	b.placeIdle(func(int) bool { return true })
	b.release(func(int, int) bool { return true })
	return b.target
}

func (b *balance) hasRoom(m int) bool {
	return b.count[m] < b.quota[m] || b.count[m] == b.base && b.quota[m] == b.base && b.floating > 0
}

func (b *balance) over(m int) bool { return b.count[m] > b.quota[m] }

// put makes m the target of t, from wherever t was before.
func (b *balance) put(t, m int) {
	kind := kindOf(b.tasks[t])
	if old := b.target[t]; b.target[t] != none && old != m {
		b.count[old]--
		b.bySub[old][b.sub[t]]--
		b.byKind[b.members[old].proc][kind]--
	}
	b.target[t] = m
	b.count[m]++
	b.bySub[m][b.sub[t]]++
	b.byKind[b.members[m].proc][kind]++
}

// take is put for a member with room: it uses up a floating quota if it must.
func (b *balance) take(t, m int) {
	if b.count[m] == b.quota[m] {
		b.quota[m]++
		b.floating--
	}
	b.put(t, m)
}

func kindOf(t Task) int {
	if t.Stateful {
		return 1
	}
	return 0
}

func (b *balance) roomCaughtUp(t int) bool {
	for m := range b.members {
		if b.hasRoom(m) && b.caughtUp(t, b.members[m].proc) {
			return true
		}
	}
	return false
}

// placeIdle places the tasks without target that qualify: stateful ones first, those with the fewest caught-up processes
// before others, so that they find room there.
func (b *balance) placeIdle(qualifies func(t int) bool) {
	type idle struct{ task, choices int }
	var todo []idle
	for t := range b.tasks {
		if b.target[t] != none || !qualifies(t) {
			continue
		}
		choices := 0
		for p := range b.procs {
			if b.tasks[t].Stateful && b.caughtUp(t, p) {
				choices++
			}
		}
		todo = append(todo, idle{t, choices})
	}
	slices.SortStableFunc(todo, func(x, y idle) int {
		return cmp.Or(cmp.Compare(kindOf(b.tasks[y.task]), kindOf(b.tasks[x.task])), cmp.Compare(x.choices, y.choices))
	})
	for _, i := range todo {
		// What qualified may have lost its room to a task before it; a later pass takes it up again.
		if qualifies(i.task) {
			b.take(i.task, b.bestMember(i.task))
		}
	}
}

// bestMember returns the member with room that suits idle task t most. There is always one: rooms and tasks without room
// are equally many.
func (b *balance) bestMember(t int) int {
	best, bestLag := none, int64(0)
	for m := range b.members {
		if !b.hasRoom(m) {
			continue
		}
		var lag int64
		if b.tasks[t].Stateful {
			lag = b.lag(t, b.members[m].proc)
		}
		if best == none || cmp.Or(cmp.Compare(lag, bestLag), b.compareFor(t, m, best)) < 0 {
			best, bestLag = m, lag
		}
	}
	return best
}

// compareFor orders members with equal lag for task t: who keeps it, then who has least of its sub-topology, least
// tasks, and whose process has least of its kind per worker.
func (b *balance) compareFor(t, x, y int) int {
	if kx, ky := b.keeps(t, x), b.keeps(t, y); kx != ky {
		if kx {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.bySub[x][b.sub[t]], b.bySub[y][b.sub[t]]),
		cmp.Compare(b.count[x], b.count[y]),
		b.kindGap(t, b.members[x].proc, b.members[y].proc),
	)
}

// kindGap compares the load of processes p and q with tasks of t's kind, per worker.
func (b *balance) kindGap(t, p, q int) int {
	kind := kindOf(b.tasks[t])
	return b.byKind[p][kind]*len(b.procs[q].members) - b.byKind[q][kind]*len(b.procs[p].members)
}

// evensKind says that t's move to process p makes the load with tasks of its kind more even. Else a process that comes back
// with all of its state would get all stateful tasks, and the others be left with the stateless ones.
func (b *balance) evensKind(t, p int) bool {
	from, kind := b.members[b.target[t]].proc, kindOf(b.tasks[t])
	return (b.byKind[p][kind]+1)*len(b.procs[from].members) <= (b.byKind[from][kind]-1)*len(b.procs[p].members)
}

// release moves tasks from members over their quota to members with room, as long as one qualifies for the process it
// would go to.
func (b *balance) release(qualifies func(t, p int) bool) {
	done := make([]bool, len(b.members))
	for {
		to := none
		for m := range b.members {
			if !done[m] && b.hasRoom(m) && (to == none || b.count[m] < b.count[to]) {
				to = m
			}
		}
		if to == none {
			return
		}
		if t := b.bestRelease(to, qualifies); t != none {
			b.take(t, to)
		} else {
			done[to] = true
		}
	}
}

// bestRelease returns the task that a member over its quota should give to member to, or none.
func (b *balance) bestRelease(to int, qualifies func(t, p int) bool) int {
	p := b.members[to].proc
	best, bestSub, bestKind := none, 0, 0
	bestKeeps := false
	for t, from := range b.target {
		if from == none || !b.over(from) || !qualifies(t, p) {
			continue
		}
		keeps := b.keeps(t, to)
		sub := b.bySub[from][b.sub[t]] - b.bySub[to][b.sub[t]]
		kind := b.kindGap(t, b.members[from].proc, p)
		wins := best == none || keeps && !bestKeeps
		if !wins && keeps == bestKeeps {
			wins = cmp.Or(cmp.Compare(sub, bestSub), cmp.Compare(kind, bestKind)) > 0
		}
		if wins {
			best, bestSub, bestKind, bestKeeps = t, sub, kind, keeps
		}
	}
	return best
}
