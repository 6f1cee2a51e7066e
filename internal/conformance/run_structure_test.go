package conformance

import (
	"github.com/ottla-streams/ottla/internal/graph"
)

// structure reads the sub-topologies and co-partition groups off a topology.
func (x *interpreter) structure(g *graph.Topology) {
	for _, sub := range g.Subtopologies {
		s := Subtopology{ID: int(sub.ID)}
		for _, n := range sub.Nodes {
			switch {
			case n.Kind == graph.SourceNode:
				for _, t := range n.Source.Topics {
					s.SourceTopics = append(s.SourceTopics, t.Full(AppID))
				}
			case n.Kind == graph.SinkNode && n.Sink.Dynamic == "":
				s.SinkTopics = append(s.SinkTopics, n.Sink.Topic.Full(AppID))
			}
		}
		x.run.Subtopologies = append(x.run.Subtopologies, s)
	}
}
