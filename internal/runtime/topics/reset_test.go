package topics

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
)

var discard = slog.New(slog.DiscardHandler)

// produce writes records to partition 0 of a topic, at the given milliseconds.
func produce(t *testing.T, c *kfake.Cluster, topic string, at ...int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, ms := range at {
		r := &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: time.UnixMilli(ms)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func commit(t *testing.T, adm *kadm.Client, topic string, at int64) {
	t.Helper()
	o := make(kadm.Offsets)
	o.Add(kadm.Offset{Topic: topic, Partition: 0, At: at, LeaderEpoch: -1})
	if err := adm.CommitAllOffsets(t.Context(), "app", o); err != nil {
		t.Fatal(err)
	}
}

func TestPurge(t *testing.T) {
	c := cluster(t)
	adm := admin(t, c.ListenAddrs())
	cfg := config(t)
	if _, err := Ensure(t.Context(), adm, cfg); err != nil {
		t.Fatal(err)
	}
	const repartition, changelog = "app-words-repartition", "app-counts-changelog"
	committed := make(kadm.Offsets)
	for _, topic := range []string{"in", repartition, changelog} {
		produce(t, c, topic, 1, 2, 3)
		committed.Add(kadm.Offset{Topic: topic, Partition: 0, At: 2})
		committed.Add(kadm.Offset{Topic: topic, Partition: 1, At: 0})
	}
	for range 2 { // the second time nothing is left to delete
		if err := Purge(t.Context(), adm, cfg.Topology, "app", committed); err != nil {
			t.Fatal(err)
		}
		for topic, want := range map[string]int64{"in": 0, repartition: 2, changelog: 0} {
			if got := c.PartitionInfo(topic, 0).LogStartOffset; got != want {
				t.Errorf("%s begins at %d, want %d", topic, got, want)
			}
		}
	}
	if err := Purge(t.Context(), adm, cfg.Topology, "app", nil); err != nil {
		t.Error(err)
	}
	committed.Add(kadm.Offset{Topic: repartition, Partition: 0, At: 99})
	if err := Purge(t.Context(), adm, cfg.Topology, "app", committed); err != nil {
		t.Errorf("offset past the end: %v", err)
	}
	if err := Purge(t.Context(), adm, cfg.Topology, "app", kadm.Offsets{repartition: {7: {Topic: repartition, Partition: 7, At: 1}}}); err != nil {
		t.Errorf("unknown partition: %v", err)
	}
}

func TestParsePosition(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		text string
		want Position
		ok   bool
	}{
		{"earliest", Position{}, true},
		{"latest", Position{End: true}, true},
		{"2026-01-02T00:00:00+01:00", Position{At: time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC)}, true},
		{"36h", Position{At: now.Add(-36 * time.Hour)}, true},
		{"-1h", Position{}, false},
		{"0s", Position{}, false},
		{"", Position{}, false},
		{"2026-01-02", Position{}, false},
		{"first", Position{}, false},
	}
	for _, tt := range tests {
		got, err := ParsePosition(tt.text, now)
		if (err == nil) != tt.ok || got.End != tt.want.End || !got.At.Equal(tt.want.At) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
	}
}

func TestReset(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "app-old-changelog", "app-two-counts-changelog", "app-settings", "other-x-changelog"))
	adm := admin(t, c.ListenAddrs())
	cfg := config(t)
	if _, err := Ensure(t.Context(), adm, cfg); err != nil {
		t.Fatal(err)
	}
	produce(t, c, "in", 10, 20, 30)
	produce(t, c, "app-words-repartition", 10)
	commit(t, adm, "in", 3)
	commit(t, adm, "app-words-repartition", 1)

	for _, tt := range []struct {
		to   Position
		want int64
	}{{Position{}, 0}, {Position{End: true}, 3}, {Position{At: time.UnixMilli(15)}, 1}, {Position{At: time.UnixMilli(99)}, 3}} {
		r, err := PlanReset(t.Context(), adm, cfg, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		if o, ok := r.Offsets.Lookup("in", 0); !ok || o.At != tt.want || len(r.Offsets) != 2 || len(r.Offsets["rows"]) != 3 {
			t.Errorf("%+v: offsets are %v", tt.to, r.Offsets)
		}
	}

	r, err := PlanReset(t.Context(), adm, cfg, Position{At: time.UnixMilli(15)}, "app-old-changelog")
	if err != nil {
		t.Fatal(err)
	}
	deleted := []string{"app-counts-changelog", "app-old-changelog", "app-words-repartition"}
	if !slices.Equal(r.Delete, deleted) || !slices.Equal(r.Others, []string{"app-two-counts-changelog"}) {
		t.Errorf("deletes %v, leaves %v", r.Delete, r.Others)
	}
	if o, err := adm.FetchOffsets(t.Context(), "app"); err != nil || c.TopicInfo("app-counts-changelog") == nil || o["in"][0].At != 3 {
		t.Fatalf("the plan changed something: %v, %v", o, err)
	}
	if err := r.Execute(t.Context(), adm, discard); err != nil {
		t.Fatal(err)
	}
	for _, name := range deleted {
		if c.TopicInfo(name) != nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"in", "app-settings", "app-two-counts-changelog", "other-x-changelog"} {
		if c.TopicInfo(name) == nil {
			t.Errorf("%s is gone", name)
		}
	}
	o, err := adm.FetchOffsets(t.Context(), "app")
	if err != nil || o["in"][0].At != 1 || len(o["app-words-repartition"]) != 0 {
		t.Errorf("offsets are %v, %v", o, err)
	}
	if err := r.Execute(t.Context(), adm, discard); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestResetOfNothing(t *testing.T) {
	c := cluster(t)
	adm := admin(t, c.ListenAddrs())
	cfg := config(t)
	if err := c.DeleteTopic("rows"); err != nil {
		t.Fatal(err)
	}
	r, err := PlanReset(t.Context(), adm, cfg, Position{})
	if err != nil || len(r.Delete) != 0 || len(r.Offsets) != 1 {
		t.Fatalf("plan is %+v, %v", r, err)
	}
	if err := r.Execute(t.Context(), adm, discard); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"in", "application-x"} {
		if _, err := PlanReset(t.Context(), adm, cfg, Position{}, name); err == nil || !strings.Contains(err.Error(), "not an internal topic of app app") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if _, err := PlanReset(t.Context(), adm, cfg, Position{}, "app-none"); err == nil || err.Error() != "topic app-none does not exist" {
		t.Errorf("error is %v", err)
	}
}

func TestResetRefusesMembers(t *testing.T) {
	c := cluster(t)
	adm := admin(t, c.ListenAddrs())
	cfg := config(t)
	r, err := PlanReset(t.Context(), adm, cfg, Position{})
	if err != nil {
		t.Fatal(err)
	}
	member, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumerGroup("app"), kgo.ConsumeTopics("in"), kgo.ClientID("running"))
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	go member.PollFetches(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := c.WaitGroupStable(ctx, "app", 1); err != nil {
		t.Fatal(err)
	}
	_, planned := PlanReset(t.Context(), adm, cfg, Position{})
	for _, err := range []error{planned, r.Execute(t.Context(), adm, discard)} {
		if _, ok := errors.AsType[*GroupInUseError](err); !ok || !strings.Contains(err.Error(), "group app is in use (Stable) by running at ") {
			t.Errorf("error is %v", err)
		}
	}
	member.LeaveGroup()
	if _, err := PlanReset(t.Context(), adm, cfg, Position{}); err != nil {
		t.Errorf("after the member left: %v", err)
	}
}

func TestInputTopicsAreNotGlobal(t *testing.T) {
	b := graph.NewBuilder()
	n := b.Add(&graph.Node{Name: "source", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{{Name: "rows"}}}})
	keep := b.Add(&graph.Node{Name: "keep", Kind: graph.ProcessorNode}, n)
	st := b.AddStore(&graph.Store{Name: "rows", Kind: graph.KeyValueStore, Global: true})
	b.Connect(keep, st)
	st.Nodes = append(st.Nodes, keep)
	b.Add(&graph.Node{Name: "in", Kind: graph.SourceNode, Source: &graph.Source{Topics: []graph.Topic{{Name: "in"}}}})
	got := inputTopics(Config{Topology: build(t, b), App: "app"}, kadm.TopicDetails{"in": {}, "rows": {}})
	if !slices.Equal(got, []string{"in"}) {
		t.Errorf("inputs are %v", got)
	}
}
