package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Partitions returns how many partitions each internal topic needs, by full
// name, and the tasks that there are. input has the numbers of partitions of the
// topics that exist; those of the app's own topics are ignored.
//
// A repartition topic has the number that the user fixed, else the highest one
// among the inputs of the sub-topologies that write it, as far as it is known
// when they are gone through in order (so does Kafka Streams). Co-partitioned
// topics then take the number of those that exist, else the fixed one, else the
// highest. A sub-topology has as many tasks as its largest input has partitions,
// and its changelogs as many partitions.
//
// The error is a [MissingTopicsError], or joins a [CopartitionError] for each
// operator whose topics do not fit.
func Partitions(t *Topology, app string, input map[string]int32) (internal map[string]int32, tasks []TaskID, err error) {
	c := counting{t: t, app: app, input: input, repartitions: make(map[string]*Repartition), counts: make(map[string]int32)}
	for _, r := range t.Repartitions {
		c.repartitions[r.topic().Full(app)] = r
		if r.Partitions > 0 {
			c.counts[r.topic().Full(app)] = r.Partitions
		}
	}
	if err := c.findInputs(); err != nil {
		return nil, nil, err
	}
	if err := c.countRepartitions(); err != nil {
		return nil, nil, err
	}
	if err := c.copartition(); err != nil {
		return nil, nil, err
	}
	internal = make(map[string]int32)
	for name := range c.repartitions {
		internal[name] = c.counts[name]
	}
	for _, sub := range t.Subtopologies {
		if sub.Global {
			continue
		}
		n := c.most(sub)
		for p := range n {
			tasks = append(tasks, TaskID{sub.ID, p})
		}
		for _, s := range sub.Stores {
			if topic, ok := s.changelog(); ok && topic.Internal && n > 0 && s.SourceTopic == nil {
				internal[topic.Full(app)] = n
			}
		}
	}
	return internal, tasks, nil
}

// counting is one run of Partitions.
type counting struct {
	t            *Topology
	app          string
	input        map[string]int32
	repartitions map[string]*Repartition // by full name
	counts       map[string]int32        // of input and repartition topics that are known
	matched      map[*Node][]string      // the topics of sources with a pattern
}

// findInputs takes over the counts of the topics that are read and notes those
// that do not exist.
func (c *counting) findInputs() error {
	c.matched = MatchPatterns(c.t, c.app, c.input)
	by := make(map[string]*Node)
	var missing []MissingTopic
	for _, n := range c.t.Nodes {
		if n.Kind != SourceNode {
			continue
		}
		for _, topic := range c.topics(n) {
			if c.repartitions[topic] != nil {
				continue
			}
			if old := by[topic]; old != nil {
				return fmt.Errorf("%s: %s: topic %s is read at %s already: %s", n.Place, n.Op, topic, old.Place,
					"one source reads a topic, so that patterns must not overlap")
			}
			by[topic] = n
			if c.input[topic] < 1 {
				missing = append(missing, MissingTopic{Name: topic, Place: n.Place, Op: n.Op})
			}
			c.counts[topic] = c.input[topic]
		}
	}
	if len(missing) > 0 {
		return &MissingTopicsError{missing}
	}
	return nil
}

// MatchPatterns returns the topics that each source with a pattern reads, in
// order of their names. Internal topics of the app itself match no pattern.
func MatchPatterns(t *Topology, app string, input map[string]int32) map[*Node][]string {
	own := make(map[string]bool)
	for _, it := range t.InternalTopics(TopicSettings{}) {
		if it.Topic.Internal {
			own[it.Topic.Full(app)] = true
		}
	}
	matched := make(map[*Node][]string)
	for _, n := range t.Nodes {
		if n.Kind != SourceNode || n.Source.Pattern == nil {
			continue
		}
		for topic := range input {
			if !own[topic] && n.Source.Matches(topic) {
				matched[n] = append(matched[n], topic)
			}
		}
		slices.Sort(matched[n])
	}
	return matched
}

// topics returns the full names of the topics that a source reads.
func (c *counting) topics(n *Node) []string {
	if n.Source.Pattern != nil {
		return c.matched[n]
	}
	names := make([]string, len(n.Source.Topics))
	for i, t := range n.Source.Topics {
		names[i] = t.Full(c.app)
	}
	return names
}

// most returns the number of partitions of a sub-topology's largest input, 0 if
// none is known.
func (c *counting) most(sub *Subtopology) int32 {
	var most int32
	for _, n := range sub.Sources() {
		for _, topic := range c.topics(n) {
			most = max(most, c.counts[topic])
		}
	}
	return most
}

// countRepartitions goes through the sub-topologies until each repartition
// topic has a number.
func (c *counting) countRepartitions() error {
	for {
		var open []*Repartition
		progress := false
		for _, sub := range c.t.Subtopologies {
			for _, r := range c.t.Repartitions {
				name := r.topic().Full(c.app)
				if c.counts[name] > 0 || c.t.owner(r) != sub {
					continue
				}
				if n := c.mostOfWriters(r); n > 0 {
					c.counts[name], progress = n, true
				} else {
					open = append(open, r)
				}
			}
		}
		if len(open) == 0 {
			return nil
		}
		if !progress {
			return c.unknown(open[0])
		}
	}
}

func (c *counting) mostOfWriters(r *Repartition) int32 {
	var most int32
	for _, n := range c.t.Nodes {
		if n.Kind == SinkNode && n.Sink.Topic == r.topic() {
			most = max(most, c.most(c.t.Subtopology(n)))
		}
	}
	return most
}

// unknown says why a repartition topic has no number: no topic matches the
// patterns that its records come from, or it feeds itself only.
func (c *counting) unknown(r *Repartition) error {
	var missing []MissingTopic
	for _, n := range c.t.Nodes {
		if n.Kind == SourceNode && n.Source.Pattern != nil && len(c.matched[n]) == 0 {
			missing = append(missing, MissingTopic{Name: n.Source.Pattern.String(), Pattern: true, Place: n.Place, Op: n.Op})
		}
	}
	if len(missing) > 0 {
		return &MissingTopicsError{missing}
	}
	return fmt.Errorf("%s: topic %s: its number of partitions follows from no input topic: fix it", r.Place, r.topic().Full(c.app))
}

// MissingTopic is a topic that the topology reads and that does not exist.
type MissingTopic struct {
	Name      string
	Pattern   bool // Name is a pattern that no topic matches
	Place, Op string
}

// MissingTopicsError names all topics that the topology reads and that do not exist.
type MissingTopicsError struct{ Topics []MissingTopic }

func (e *MissingTopicsError) Error() string {
	texts := make([]string, len(e.Topics))
	for i, t := range e.Topics {
		kind := "topic "
		if t.Pattern {
			kind = "any topic that matches "
		}
		texts[i] = fmt.Sprintf("%s%s (%s: %s)", kind, t.Name, t.Place, t.Op)
	}
	return "input topics do not exist: " + strings.Join(texts, ", ") + ": create them first"
}

// copartition makes the numbers of co-partitioned topics equal.
func (c *counting) copartition() error {
	var errs []error
	for _, g := range c.t.copartitioned() {
		topics := c.describe(g)
		if !c.level(topics) {
			errs = append(errs, c.mismatches(g, topics)...)
		}
	}
	return errors.Join(errs...)
}
