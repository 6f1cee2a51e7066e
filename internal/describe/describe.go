// Package describe renders what a topology looks like.
//
// There are only a few types: a [Topology] holds [Subtopology] values, they
// hold [Node] and [Store] values and the internal [Topic] values they own. All are plain
// data: whoever built the topology fills them once, and this package only reads
// them. There are four renderings:
//
//   - [Text] is byte for byte what Java's Topology.describe() prints.
//   - [JSON] is versioned and complete; [ParseJSON] reads it back.
//   - [DOT] is a Graphviz digraph.
//   - [Mermaid] is a Mermaid flowchart.
//
// [Compare] tells what a changed topology does to the state of the one before.
//
// Every function is pure and safe for concurrent use, as long as nobody changes
// the description meanwhile. The package imports the standard library only.
package describe

import "fmt"

// Topology describes a whole topology. The zero value describes an empty one.
type Topology struct {
	// Subtopologies are in ascending order of id. A global store is an entry
	// of its own, and takes an id like any other.
	Subtopologies []Subtopology `json:"subtopologies"`
}

// Subtopology describes a connected part of a topology, or a global store.
type Subtopology struct {
	// ID is the first half of the ids of its tasks, from 0.
	ID int `json:"id"`
	// Global marks a global store: a source and the processor that maintains
	// the store. It has no tasks.
	Global bool `json:"global,omitzero"`
	// Nodes are in order of creation, so parents come before their children.
	// Java's text depends on that order where the hashes of names collide.
	Nodes []Node `json:"nodes"`
	// RepartitionTopics are the internal topics that it reads, foreign-key
	// join topics included.
	RepartitionTopics []Topic `json:"repartitionTopics,omitempty"`
	// ChangelogTopics are the topics that its stores are restored from. A
	// source topic that serves as a changelog is listed too.
	ChangelogTopics []Topic `json:"changelogTopics,omitempty"`
	// Stores are the stores of its processors, in order of creation.
	Stores []Store `json:"stores,omitempty"`
	// CopartitionGroups are sets of source topics that must have the same
	// number of partitions.
	CopartitionGroups [][]string `json:"copartitionGroups,omitempty"`
}

// Topic describes an internal topic.
type Topic struct {
	// Name is without the application id, as in [Node.Topics], so that it can
	// be compared with the topics of sources and sinks.
	Name string `json:"name"`
	// Partitions is the number that the user fixed. 0 leaves it to the inputs.
	Partitions int `json:"partitions,omitzero"`
	// Configs are the topic's settings under their Kafka names.
	Configs map[string]string `json:"configs,omitempty"`
}

// Store describes a store. Its name is unique in the topology.
type Store struct {
	Name string `json:"name"`
	// Kind says how its entries look: "key-value", "window", "session",
	// "versioned" or "buffer". State of one kind cannot be read as another.
	Kind string `json:"kind"`
	// Changelog is the topic that the store is restored from, as in
	// [Subtopology.ChangelogTopics]. Without one its state is on disk only.
	Changelog string `json:"changelog,omitempty"`
	// FromSource says that Changelog is an input topic.
	FromSource bool `json:"fromSource,omitzero"`
}

// Node describes a source, a processor or a sink. Its name is unique in the
// topology. The fields that do not belong to its kind are empty.
type Node struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Topics are the topics of a source, in declared order.
	Topics []string `json:"topics,omitempty"`
	// Pattern is the regular expression of a source without Topics.
	Pattern string `json:"pattern,omitempty"`
	// Topic is the topic of a sink.
	Topic string `json:"topic,omitempty"`
	// TopicFunc names what chooses the topics of a sink without a Topic. The
	// text prints it as the extractor class.
	TopicFunc string `json:"topicFunc,omitempty"`
	// Stores are the stores of a processor, in the order they were connected.
	Stores []string `json:"stores,omitempty"`
	// Children and Parents are the names of the neighbours within the
	// sub-topology, in declared order. The text is made from Parents alone,
	// the pictures from Children; [JSON] requires that they agree.
	Children []string `json:"children,omitempty"`
	Parents  []string `json:"parents,omitempty"`
	// Place is the file:line of the user's call that made the node. Only
	// [JSON] shows it.
	Place string `json:"place,omitempty"`
}

// Kind tells what a [Node] does. The zero Kind is none.
type Kind uint8

// The kinds of nodes.
const (
	Source    Kind = iota + 1 // reads topics; has no parents
	Processor                 // transforms records, with or without stores
	Sink                      // writes to a topic; has no children
)

var kindNames = [...]string{Source: "source", Processor: "processor", Sink: "sink"}

// String returns "source", "processor" or "sink", and the number of a Kind that
// is none of them.
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// MarshalText returns the kind's name. A Kind that is not a constant of this
// package is an error.
func (k Kind) MarshalText() ([]byte, error) {
	if k == 0 || int(k) >= len(kindNames) {
		return nil, fmt.Errorf("kind %d is unknown: use Source, Processor or Sink", uint8(k))
	}
	return []byte(kindNames[k]), nil
}

// UnmarshalText accepts what MarshalText returns, nothing else.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name != "" && name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("kind %q is unknown: want source, processor or sink", text)
}
