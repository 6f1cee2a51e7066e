package conformance

import (
	"github.com/ottla-streams/ottla/internal/graph"
)

// structure reads the sub-topologies and co-partition groups off a topology.
func (x *interpreter) structure(g *graph.Topology) {
	internal := g.InternalTopics(graph.TopicSettings{AdditionalRetention: graph.DefaultAdditionalRetention})
	for _, sub := range g.Subtopologies {
		if sub.Global {
			continue
		}
		s := Subtopology{ID: int(sub.ID)}
		for _, n := range sub.Nodes {
			switch {
			case n.Kind == graph.SourceNode:
				s.SourceTopics = append(s.SourceTopics, sourceTopics(n)...)
			case n.Kind == graph.SinkNode && n.Sink.Dynamic == "":
				s.SinkTopics = append(s.SinkTopics, n.Sink.Topic.Full(AppID))
			}
		}
		for _, t := range internal {
			if t.Subtopology != sub.ID {
				continue
			}
			topic := InternalTopic{Name: t.Topic.Full(AppID), Config: t.Settings}
			if t.Partitions > 0 {
				topic.Partitions = &t.Partitions
			}
			if t.Kind == graph.RepartitionTopic {
				s.RepartitionTopics = append(s.RepartitionTopics, topic)
			} else {
				s.ChangelogTopics = append(s.ChangelogTopics, topic)
			}
		}
		if len(s.SourceTopics) > 0 { // Java leaves out what waits for a topic to match
			x.run.Subtopologies = append(x.run.Subtopologies, s)
		}
	}
	x.run.CopartitionGroups = copartitionGroups(g)
}

func sourceTopics(n *graph.Node) []string {
	var topics []string
	for _, t := range n.Source.Topics {
		topics = append(topics, t.Full(AppID))
	}
	return topics
}
