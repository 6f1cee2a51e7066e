package assign

import (
	"cmp"
	"slices"
)

// settle turns targets into what is done now. A stateful task whose target is not caught up stays with the process that
// is, and its target warms up. It returns per task the active member, the member that warms up or none, and whether a task
// is away from its target.
func settle(c *cluster, target []int) (active, warmup []int, pending bool) {
	active = slices.Clone(target)
	warmup = make([]int, len(target))
	load := make([]int, len(c.members))
	var away []int
	for t, m := range target {
		warmup[t] = none
		if c.cfg.MaxWarmups > 0 && !c.caughtUp(t, c.members[m].proc) && c.anyCaughtUp(t) {
			away = append(away, t)
			continue
		}
		load[m]++
	}
	for _, t := range away {
		active[t] = c.mostCaughtUp(t, load)
		load[active[t]]++
	}
	c.sortForWarmup(away, target)
	for _, t := range away[:min(c.cfg.MaxWarmups, len(away))] {
		warmup[t] = target[t]
	}
	return active, warmup, len(away) > 0
}

// sortForWarmup puts first what warms up already, then what is soonest done, so that no warm-up is given up half way.
func (c *cluster) sortForWarmup(away, target []int) {
	slices.SortStableFunc(away, func(x, y int) int {
		px, py := c.members[target[x]].proc, c.members[target[y]].proc
		if wx, wy := c.warmsUp(x, px), c.warmsUp(y, py); wx != wy {
			if wx {
				return -1
			}
			return 1
		}
		return cmp.Compare(c.lag(x, px), c.lag(y, py))
	})
}

func (c *cluster) anyCaughtUp(t int) bool {
	for p := range c.procs {
		if c.caughtUp(t, p) {
			return true
		}
	}
	return false
}

// mostCaughtUp returns the member to run t meanwhile: its owner if that is caught up, else the least loaded worker of the
// process with the least lag.
func (c *cluster) mostCaughtUp(t int, load []int) int {
	if m := c.owner[t]; m != none && c.caughtUp(t, c.members[m].proc) {
		return m
	}
	best, bestLag := none, int64(0)
	for m := range c.members {
		lag := c.lag(t, c.members[m].proc)
		if best == none || cmp.Or(cmp.Compare(lag, bestLag), cmp.Compare(load[m], load[best])) < 0 {
			best, bestLag = m, lag
		}
	}
	return best
}
