package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// copartitioned returns the groups of the topology that have a source in
// common put together: what holds for each holds for all.
func (t *Topology) copartitioned() [][]CopartitionGroup {
	var sets [][]CopartitionGroup
	for _, g := range t.Groups {
		joined := []CopartitionGroup{g}
		rest := sets[:0:0]
		for _, set := range sets {
			if slices.ContainsFunc(set, g.meets) {
				joined = append(slices.Clone(set), joined...)
			} else {
				rest = append(rest, set)
			}
		}
		sets = append(rest, joined)
	}
	return sets
}

// Copartitioned returns the sets of sources whose topics must have equal numbers
// of partitions, each in order of creation. Groups with a source in common make
// one set.
func (t *Topology) Copartitioned() [][]*Node {
	var sets [][]*Node
	for _, groups := range t.copartitioned() {
		if sources := sourcesOf(groups); len(sources) > 0 {
			sets = append(sets, sources)
		}
	}
	return sets
}

func (g CopartitionGroup) meets(o CopartitionGroup) bool {
	return slices.ContainsFunc(g.Sources, func(n *Node) bool { return slices.Contains(o.Sources, n) })
}

// sourcesOf returns the sources of groups, each once, in order of creation.
func sourcesOf(groups []CopartitionGroup) []*Node {
	var sources []*Node
	for _, g := range groups {
		sources = append(sources, g.Sources...)
	}
	slices.SortFunc(sources, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(sources)
}

// TopicCount is a topic with its number of partitions.
type TopicCount struct {
	Topic      string
	Partitions int32
	Fixed      bool // by the user, of a repartition topic
	Free       bool // a repartition topic that can have any number
}

// CopartitionError says that topics whose records meet in an operator have
// different numbers of partitions, so that records with equal keys would not meet.
type CopartitionError struct {
	Place, Op string
	Topics    []TopicCount
}

func (e *CopartitionError) Error() string {
	var have, free []string
	for _, t := range e.Topics {
		switch {
		case t.Free:
			free = append(free, t.Topic)
		case t.Fixed:
			have = append(have, fmt.Sprintf("%s is fixed at %d", t.Topic, t.Partitions))
		default:
			have = append(have, fmt.Sprintf("%s has %d", t.Topic, t.Partitions))
		}
	}
	text := fmt.Sprintf("%s: %s: topics must have equal numbers of partitions: %s", e.Place, e.Op, strings.Join(have, ", "))
	if len(free) > 0 {
		text += ", while " + strings.Join(free, ", ") + " can have any"
	}
	return text + ": repartition one side to the number of the other"
}

// describe returns the topics of groups that have sources in common.
func (c *counting) describe(groups []CopartitionGroup) []TopicCount {
	var topics []TopicCount
	for _, n := range sourcesOf(groups) {
		for _, name := range c.topics(n) {
			t := TopicCount{Topic: name, Partitions: c.counts[name]}
			if r := c.repartitions[name]; r != nil {
				t.Fixed, t.Free = r.Partitions > 0, r.Partitions == 0
			}
			topics = append(topics, t)
		}
	}
	return topics
}

// level gives the free topics the number of the others: of those that exist,
// else of the fixed ones, else the highest. It returns false if the others
// differ among each other.
func (c *counting) level(topics []TopicCount) bool {
	var number, highest int32
	same := true
	for _, t := range topics {
		highest = max(highest, t.Partitions)
		if t.Free {
			continue
		}
		if number == 0 {
			number = t.Partitions
		}
		same = same && t.Partitions == number
	}
	if number == 0 {
		number = highest
	}
	for _, t := range topics {
		if t.Free {
			c.counts[t.Topic] = number
		}
	}
	return same
}

// mismatches returns an error for each operator whose topics differ after level.
func (c *counting) mismatches(groups []CopartitionGroup, topics []TopicCount) []error {
	var errs []error
	for _, g := range groups {
		var number int32
		differ := false
		for _, n := range g.Sources {
			for _, name := range c.topics(n) {
				if number == 0 {
					number = c.counts[name]
				}
				differ = differ || c.counts[name] != number
			}
		}
		if differ {
			errs = append(errs, &CopartitionError{Place: g.Place, Op: g.Op, Topics: topics})
		}
	}
	return errs
}
