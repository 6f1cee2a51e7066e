package describe

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Text returns what Java's Topology.describe().toString() prints for the same
// topology, byte for byte (Kafka Streams 4.3 on JDK 19 or newer; older JDKs
// order a source's topics and a processor's stores differently when there are
// exactly 12·2^n of them).
//
// The text has no escapes: a line break within a name breaks the line. A
// parent that is not in the same sub-topology is left out. An empty topology is
// "Topologies:\n ".
func Text(t Topology) string {
	var b strings.Builder
	b.WriteString("Topologies:\n ")
	for _, s := range ascending(t.Subtopologies) {
		writeBlock(&b, s)
	}
	return b.String()
}

// ascending returns the sub-topologies in order of id.
func ascending(subs []Subtopology) []Subtopology {
	return slices.SortedStableFunc(slices.Values(subs), func(a, b Subtopology) int {
		return cmp.Compare(a.ID, b.ID)
	})
}

func writeBlock(b *strings.Builder, s Subtopology) {
	b.WriteString("  Sub-topology: " + strconv.Itoa(s.ID))
	if s.Global {
		b.WriteString(" for global store (will not generate tasks)")
	}
	b.WriteByte('\n')
	for _, v := range printed(link(s.Nodes)) {
		b.WriteString("    ")
		writeVertex(b, v)
		b.WriteByte('\n')
	}
	if !s.Global {
		b.WriteByte('\n')
	}
}

func writeVertex(b *strings.Builder, v *vertex) {
	n := v.node
	switch n.Kind {
	case Source:
		topics := n.Pattern
		if len(n.Topics) > 0 {
			topics = javaList(setOfList(n.Topics))
		}
		b.WriteString("Source: " + n.Name + " (topics: " + topics + ")")
		b.WriteString("\n      --> " + names(v.children))
		return
	case Sink:
		b.WriteString("Sink: " + n.Name)
		if n.TopicFunc != "" {
			b.WriteString(" (extractor class: " + n.TopicFunc + ")")
		} else {
			b.WriteString(" (topic: " + n.Topic + ")")
		}
	default:
		b.WriteString("Processor: " + n.Name + " (stores: " + javaList(setOfSet(n.Stores)) + ")")
		b.WriteString("\n      --> " + names(v.children))
	}
	b.WriteString("\n      <-- " + names(v.parents))
}

// javaList is the toString of a Java collection.
func javaList(list []string) string {
	return "[" + strings.Join(list, ", ") + "]"
}

// names is what stands after an arrow.
func names(t tree[*vertex]) string {
	if t.root == nil {
		return "none"
	}
	var list []string
	for v := range t.all() {
		list = append(list, v.node.Name)
	}
	return strings.Join(list, ", ")
}
