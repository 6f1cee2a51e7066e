package graph

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/internal/describe"
)

const day = "86400000"

func TestChangelogSettings(t *testing.T) {
	compact := map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
	with := func(m map[string]string, kv ...string) map[string]string {
		m = maps.Clone(m)
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	both := with(compact, "cleanup.policy", "compact,delete")
	defaults := TopicSettings{}
	tests := []struct {
		name     string
		store    Store
		settings TopicSettings
		want     map[string]string
	}{
		{"key-value", Store{Kind: KeyValueStore}, defaults, compact},
		{"buffer", Store{Kind: BufferStore}, defaults, compact},
		{"versioned", Store{Kind: VersionedStore, RetentionMillis: 1000}, defaults, with(compact, "min.compaction.lag.ms", "86401000")},
		{"versioned, other margin for windows", Store{Kind: VersionedStore, RetentionMillis: 1000}, TopicSettings{AdditionalRetention: 5},
			with(compact, "min.compaction.lag.ms", "86401000")},
		{"window", Store{Kind: WindowStore, RetentionMillis: 10}, defaults, with(both, "retention.ms", "86400010")},
		{"session", Store{Kind: SessionStore, RetentionMillis: 0}, defaults, with(both, "retention.ms", day)},
		{"window, other margin", Store{Kind: WindowStore, RetentionMillis: 10}, TopicSettings{AdditionalRetention: 5}, with(both, "retention.ms", "15")},
		{"window, no margin", Store{Kind: WindowStore, RetentionMillis: 10}, TopicSettings{AdditionalRetention: -1}, with(both, "retention.ms", "10")},
		{"window for ever", Store{Kind: WindowStore, RetentionMillis: math.MaxInt64 - 1}, defaults, with(both, "retention.ms", "9223372036854775807")},
		{"join window", Store{Kind: WindowStore, RetentionMillis: 20, JoinWindow: true}, defaults,
			with(compact, "cleanup.policy", "delete", "retention.ms", "86400020")},
		{"the store's own win", Store{Kind: WindowStore, RetentionMillis: 10, LogConfig: map[string]string{"retention.ms": "7", "cleanup.policy": "delete", "segment.ms": "1"}},
			defaults, with(both, "retention.ms", "7", "cleanup.policy", "delete", "segment.ms", "1")},
		{"the app's beat the built-in ones only", Store{Kind: WindowStore, RetentionMillis: 10, LogConfig: map[string]string{"segment.ms": "1"}},
			TopicSettings{Defaults: map[string]string{"segment.ms": "2", "retention.ms": "3", "cleanup.policy": "compact", "min.insync.replicas": "2"}},
			with(compact, "retention.ms", "86400010", "segment.ms", "1", "min.insync.replicas", "2")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.settings.changelog(&tt.store); !maps.Equal(got, tt.want) {
				t.Errorf("settings are %v, want %v", got, tt.want)
			}
		})
	}
}

func TestInternalTopics(t *testing.T) {
	s := newSketch(t)
	in := s.process("count", s.internal("by-key-repartition", 3, s.read("in")))
	s.keep(in, &Store{Name: "counts", Kind: KeyValueStore, Logged: true})
	s.keep(in, &Store{Name: "scratch", Kind: KeyValueStore})
	s.keep(s.process("table", s.read("rows")), &Store{Name: "rows", Kind: KeyValueStore, Logged: true, SourceTopic: &Topic{Name: "rows"}})
	global := s.process("global", s.read("countries"))
	g := s.keep(global, &Store{Name: "countries", Kind: KeyValueStore, Logged: true, Global: true})
	g.Nodes = append(g.Nodes, global)
	top := s.build()

	type brief struct {
		topic      Topic
		kind       TopicKind
		sub, fixed int32
		place      string
	}
	want := []brief{
		{Topic{"by-key-repartition", true}, RepartitionTopic, 1, 3, "by-key-repartition.go:1"},
		{Topic{"counts-changelog", true}, ChangelogTopic, 1, 0, "counts.go:1"},
		{Topic{"rows", false}, ChangelogTopic, 2, 0, "rows.go:1"},
	}
	settings := TopicSettings{Defaults: map[string]string{"min.insync.replicas": "2", "segment.bytes": "1048576"}}
	var got []brief
	for _, it := range top.InternalTopics(settings) {
		got = append(got, brief{it.Topic, it.Kind, it.Subtopology, it.Partitions, it.Place})
		if it.Settings["min.insync.replicas"] != "2" {
			t.Errorf("%s: settings are %v", it.Topic.Name, it.Settings)
		}
		if (it.Store != nil) != (it.Kind == ChangelogTopic) {
			t.Errorf("%s: store is %v", it.Topic.Name, it.Store)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("internal topics are\n%v, want\n%v", got, want)
	}
	rep := map[string]string{
		"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.ms": "-1",
		"segment.bytes": "1048576", "min.insync.replicas": "2",
	}
	if got := top.InternalTopics(settings)[0].Settings; !maps.Equal(got, rep) {
		t.Errorf("settings of the repartition topic are %v, want %v", got, rep)
	}
}

// The topics and groups of Kafka Streams for a foreign-key join and a join of a
// stream with two tables of which one is its own source.
func TestDescribeTopics(t *testing.T) {
	s := newSketch(t)
	left, right := s.read("left"), s.read("right")
	registration := s.internal("registration-topic", 0, left)
	s.keep(s.join("join-foreign", registration, right), &Store{Name: "subscriptions", Kind: KeyValueStore, Logged: true})
	response := s.internal("response-topic", 0, s.process("answer", registration, right))
	s.join("resolve", response, left)
	s.join("again", left)
	s.join("self", s.read("other"))
	d := s.build().Describe()

	rep := map[string]string{"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.ms": "-1", "segment.bytes": "52428800"}
	compact := map[string]string{"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
	want := []describe.Subtopology{
		{RepartitionTopics: []describe.Topic{{Name: "response-topic", Configs: rep}}, CopartitionGroups: [][]string{{"left", "response-topic"}}},
		{RepartitionTopics: []describe.Topic{{Name: "registration-topic", Configs: rep}},
			ChangelogTopics:   []describe.Topic{{Name: "subscriptions-changelog", Configs: compact}},
			CopartitionGroups: [][]string{{"registration-topic", "right"}}},
		{CopartitionGroups: [][]string{{"other"}}},
	}
	for i, got := range d.Subtopologies {
		if !equalTopics(got.RepartitionTopics, want[i].RepartitionTopics) || !equalTopics(got.ChangelogTopics, want[i].ChangelogTopics) {
			t.Errorf("sub-topology %d: topics are %v and %v", i, got.RepartitionTopics, got.ChangelogTopics)
		}
		if !slices.EqualFunc(got.CopartitionGroups, want[i].CopartitionGroups, slices.Equal) {
			t.Errorf("sub-topology %d: groups are %v, want %v", i, got.CopartitionGroups, want[i].CopartitionGroups)
		}
	}
	if _, err := describe.JSON(d); err != nil {
		t.Error(err)
	}
}

func equalTopics(a, b []describe.Topic) bool {
	return slices.EqualFunc(a, b, func(a, b describe.Topic) bool {
		return a.Name == b.Name && a.Partitions == b.Partitions && maps.Equal(a.Configs, b.Configs)
	})
}

func TestDescribePatternGroup(t *testing.T) {
	s := newSketch(t)
	s.join("join", s.match("in-.*"), s.read("b", "a"))
	s.b.Copartition(CopartitionGroup{})
	groups := s.build().Describe().Subtopologies[0].CopartitionGroups
	if len(groups) != 1 || !slices.Equal(groups[0], []string{"a", "b", "in-.*"}) {
		t.Errorf("groups are %v", groups)
	}
}
