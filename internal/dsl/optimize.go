package dsl

import (
	"slices"
	"strings"
)

// mergeRepartitions puts one repartition right behind a step that changes keys
// in place of all those further down, where nothing between changes values
// (KIP-295). It takes the name of the first one. A merge of streams whose keys
// were changed stands for the changes behind which it comes.
func mergeRepartitions(steps []*Step, c *Counter) []*Step {
	m := merger{by: make(map[*Step][]*Step)}
	for _, s := range steps {
		m.note(s)
	}
	m.liftMerges()
	for _, k := range m.keys {
		if targets := m.by[k]; len(targets) > 0 {
			one := merged(k, targets, c)
			steps = slices.Insert(steps, slices.Index(steps, k)+1, one)
			steps = slices.DeleteFunc(steps, func(s *Step) bool { return slices.Contains(targets, s) })
		}
	}
	return steps
}

// merger keeps the repartitions that belong to each step that changes keys.
type merger struct {
	keys   []*Step // in order
	by     map[*Step][]*Step
	merges []*Step
}

func (m *merger) note(s *Step) {
	switch {
	case s.KeyChanging:
		m.keys = append(m.keys, s)
	case s.Repartition != nil && !s.Repartition.Operation:
		k := ancestor(s, func(p *Step) bool { return p.KeyChanging })
		if k != nil && k == ancestor(s, func(p *Step) bool { return p.KeyChanging || p.ValueChanging }) {
			m.by[k] = append(m.by[k], s)
		}
	case s.Merge:
		m.merges = append(m.merges, s)
	}
}

// liftMerges gives the repartitions behind a merge to the merge.
func (m *merger) liftMerges() {
	gone := make(map[*Step]bool)
	for _, merge := range m.merges {
		var lifted []*Step
		for _, k := range m.keys {
			behind := slices.ContainsFunc(m.by[k], func(r *Step) bool { return isAncestor(merge, r) })
			if behind && isAncestor(k, merge) {
				gone[k] = true
				for _, r := range m.by[k] {
					if !slices.Contains(lifted, r) {
						lifted = append(lifted, r)
					}
				}
			}
		}
		if len(lifted) > 0 {
			m.keys = append(m.keys, merge)
			m.by[merge] = lifted
		}
	}
	m.keys = slices.DeleteFunc(m.keys, func(k *Step) bool { return gone[k] })
}

// merged replaces the targets by one repartition behind k.
func merged(k *Step, targets []*Step, c *Counter) *Step {
	first := targets[0]
	r := *first.Repartition
	r.merged, r.KeepNull = targets, true
	for _, t := range targets {
		r.KeepNull = r.KeepNull && t.Repartition.KeepNull
		r.Partitions = max(r.Partitions, t.Repartition.Partitions)
	}
	for range 3 {
		c.Name("") // the numbers that its nodes would have without names
	}
	base := strings.TrimSuffix(r.topic, "-repartition") + "-repartition"
	r.filter, r.sink, r.source = base+"-filter", base+"-sink", base+"-source"
	one := &Step{Op: first.Op, Place: first.Place, Parents: []*Step{k}, Repartition: &r, Write: first.Write}
	for _, t := range targets {
		top := below(t, k)
		replace(top.Parents, k, one)
		k.Children = slices.DeleteFunc(k.Children, func(s *Step) bool { return s == top })
		one.Children = append(one.Children, top)
		for _, child := range t.Children {
			child.Parents = spliced(child.Parents, t)
		}
		for _, p := range t.Parents {
			p.Children = append(slices.DeleteFunc(p.Children, func(s *Step) bool { return s == t }), t.Children...)
		}
	}
	k.Children = append(k.Children, one)
	return one
}

func replace(steps []*Step, old, by *Step) {
	for i, s := range steps {
		if s == old {
			steps[i] = by
		}
	}
}

// spliced returns parents with t replaced by the parents of t.
func spliced(parents []*Step, t *Step) []*Step {
	i := slices.Index(parents, t)
	if i < 0 {
		return parents
	}
	return slices.Concat(parents[:i], t.Parents, parents[i+1:])
}

// below returns the step on the way from s up to k that is a child of k.
func below(s, k *Step) *Step {
	if slices.Contains(s.Parents, k) {
		return s
	}
	for _, p := range s.Parents {
		if found := below(p, k); found != nil {
			return found
		}
	}
	return nil
}

// ancestor returns the nearest step above s for which is holds, along the first
// parent that has one.
func ancestor(s *Step, is func(*Step) bool) *Step {
	for _, p := range s.Parents {
		if is(p) {
			return p
		}
		if a := ancestor(p, is); a != nil {
			return a
		}
	}
	return nil
}

func isAncestor(a, s *Step) bool {
	return ancestor(s, func(p *Step) bool { return p == a }) != nil
}
