package topics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/graph"
)

// Rule says in words how many partitions an internal topic gets.
func Rule(t *graph.Topology, app string, it graph.InternalTopic) string {
	if it.Partitions > 0 {
		return fmt.Sprintf("%d partitions, fixed at %s", it.Partitions, it.Place)
	}
	if it.Kind == graph.ChangelogTopic {
		return "as many partitions as " + largest(reads(t.Subtopologies[it.Subtopology].Sources(), app))
	}
	if with := partners(t, app, it); len(with) > 0 {
		return "as many partitions as " + largest(with) + ", co-partitioned with it"
	}
	var sources []*graph.Node
	for _, n := range t.Nodes {
		if n.Kind == graph.SinkNode && n.Sink.Topic == it.Topic {
			sources = append(sources, t.Subtopology(n).Sources()...)
		}
	}
	return "as many partitions as " + largest(reads(sources, app))
}

func largest(names []string) string {
	switch len(names) {
	case 0:
		return "its inputs"
	case 1:
		return names[0]
	}
	return "the largest of " + strings.Join(names, ", ")
}

// partners returns the topics other than it of its co-partition groups.
func partners(t *graph.Topology, app string, it graph.InternalTopic) []string {
	var names []string
	for _, g := range t.Groups {
		if group := reads(g.Sources, app); slices.Contains(group, it.Topic.Full(app)) {
			names = append(names, group...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == it.Topic.Full(app) })
	slices.Sort(names)
	return slices.Compact(names)
}

// reads returns the full names of the topics of sources, patterns in words.
func reads(sources []*graph.Node, app string) []string {
	var names []string
	for _, n := range sources {
		if n.Source.Pattern != nil {
			names = append(names, "what matches "+n.Source.Pattern.String())
		}
		for _, t := range n.Source.Topics {
			names = append(names, t.Full(app))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Right is a right that the user of an app needs on the brokers.
type Right struct {
	Operations string // by their Kafka names
	Resource   string // "topic", "group" or "transactional-id"
	Name       string
	Prefix     bool   // of all whose names begin with Name
	Note       string // what it takes the right for, or which topics are meant
}

func (r Right) String() string {
	text := fmt.Sprintf("%s on %s %s", r.Operations, r.Resource, r.Name)
	if r.Prefix {
		text = fmt.Sprintf("%s on each %s that begins with %s", r.Operations, r.Resource, r.Name)
	}
	if r.Note != "" {
		text += " (" + r.Note + ")"
	}
	return text
}

// Rights returns the least rights that an app needs. No right on the cluster is
// among them.
func Rights(t *graph.Topology, app string, exactlyOnce bool) []Right {
	read, written := make(map[string]Right), make(map[string]Right)
	for _, n := range t.Nodes {
		switch {
		case n.Kind == graph.SourceNode && n.Source.Pattern != nil:
			name := n.Source.Pattern.String()
			read[name] = Right{Operations: "READ", Resource: "topic", Name: name, Note: "a pattern: on all that match it"}
		case n.Kind == graph.SourceNode:
			for _, topic := range n.Source.Topics {
				if !topic.Internal {
					read[topic.Name] = Right{Operations: "READ", Resource: "topic", Name: topic.Name}
				}
			}
		case n.Kind == graph.SinkNode && n.Sink.Dynamic != "":
			written[n.Sink.Dynamic] = Right{Operations: "WRITE", Resource: "topic", Name: n.Sink.Dynamic, Note: "a function: on all that it chooses"}
		case n.Kind == graph.SinkNode && !n.Sink.Topic.Internal:
			written[n.Sink.Topic.Name] = Right{Operations: "WRITE", Resource: "topic", Name: n.Sink.Topic.Name}
		}
	}
	rights := slices.Concat(sorted(read), sorted(written))
	if slices.ContainsFunc(t.InternalTopics(graph.TopicSettings{}), func(it graph.InternalTopic) bool { return it.Topic.Internal }) {
		rights = append(rights, Right{Operations: "CREATE, READ, WRITE, DELETE", Resource: "topic", Name: app + "-", Prefix: true,
			Note: "DELETE removes consumed records of repartition topics"})
	}
	rights = append(rights, Right{Operations: "READ", Resource: "group", Name: app})
	if exactlyOnce {
		rights = append(rights, Right{Operations: "WRITE", Resource: "transactional-id", Name: app + "-", Prefix: true})
	}
	return rights
}

func sorted(rights map[string]Right) []Right {
	var list []Right
	for _, r := range rights {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Right) int { return strings.Compare(a.Name, b.Name) })
	return list
}
