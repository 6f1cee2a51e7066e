package group

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

// Topology is what the leader has to know of the topology to name its tasks.
type Topology struct {
	Subtopologies []Subtopology
	// Hash tells topologies apart whose tasks must not be mixed in one group. It should cover what decides which tasks there
	// are and what state they have, and no more: members with another hash get no tasks. Defaults to a hash over
	// Subtopologies.
	Hash uint64
}

// Subtopology is a part of the topology that is run as a whole. Task k of it reads partition k of each source topic that
// has one, so it has as many tasks as its largest source topic has partitions.
type Subtopology struct {
	ID int32
	// SourceTopics are the full names of the topics it reads, repartition topics among them. A topic is read by one
	// sub-topology only.
	SourceTopics []string
	// Stateful says that it has stores with a changelog.
	Stateful bool
	// Copartitioned are groups of source topics that must have equally many partitions.
	Copartitioned [][]string
}

// Fingerprint returns the hash by which members compare topologies: Hash, or one over Subtopologies if that is zero.
func (t Topology) Fingerprint() uint64 {
	if t.Hash != 0 {
		return t.Hash
	}
	subs := slices.Clone(t.Subtopologies)
	slices.SortFunc(subs, func(a, b Subtopology) int { return int(a.ID) - int(b.ID) })
	h := fnv.New64a()
	for _, s := range subs {
		fmt.Fprintf(h, "%d %t %q\n", s.ID, s.Stateful, slices.Sorted(slices.Values(s.SourceTopics)))
	}
	return h.Sum64()
}

// topicError is a topology that does not fit the topics of the cluster.
type topicError struct {
	code   ErrorCode
	detail string
}

func (e *topicError) Error() string { return e.detail }

// topics indexes a topology against the partition counts of the cluster.
type topics struct {
	counts map[string]int32
	// sub is the sub-topology that reads a topic.
	sub map[string]*Subtopology
	// of are the topics of a sub-topology by its id, and tasks is the number of its tasks.
	of    map[int32][]string
	tasks map[int32]int32
}

// resolve checks the topology against the partition counts. A topic without partitions is missing.
func (t Topology) resolve(counts map[string]int32) (*topics, *topicError) {
	r := &topics{counts: counts, sub: make(map[string]*Subtopology), of: make(map[int32][]string), tasks: make(map[int32]int32)}
	var missing []string
	for i := range t.Subtopologies {
		s := &t.Subtopologies[i]
		if _, twice := r.tasks[s.ID]; twice || s.ID < 0 {
			return nil, &topicError{ErrorAssignment, fmt.Sprintf("sub-topology %d: the id is used twice or negative", s.ID)}
		}
		r.tasks[s.ID] = 0
		for _, topic := range s.SourceTopics {
			if other := r.sub[topic]; other != nil && other != s {
				return nil, &topicError{ErrorAssignment, fmt.Sprintf("topic %s: read by sub-topologies %d and %d", topic, other.ID, s.ID)}
			}
			if r.sub[topic] == nil {
				r.of[s.ID] = append(r.of[s.ID], topic)
			}
			r.sub[topic] = s
			if counts[topic] <= 0 {
				missing = append(missing, topic)
			}
			r.tasks[s.ID] = max(r.tasks[s.ID], counts[topic])
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, &topicError{ErrorMissingTopics, "source topics do not exist: " + strings.Join(slices.Compact(missing), ", ")}
	}
	for _, s := range t.Subtopologies {
		if err := s.checkCopartitioned(counts); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (s Subtopology) checkCopartitioned(counts map[string]int32) *topicError {
	for _, topics := range s.Copartitioned {
		for _, topic := range topics {
			if first := topics[0]; counts[topic] != counts[first] {
				return &topicError{ErrorCopartition, fmt.Sprintf(
					"topics %s and %s: they have %d and %d partitions, and sub-topology %d needs them to have equally many",
					first, topic, counts[first], counts[topic], s.ID)}
			}
		}
	}
	return nil
}

// list returns all tasks, with unknown end offsets.
func (r *topics) list(t Topology) []assign.Task {
	var tasks []assign.Task
	for _, s := range t.Subtopologies {
		for p := range r.tasks[s.ID] {
			tasks = append(tasks, assign.Task{
				ID: assign.TaskID{Subtopology: s.ID, Partition: p}, Stateful: s.Stateful, EndOffset: assign.EndUnknown,
			})
		}
	}
	return tasks
}

// task returns the task that reads a partition.
func (r *topics) task(topic string, partition int32) (assign.TaskID, bool) {
	s := r.sub[topic]
	if s == nil || partition < 0 || partition >= r.counts[topic] {
		return assign.TaskID{}, false
	}
	return assign.TaskID{Subtopology: s.ID, Partition: partition}, true
}

// Task returns the task that reads a partition of a topic, and whether there is one.
func (t Topology) Task(topic string, partition int32) (assign.TaskID, bool) {
	for _, s := range t.Subtopologies {
		if slices.Contains(s.SourceTopics, topic) {
			return assign.TaskID{Subtopology: s.ID, Partition: partition}, partition >= 0
		}
	}
	return assign.TaskID{}, false
}

// sourceTopics returns the names of all source topics.
func (t Topology) sourceTopics() map[string]struct{} {
	out := make(map[string]struct{})
	for _, s := range t.Subtopologies {
		for _, topic := range s.SourceTopics {
			out[topic] = struct{}{}
		}
	}
	return out
}

// read returns the partitions that a task reads.
func (r *topics) read(id assign.TaskID) []partition {
	var out []partition
	for _, topic := range r.of[id.Subtopology] {
		if id.Partition < r.counts[topic] {
			out = append(out, partition{topic, id.Partition})
		}
	}
	return out
}

// partitions groups the partitions of tasks by topic, sorted.
func (r *topics) partitions(ids []assign.TaskID) map[string][]int32 {
	out := make(map[string][]int32)
	for _, id := range ids {
		for _, p := range r.read(id) {
			out[p.topic] = append(out[p.topic], p.num)
		}
	}
	for _, nums := range out {
		slices.Sort(nums)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
