package conformance

import (
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
)

// copartitionGroups puts the groups of a topology together as Java does when it
// is asked for them. That is not quite what has to be equal: a group that meets
// several earlier ones is joined with one of them only, whichever Java's hash
// set comes to first.
func copartitionGroups(g *graph.Topology) [][]string {
	of := map[string]*[]string{}
	var order []string
	for _, group := range g.Groups {
		var topics []string
		for _, n := range group.Sources {
			topics = append(topics, sourceTopics(n)...)
		}
		topics = hashSet(topics)
		all := new([]string)
		if i := slices.IndexFunc(topics, func(t string) bool { return of[t] != nil }); i >= 0 {
			all = of[topics[i]]
		}
		for _, t := range topics {
			if !slices.Contains(*all, t) {
				*all = append(*all, t)
			}
			if of[t] == nil {
				order = append(order, t)
			}
			of[t] = all
		}
	}
	var groups [][]string
	var seen []*[]string
	for _, t := range order {
		if all := of[t]; !slices.Contains(seen, all) {
			seen = append(seen, all)
			groups = append(groups, *all)
		}
	}
	return groups
}

// hashSet is the strings in the order of a java.util.HashSet.
func hashSet(list []string) []string {
	size := uint32(16)
	for float64(len(list)) > 0.75*float64(size) {
		size *= 2
	}
	place := func(s string) uint32 {
		var h uint32
		for _, c := range s {
			h = 31*h + uint32(c)
		}
		return (h ^ h>>16) & (size - 1)
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b string) int { return int(place(a)) - int(place(b)) })
	return sorted
}
