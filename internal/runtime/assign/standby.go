package assign

import (
	"cmp"
	"slices"
)

// standbys places copies in three rounds: what is kept stays, what is missing goes to the best process, and then single
// copies move as long as each move makes racks differ more, or loads more even with racks no worse. A result is a fixed
// point: given back as input it comes out again, because the first round keeps all of it and the last finds no move.
type standbys struct {
	*cluster
	active, warmup []int
	// copies[t] are the processes that hold a standby of t.
	copies [][]int
	// load is the number of standbys and total the number of all copies per process.
	load, total []int
}

func newStandbys(c *cluster, active, warmup []int) *standbys {
	s := &standbys{
		cluster: c, active: active, warmup: warmup,
		copies: make([][]int, len(c.tasks)),
		load:   make([]int, len(c.procs)),
		total:  make([]int, len(c.procs)),
	}
	for t := range c.tasks {
		s.total[c.members[active[t]].proc]++
		if warmup[t] != none {
			s.total[c.members[warmup[t]].proc]++
		}
	}
	return s
}

// place returns per task the members that hold a standby.
func (s *standbys) place() [][]int {
	if s.cfg.Standbys > 0 {
		for t := range s.tasks {
			s.fill(t, func(p int) bool { return s.standsBy(t, p) })
			s.fill(t, func(p int) bool { return s.warmsUp(t, p) })
		}
		for t := range s.tasks {
			s.fill(t, func(int) bool { return true })
		}
		for s.improve() {
		}
	}
	return s.workers()
}

// free says that process p holds no copy of t yet.
func (s *standbys) free(t, p int) bool {
	return s.members[s.active[t]].proc != p && !slices.Contains(s.copies[t], p) &&
		(s.warmup[t] == none || s.members[s.warmup[t]].proc != p)
}

// fill adds copies of t on processes that qualify until there are enough.
func (s *standbys) fill(t int, qualifies func(p int) bool) {
	if !s.tasks[t].Stateful {
		return
	}
	for len(s.copies[t]) < s.cfg.Standbys {
		best, bestClash := none, 0
		for p := range s.procs {
			if !s.free(t, p) || !qualifies(p) {
				continue
			}
			clash := s.clash(t, p, none)
			if best == none || cmp.Or(cmp.Compare(clash, bestClash), s.compareFor(t, p, best)) < 0 {
				best, bestClash = p, clash
			}
		}
		if best == none {
			return
		}
		s.copies[t] = append(s.copies[t], best)
		s.load[best]++
		s.total[best]++
	}
}

// compareFor orders processes with equal racks: who is caught up, then who has fewest standbys and fewest copies per worker.
func (s *standbys) compareFor(t, p, q int) int {
	if cp, cq := s.caughtUp(t, p), s.caughtUp(t, q); cp != cq {
		if cp {
			return -1
		}
		return 1
	}
	np, nq := len(s.procs[p].members), len(s.procs[q].members)
	return cmp.Or(cmp.Compare(s.load[p]*nq, s.load[q]*np), cmp.Compare(s.total[p]*nq, s.total[q]*np))
}

// clash counts how often process p shares a rack tag's value with the other copies of t, leaving out process except.
func (s *standbys) clash(t, p, except int) int {
	if len(s.cfg.RackTags) == 0 {
		return 0
	}
	n := s.shared(p, s.members[s.active[t]].proc)
	for _, q := range s.copies[t] {
		if q != except {
			n += s.shared(p, q)
		}
	}
	return n
}

func (s *standbys) shared(p, q int) int {
	n := 0
	for _, tag := range s.cfg.RackTags {
		a, b := s.procs[p].tags[tag], s.procs[q].tags[tag]
		if a == "" || b == "" || a == b {
			n++
		}
	}
	return n
}

// improve goes over all copies once and moves those that can be placed better. It reports whether any moved. The sum of
// clashes falls with each move, or stays and the sum of squared loads per worker falls, so repeating it comes to an end.
func (s *standbys) improve() bool {
	moved := false
	for t := range s.tasks {
		for i, from := range s.copies[t] {
			if to := s.betterPlace(t, from); to != none {
				s.copies[t][i] = to
				s.load[from]--
				s.load[to]++
				s.total[from]--
				s.total[to]++
				moved = true
			}
		}
	}
	return moved
}

// betterPlace returns the process to which the copy of t on process from should move, or none.
func (s *standbys) betterPlace(t, from int) int {
	clashFrom := s.clash(t, from, from)
	best, bestClash := none, 0
	for p := range s.procs {
		if !s.free(t, p) {
			continue
		}
		clash := s.clash(t, p, from)
		if clash > clashFrom || clash == clashFrom && !s.evens(from, p) {
			continue
		}
		if best == none || cmp.Or(cmp.Compare(clash, bestClash), s.compareFor(t, p, best)) < 0 {
			best, bestClash = p, clash
		}
	}
	return best
}

// evens says that a standby that moves from one process to the other makes the loads per worker more even.
func (s *standbys) evens(from, to int) bool {
	nf, nt := len(s.procs[from].members), len(s.procs[to].members)
	return (2*s.load[to]+1)*nf < (2*s.load[from]-1)*nt
}

// workers chooses the worker of each process that holds the copy: the one that has it, else the one with the fewest.
func (s *standbys) workers() [][]int {
	out := make([][]int, len(s.tasks))
	byProc := make([][]int, len(s.procs))
	for t, procs := range s.copies {
		for _, p := range procs {
			byProc[p] = append(byProc[p], t)
		}
	}
	for p, tasks := range byProc {
		for m, held := range s.share(tasks, s.procs[p].members) {
			for _, t := range held {
				out[t] = append(out[t], s.procs[p].members[m])
			}
		}
	}
	return out
}

// share deals tasks to the workers of one process, counts differing by at most one.
func (s *standbys) share(tasks, workers []int) [][]int {
	held := make([][]int, len(workers))
	var rest []int
	for _, t := range tasks {
		if i := slices.IndexFunc(workers, func(m int) bool { return s.keeps(t, m) }); i >= 0 {
			held[i] = append(held[i], t)
		} else {
			rest = append(rest, t)
		}
	}
	fewest := func() int {
		least := 0
		for i := range held {
			if len(held[i]) < len(held[least]) {
				least = i
			}
		}
		return least
	}
	for _, t := range rest {
		i := fewest()
		held[i] = append(held[i], t)
	}
	for i := range held {
		for least := fewest(); len(held[i]) > len(held[least])+1; least = fewest() {
			last := len(held[i]) - 1
			held[least] = append(held[least], held[i][last])
			held[i] = held[i][:last]
		}
	}
	return held
}
