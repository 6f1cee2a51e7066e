package graph

import (
	"fmt"
	"slices"
)

// check notes the mistakes that only the whole topology shows.
func (b *Builder) check() {
	sources := 0
	seen := make(map[string]*Node)
	for _, n := range b.nodes {
		if n.Kind != SourceNode {
			continue
		}
		sources++
		if n.Source.Pattern == nil && len(n.Source.Topics) == 0 {
			b.Fail(n.Place, n.Op, "source %q has no topic", n.Name)
		}
		for _, topic := range n.Source.Topics {
			b.checkSourceTopic(n, topic, seen)
		}
	}
	b.checkPatterns()
	if sources == 0 && len(b.mistakes) == 0 {
		b.Fail("", "", "the topology reads no topic")
	}
	for _, s := range b.stores {
		if s.Global && len(s.Nodes) != 1 {
			b.Fail(s.Place, "", "global store %q needs exactly one processor that keeps it, it has %d", s.Name, len(s.Nodes))
		}
		if (s.Kind == WindowStore || s.Kind == SessionStore) && s.RetentionMillis <= 0 {
			b.Fail(s.Place, "", "store %q has no retention: say with state.Retention how long it keeps windows", s.Name)
		}
	}
}

func (b *Builder) checkSourceTopic(n *Node, topic Topic, seen map[string]*Node) {
	if p := NameProblem("topic", topic.Name); p != "" {
		b.Fail(n.Place, n.Op, "%s", p)
		return
	}
	old := seen[topic.Name]
	switch {
	case old == nil:
		seen[topic.Name] = n
	case old.Source.Reset != n.Source.Reset:
		b.Fail(n.Place, n.Op, "topic %q is read with another offset reset policy at %s", topic.Name, old.Place)
	default:
		b.Fail(n.Place, n.Op, "topic %q is read by %s at %s already", topic.Name, old.Op, old.Place)
	}
}

func (b *Builder) checkPatterns() {
	for i, n := range b.nodes {
		if n.Kind != SourceNode || n.Source.Pattern == nil {
			continue
		}
		for _, o := range b.nodes[:i] {
			if o.Kind == SourceNode && o.Source.Pattern != nil && o.Source.Pattern.String() == n.Source.Pattern.String() {
				b.Fail(n.Place, n.Op, "pattern %q is read at %s already", n.Source.Pattern, o.Place)
			}
		}
		for _, o := range b.nodes {
			if o.Kind != SourceNode {
				continue
			}
			if j := slices.IndexFunc(o.Source.Topics, func(t Topic) bool { return n.Source.Matches(t.Name) }); j >= 0 {
				b.Fail(n.Place, n.Op, "pattern %q matches topic %q, which is read at %s already",
					n.Source.Pattern, o.Source.Topics[j].Name, o.Place)
			}
		}
	}
}

// Matches says whether the whole of topic matches the pattern.
func (s *Source) Matches(topic string) bool {
	loc := s.Pattern.FindStringIndex(topic)
	return loc != nil && loc[0] == 0 && loc[1] == len(topic)
}

// Full returns the topic's full name under an application id.
func (t Topic) Full(app string) string {
	if t.Internal {
		return fmt.Sprintf("%s-%s", app, t.Name)
	}
	return t.Name
}
