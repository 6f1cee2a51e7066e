package describe

import (
	"errors"
	"fmt"
	"slices"
)

// check returns the first rule that the description breaks.
func (t Topology) check() error {
	names := make(map[string]bool)
	for i, s := range t.Subtopologies {
		if s.ID < 0 || i > 0 && s.ID <= t.Subtopologies[i-1].ID {
			return fmt.Errorf("sub-topology %d: ids must ascend from 0", s.ID)
		}
		if err := s.check(names); err != nil {
			return fmt.Errorf("sub-topology %d: %w", s.ID, err)
		}
	}
	return nil
}

// check adds the names of the nodes to names, which must not hold them yet.
func (s Subtopology) check(names map[string]bool) error {
	earlier := make(map[string]*Node, len(s.Nodes))
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.Name == "" || names[n.Name] {
			return fmt.Errorf("node %q: the name must be unique and not empty", n.Name)
		}
		names[n.Name] = true
		if err := n.checkKind(); err != nil {
			return fmt.Errorf("%s %q: %w", n.Kind, n.Name, err)
		}
		for _, parent := range n.Parents {
			p, ok := earlier[parent]
			if !ok || !slices.Contains(p.Children, n.Name) {
				return fmt.Errorf("%s %q: parent %q must come before it and have it as a child", n.Kind, n.Name, parent)
			}
		}
		earlier[n.Name] = n
	}
	for _, n := range s.Nodes {
		for _, child := range n.Children {
			if c, ok := earlier[child]; !ok || !slices.Contains(c.Parents, n.Name) {
				return fmt.Errorf("%s %q: child %q must be in the sub-topology and have it as a parent", n.Kind, n.Name, child)
			}
		}
	}
	return s.checkTopics()
}

func (s Subtopology) checkTopics() error {
	for _, topic := range slices.Concat(s.RepartitionTopics, s.ChangelogTopics) {
		if topic.Name == "" {
			return errors.New("an internal topic has no name")
		}
		if topic.Partitions < 0 {
			return fmt.Errorf("topic %s: %d partitions: want 0 for free, or more", topic.Name, topic.Partitions)
		}
	}
	return nil
}

// checkKind returns an error if n lacks what its kind needs, or has what
// belongs to another kind.
func (n *Node) checkKind() error {
	if n.Kind != Source && (len(n.Topics) > 0 || n.Pattern != "") {
		return errors.New("topics and pattern are for sources")
	}
	if n.Kind != Sink && (n.Topic != "" || n.TopicFunc != "") {
		return errors.New("topic and topicFunc are for sinks")
	}
	if n.Kind != Processor && len(n.Stores) > 0 {
		return errors.New("stores are for processors")
	}
	switch n.Kind {
	case Source:
		if len(n.Parents) > 0 {
			return errors.New("a source has no parents")
		}
		if len(n.Topics) > 0 == (n.Pattern != "") {
			return errors.New("a source has either topics or a pattern")
		}
	case Processor:
	case Sink:
		if len(n.Children) > 0 {
			return errors.New("a sink has no children")
		}
		if n.Topic != "" == (n.TopicFunc != "") {
			return errors.New("a sink has either a topic or a topicFunc")
		}
	default:
		return errors.New("the kind must be source, processor or sink")
	}
	return nil
}
