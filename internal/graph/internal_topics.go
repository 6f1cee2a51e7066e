package graph

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
)

// TopicKind says what an internal topic is for.
type TopicKind uint8

// The kinds of internal topics.
const (
	RepartitionTopic TopicKind = iota + 1 // brings records to where their keys belong
	ChangelogTopic                        // what a store is restored from
)

func (k TopicKind) String() string {
	if k == ChangelogTopic {
		return "changelog"
	}
	return "repartition"
}

// InternalTopic is a topic that an app keeps for itself.
type InternalTopic struct {
	// Topic is not internal where a source topic serves as the changelog: that
	// one is never created.
	Topic       Topic
	Kind        TopicKind
	Subtopology int32             // that reads it, or keeps the store
	Partitions  int32             // fixed by the user; 0 leaves it to the inputs
	Settings    map[string]string // of the topic, by their Kafka names
	Store       *Store            // of a changelog
	Place       string            // file:line of the user's call
}

// DefaultAdditionalRetention is the margin for clocks that differ, one day, by
// which the changelogs of windows and versions outlive their stores.
const DefaultAdditionalRetention = 86_400_000

// TopicSettings are an app's settings of its internal topics.
type TopicSettings struct {
	// Defaults beat the built-in settings and lose to those of a store. They
	// are what Kafka Streams takes with the prefix "topic.".
	Defaults map[string]string
	// AdditionalRetention is how many milliseconds the changelogs of windows
	// and sessions keep records longer than the stores do. Defaults to
	// DefaultAdditionalRetention; negative is none.
	AdditionalRetention int64
}

// InternalTopics returns the topics that the sub-topologies need, in their
// order, repartition topics before changelogs. Names and settings are those of
// Kafka Streams.
func (t *Topology) InternalTopics(s TopicSettings) []InternalTopic {
	var topics []InternalTopic
	for _, sub := range t.Subtopologies {
		if sub.Global {
			continue
		}
		for _, r := range t.Repartitions {
			if t.owner(r) == sub {
				topics = append(topics, InternalTopic{
					Topic: r.topic(), Kind: RepartitionTopic, Subtopology: sub.ID,
					Partitions: r.Partitions, Settings: s.repartition(), Place: r.Place,
				})
			}
		}
		for _, store := range sub.Stores {
			if topic, ok := store.changelog(); ok {
				topics = append(topics, InternalTopic{
					Topic: topic, Kind: ChangelogTopic, Subtopology: sub.ID,
					Settings: s.changelog(store), Store: store, Place: store.Place,
				})
			}
		}
	}
	return topics
}

// owner returns the sub-topology that reads a repartition topic, or writes it
// if none reads it.
func (t *Topology) owner(r *Repartition) *Subtopology {
	var writer *Subtopology
	for _, n := range t.Nodes {
		switch {
		case n.Kind == SourceNode && slices.Contains(n.Source.Topics, r.topic()):
			return t.Subtopology(n)
		case n.Kind == SinkNode && n.Sink.Topic == r.topic():
			writer = t.Subtopology(n)
		}
	}
	return writer
}

func (r *Repartition) topic() Topic { return Topic{Name: r.Name, Internal: true} }

// changelog returns the topic that a store is restored from.
func (s *Store) changelog() (Topic, bool) {
	switch {
	case s.Global:
		return Topic{}, false
	case s.SourceTopic != nil:
		return *s.SourceTopic, true
	}
	return Topic{Name: s.Name + "-changelog", Internal: true}, s.Logged
}

func (s TopicSettings) repartition() map[string]string {
	m := map[string]string{
		"cleanup.policy":         "delete",
		"message.timestamp.type": "CreateTime",
		"retention.ms":           "-1",
		"segment.bytes":          "52428800",
	}
	maps.Copy(m, s.Defaults)
	return m
}

// changelog merges the settings of a store's changelog: built-in ones, those of
// the app, what follows from the store's retention, those of the store.
func (s TopicSettings) changelog(store *Store) map[string]string {
	m := map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
	computed := make(map[string]string)
	switch store.Kind {
	case WindowStore, SessionStore:
		m["cleanup.policy"] = "compact,delete"
		if store.JoinWindow {
			m["cleanup.policy"] = "delete"
		}
		computed["retention.ms"] = addMillis(store.RetentionMillis, max(cmp.Or(s.AdditionalRetention, DefaultAdditionalRetention), 0))
	case VersionedStore:
		computed["min.compaction.lag.ms"] = addMillis(store.RetentionMillis, DefaultAdditionalRetention)
	}
	maps.Copy(m, s.Defaults)
	maps.Copy(m, computed)
	maps.Copy(m, store.LogConfig)
	return m
}

// addMillis adds two numbers that are not negative, without overflow.
func addMillis(a, b int64) string {
	if a > math.MaxInt64-b {
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return strconv.FormatInt(a+b, 10)
}
