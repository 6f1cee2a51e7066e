package worker

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
)

// layout says which topics make which tasks. It is read-only.
type layout struct {
	counts   map[string]int32              // partitions of the input topics
	subs     map[string]*graph.Subtopology // by input topic
	nodes    map[string]*graph.Node        // source node by input topic
	inputs   map[int32][]string            // input topics by sub-topology, sorted
	byID     map[int32]*graph.Subtopology
	internal map[string]bool // input topics that tasks write
	group    group.Topology
}

func newLayout(g *graph.Topology, app string, counts map[string]int32) *layout {
	l := &layout{
		counts: make(map[string]int32), subs: make(map[string]*graph.Subtopology), nodes: make(map[string]*graph.Node),
		inputs: make(map[int32][]string), byID: make(map[int32]*graph.Subtopology), internal: make(map[string]bool),
	}
	matched := graph.MatchPatterns(g, app, counts)
	for _, sub := range g.Subtopologies {
		if sub.Global {
			continue
		}
		l.byID[sub.ID] = sub
		for _, n := range sub.Sources() {
			for _, t := range n.Source.Topics {
				l.internal[t.Full(app)] = t.Internal
			}
			for _, topic := range topicsOf(n, app, matched) {
				l.subs[topic], l.nodes[topic], l.counts[topic] = sub, n, counts[topic]
				l.inputs[sub.ID] = append(l.inputs[sub.ID], topic)
			}
		}
		slices.Sort(l.inputs[sub.ID])
		l.group.Subtopologies = append(l.group.Subtopologies, group.Subtopology{
			ID: sub.ID, SourceTopics: l.inputs[sub.ID], Stateful: slices.ContainsFunc(sub.Stores, logged),
			Copartitioned: copartitioned(g, sub, app, matched),
		})
	}
	l.group.Hash = fingerprint(g, app)
	return l
}

// fingerprint is what members of a group have to have in common. Topics that
// match a pattern are not part of it: members learn of them one by one.
func fingerprint(g *graph.Topology, app string) uint64 {
	h := fnv.New64a()
	for _, sub := range g.Subtopologies {
		if sub.Global {
			continue
		}
		var reads []string
		for _, n := range sub.Sources() {
			if p := n.Source.Pattern; p != nil {
				reads = append(reads, "pattern "+p.String())
			}
			for _, t := range n.Source.Topics {
				reads = append(reads, "topic "+t.Full(app))
			}
		}
		slices.Sort(reads)
		fmt.Fprintf(h, "%d %t %q\n", sub.ID, slices.ContainsFunc(sub.Stores, logged), reads)
	}
	return h.Sum64()
}

func logged(s *graph.Store) bool { return s.Logged || s.SourceTopic != nil }

// topicsOf returns the full names of the topics that a source reads.
func topicsOf(n *graph.Node, app string, matched map[*graph.Node][]string) []string {
	if n.Source.Pattern != nil {
		return matched[n]
	}
	var topics []string
	for _, t := range n.Source.Topics {
		topics = append(topics, t.Full(app))
	}
	return topics
}

func copartitioned(g *graph.Topology, sub *graph.Subtopology, app string, matched map[*graph.Node][]string) [][]string {
	var groups [][]string
	for _, cg := range g.Groups {
		var topics []string
		for _, n := range cg.Sources {
			if g.Subtopology(n) == sub {
				topics = append(topics, topicsOf(n, app, matched)...)
			}
		}
		if len(topics) > 1 {
			slices.Sort(topics)
			groups = append(groups, topics)
		}
	}
	return groups
}

// topics returns the names of all input topics, sorted.
func (l *layout) topics() []string { return slices.Sorted(maps.Keys(l.subs)) }

// task returns the task that reads a partition.
func (l *layout) task(topic string, partition int32) (graph.TaskID, bool) {
	sub := l.subs[topic]
	if sub == nil {
		return graph.TaskID{}, false
	}
	return graph.TaskID{Subtopology: sub.ID, Partition: partition}, true
}

// expects returns the inputs that a task has.
func (l *layout) expects(id graph.TaskID) []string {
	var topics []string
	for _, topic := range l.inputs[id.Subtopology] {
		if l.counts[topic] > id.Partition {
			topics = append(topics, topic)
		}
	}
	return topics
}

func assignID(id graph.TaskID) assign.TaskID {
	return assign.TaskID{Subtopology: id.Subtopology, Partition: id.Partition}
}

// tasks is the number of tasks of a sub-topology.
func (l *layout) tasks(sub int32) int32 {
	n := int32(0)
	for _, topic := range l.inputs[sub] {
		n = max(n, l.counts[topic])
	}
	return n
}

func changelog(s *graph.Store) graph.Topic {
	return graph.Topic{Name: s.Name + "-changelog", Internal: true}
}
