package graph

import (
	"slices"

	"github.com/ottla-streams/ottla/internal/describe"
)

// Describe returns the topology as plain data. Names of internal topics are
// without the application's prefix.
func (t *Topology) Describe() describe.Topology {
	var d describe.Topology
	for _, s := range t.Subtopologies {
		sub := describe.Subtopology{ID: int(s.ID), Global: s.Global}
		for _, n := range s.Nodes {
			sub.Nodes = append(sub.Nodes, describeNode(n))
		}
		for _, store := range s.Stores {
			sub.Stores = append(sub.Stores, describeStore(store))
		}
		d.Subtopologies = append(d.Subtopologies, sub)
	}
	for _, it := range t.InternalTopics(TopicSettings{}) {
		sub := &d.Subtopologies[it.Subtopology]
		topic := describe.Topic{Name: it.Topic.Name, Partitions: int(it.Partitions), Configs: it.Settings}
		if it.Kind == RepartitionTopic {
			sub.RepartitionTopics = append(sub.RepartitionTopics, topic)
		} else {
			sub.ChangelogTopics = append(sub.ChangelogTopics, topic)
		}
	}
	for _, sources := range t.Copartitioned() {
		sub := &d.Subtopologies[sources[0].subtopology]
		sub.CopartitionGroups = append(sub.CopartitionGroups, describeSources(sources))
	}
	return d
}

// describeSources returns the topics of sources in order, patterns as text.
func describeSources(sources []*Node) []string {
	var names []string
	for _, n := range sources {
		if n.Source.Pattern != nil {
			names = append(names, n.Source.Pattern.String())
		}
		for _, t := range n.Source.Topics {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names
}

func describeStore(s *Store) describe.Store {
	d := describe.Store{Name: s.Name, Kind: s.Kind.String()}
	if topic, ok := s.changelog(); ok {
		d.Changelog, d.FromSource = topic.Name, !topic.Internal
	}
	if s.Global { // it is read from its source topic
		d.Changelog, d.FromSource = globalTopic(s), true
	}
	return d
}

// globalTopic is the topic that a global store is a copy of.
func globalTopic(s *Store) string {
	for _, n := range s.Nodes {
		for _, p := range n.Parents {
			if p.Kind == SourceNode && len(p.Source.Topics) > 0 {
				return p.Source.Topics[0].Name
			}
		}
	}
	return ""
}

func describeNode(n *Node) describe.Node {
	d := describe.Node{Name: n.Name, Kind: describe.Kind(n.Kind), Place: n.Place}
	switch n.Kind {
	case SourceNode:
		if n.Source.Pattern != nil {
			d.Pattern = n.Source.Pattern.String()
		}
		for _, t := range n.Source.Topics {
			d.Topics = append(d.Topics, t.Name)
		}
	case SinkNode:
		d.Topic, d.TopicFunc = n.Sink.Topic.Name, n.Sink.Dynamic
		if d.TopicFunc != "" {
			d.Topic = ""
		}
	}
	for _, s := range n.Stores {
		d.Stores = append(d.Stores, s.Name)
	}
	for _, c := range n.Children {
		d.Children = append(d.Children, c.Name)
	}
	for _, p := range n.Parents {
		d.Parents = append(d.Parents, p.Name)
	}
	return d
}
