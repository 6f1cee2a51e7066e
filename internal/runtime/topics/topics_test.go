package topics

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/graph"
)

// cluster starts a fake cluster with the topics "in" and "rows", of three
// partitions each.
func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, "in", "rows")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func admin(t *testing.T, addrs []string, opts ...kgo.Opt) *kadm.Client {
	t.Helper()
	opts = append([]kgo.Opt{kgo.SeedBrokers(addrs...), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

// wordcount reads "in" through a repartition topic into a store, and the table
// "rows", which is its own changelog.
func wordcount(t *testing.T) *graph.Topology {
	t.Helper()
	b := graph.NewBuilder()
	read := func(name string, topic graph.Topic) *graph.Node {
		return b.Add(&graph.Node{Name: name, Kind: graph.SourceNode, Place: "main.go:7", Op: "Stream",
			Source: &graph.Source{Topics: []graph.Topic{topic}}})
	}
	repartition := graph.Topic{Name: "words-repartition", Internal: true}
	b.AddRepartition(&graph.Repartition{Name: repartition.Name, Place: "main.go:8"})
	b.Add(&graph.Node{Name: "sink", Kind: graph.SinkNode, Sink: &graph.Sink{Topic: repartition}}, read("lines", graph.Topic{Name: "in"}))
	count := b.Add(&graph.Node{Name: "count", Kind: graph.ProcessorNode}, read("words", repartition))
	b.Connect(count, b.AddStore(&graph.Store{Name: "counts", Kind: graph.KeyValueStore, Logged: true}))
	b.Add(&graph.Node{Name: "out", Kind: graph.SinkNode, Place: "main.go:9", Op: "To", Sink: &graph.Sink{Topic: graph.Topic{Name: "totals"}}}, count)
	table := b.Add(&graph.Node{Name: "table", Kind: graph.ProcessorNode}, read("rows", graph.Topic{Name: "rows"}))
	b.Connect(table, b.AddStore(&graph.Store{Name: "rows", Kind: graph.KeyValueStore, Logged: true, SourceTopic: &graph.Topic{Name: "rows"}}))
	return build(t, b)
}

func build(t *testing.T, b *graph.Builder) *graph.Topology {
	t.Helper()
	top, mistakes := b.Build()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return top
}

var madeByWordcount = []string{"app-counts-changelog", "app-words-repartition"}

func config(t *testing.T) Config {
	return Config{Topology: wordcount(t), App: "app", Settings: graph.TopicSettings{Defaults: map[string]string{"min.insync.replicas": "1"}}}
}

func TestEnsure(t *testing.T) {
	c := cluster(t)
	adm := admin(t, c.ListenAddrs())
	var log bytes.Buffer
	cfg := config(t)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	l, err := Ensure(t.Context(), adm, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.Created, madeByWordcount) {
		t.Errorf("created %v", l.Created)
	}
	if want := map[string]int32{"app-words-repartition": 3, "app-counts-changelog": 3}; !maps.Equal(l.Internal, want) {
		t.Errorf("internal topics are %v", l.Internal)
	}
	if want := map[string]int32{"in": 3, "rows": 3}; !maps.Equal(l.Inputs, want) {
		t.Errorf("inputs are %v", l.Inputs)
	}
	if p := l.Partitions(); len(p) != 4 || p["rows"] != 3 || p["app-words-repartition"] != 3 {
		t.Errorf("partitions are %v", p)
	}
	if len(l.Tasks) != 9 {
		t.Errorf("tasks are %v", l.Tasks)
	}
	for _, it := range cfg.Topology.InternalTopics(cfg.Settings) {
		if !it.Topic.Internal {
			continue
		}
		info := c.TopicInfo(it.Topic.Full("app"))
		got := make(map[string]string)
		for k, v := range info.Configs {
			got[k] = *v
		}
		want := maps.Clone(it.Settings)
		want["message.timestamp.after.max.ms"] = "9223372036854775807"
		if !maps.Equal(got, want) {
			t.Errorf("%s: settings are %v, want %v", info.Topic, got, want)
		}
	}
	if text := log.String(); !strings.Contains(text, `"output topic does not exist" topic=totals place=main.go:9 operator=To`) {
		t.Errorf("log says nothing of the missing output:\n%s", text)
	}

	again, err := Ensure(t.Context(), adm, cfg)
	if err != nil || len(again.Created) != 0 || !maps.Equal(again.Internal, l.Internal) {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}

func TestEnsurePattern(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(5, "logs-a", "logs-b"))
	b := graph.NewBuilder()
	n := b.Add(&graph.Node{Name: "logs", Kind: graph.SourceNode, Source: &graph.Source{Pattern: regexp.MustCompile("logs-.*|app-.*")}})
	p := b.Add(&graph.Node{Name: "p", Kind: graph.ProcessorNode}, n)
	b.Connect(p, b.AddStore(&graph.Store{Name: "st", Kind: graph.KeyValueStore, Logged: true}))
	cfg := Config{Topology: build(t, b), App: "app"}
	for range 2 { // the changelog matches the pattern and must not be read
		l, err := Ensure(t.Context(), admin(t, c.ListenAddrs()), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int32{"logs-a": 5, "logs-b": 5}; !maps.Equal(l.Inputs, want) || l.Internal["app-st-changelog"] != 5 {
			t.Errorf("layout is %+v", l)
		}
	}
}

// Instances that start together create each topic once.
func TestEnsureTogether(t *testing.T) {
	c := cluster(t, kfake.NumBrokers(3))
	var mu sync.Mutex
	created := make(map[string]int)
	var wg sync.WaitGroup
	for range 8 {
		adm := admin(t, c.ListenAddrs())
		cfg := config(t)
		wg.Go(func() {
			l, err := Ensure(t.Context(), adm, cfg)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, name := range l.Created {
				created[name]++
			}
		})
	}
	wg.Wait()
	for _, name := range madeByWordcount {
		if created[name] != 1 {
			t.Errorf("%s was created %d times", name, created[name])
		}
	}
}

func TestEnsureMissingInputs(t *testing.T) {
	c := cluster(t)
	if err := c.DeleteTopic("rows"); err != nil {
		t.Fatal(err)
	}
	adm := admin(t, c.ListenAddrs())
	cfg := config(t)
	_, err := Ensure(t.Context(), adm, cfg)
	missing, ok := errors.AsType[*graph.MissingTopicsError](err)
	if !ok || len(missing.Topics) != 1 || missing.Topics[0].Name != "rows" {
		t.Errorf("error is %v", err)
	}
	if c.TopicInfo("app-words-repartition") != nil {
		t.Error("a topic was created all the same")
	}

	time.AfterFunc(100*time.Millisecond, func() {
		if err := c.CreateTopic("rows", 3, nil); err != nil {
			t.Error(err)
		}
	})
	cfg.WaitForInputs = time.Minute
	if _, err := Ensure(t.Context(), adm, cfg); err != nil {
		t.Error(err)
	}
}

func TestEnsureChecks(t *testing.T) {
	good := map[string]string{"cleanup.policy": "compact"}
	tests := []struct {
		name       string
		topic      string
		partitions int32
		configs    map[string]string
		want       string // the error, "" for none
		logged     string
	}{
		{"fits", "app-counts-changelog", 3, good, "", ""},
		{"too few partitions", "app-counts-changelog", 2, good,
			"topic app-counts-changelog: partitions: have 2, want 3, since input topics or the topology have changed: ", ""},
		{"too many partitions", "app-words-repartition", 4, nil,
			"topic app-words-repartition: partitions: have 4, want 3, since input topics or the topology have changed: ", ""},
		{"changelog that is deleted", "app-counts-changelog", 3, map[string]string{"cleanup.policy": "compact,delete"},
			"topic app-counts-changelog: cleanup.policy: have compact,delete, want compact, or rows of the store get lost with time: ", ""},
		{"repartition that is compacted", "app-words-repartition", 3, map[string]string{"cleanup.policy": "compact"},
			"topic app-words-repartition: cleanup.policy: have compact, want delete, or records get lost before they are read: ", ""},
		{"repartition that is deleted early", "app-words-repartition", 3, map[string]string{"cleanup.policy": "delete", "retention.ms": "1000"},
			"", "topic=app-words-repartition retention.ms=1000 want=-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := cluster(t)
			if err := c.CreateTopic(tt.topic, tt.partitions, tt.configs); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			cfg := config(t)
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			_, err := Ensure(t.Context(), admin(t, c.ListenAddrs()), cfg)
			if tt.want == "" {
				if err != nil || !strings.Contains(log.String(), tt.logged) {
					t.Errorf("error is %v, log is\n%s", err, &log)
				}
				return
			}
			if _, ok := errors.AsType[*MismatchError](err); !ok || !strings.HasPrefix(err.Error(), tt.want) ||
				!strings.Contains(err.Error(), "reset the app") || !strings.Contains(err.Error(), "another application id") {
				t.Errorf("error is %v", err)
			}
			for _, name := range madeByWordcount {
				if name != tt.topic && c.TopicInfo(name) != nil {
					t.Errorf("%s was created all the same", name)
				}
			}
		})
	}
}

func TestEnsureCheckOnly(t *testing.T) {
	c := cluster(t)
	cfg := config(t)
	cfg.CheckOnly = true
	_, err := Ensure(t.Context(), admin(t, c.ListenAddrs()), cfg)
	want := "internal topics do not exist, and the app is set to create none: create them:\n" +
		"app-words-repartition with 3 partitions, cleanup.policy=delete, message.timestamp.type=CreateTime, min.insync.replicas=1, retention.ms=-1, segment.bytes=52428800\n" +
		"app-counts-changelog with 3 partitions, cleanup.policy=compact, message.timestamp.type=CreateTime, min.insync.replicas=1"
	if _, ok := errors.AsType[*AbsentError](err); !ok || err.Error() != want {
		t.Errorf("error is %v", err)
	}
	for _, name := range madeByWordcount {
		if err := c.CreateTopic(name, 3, map[string]string{"cleanup.policy": map[bool]string{true: "compact", false: "delete"}[strings.HasSuffix(name, "changelog")]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Ensure(t.Context(), admin(t, c.ListenAddrs()), cfg); err != nil {
		t.Error(err)
	}
}

// Retriable errors of the broker are tried again, others end it and name the topic.
func TestEnsureFaults(t *testing.T) {
	tests := []struct {
		name string
		key  kmsg.Key
		err  *kerr.Error
		want string
	}{
		{"leader election", kmsg.Metadata, kerr.LeaderNotAvailable, ""},
		{"create times out", kmsg.CreateTopics, kerr.RequestTimedOut, ""},
		{"policy", kmsg.CreateTopics, kerr.PolicyViolation, "topic app-words-repartition with 3 partitions: POLICY_VIOLATION"},
		{"settings busy", kmsg.DescribeConfigs, kerr.UnknownTopicOrPartition, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := cluster(t)
			if tt.key == kmsg.DescribeConfigs {
				if err := c.CreateTopic("app-words-repartition", 3, nil); err != nil {
					t.Fatal(err)
				}
			}
			h := c.Fault(kfake.Fault{Keys: []kmsg.Key{tt.key}, Err: tt.err, Count: 2})
			_, err := Ensure(t.Context(), admin(t, c.ListenAddrs(), kgo.RequestRetries(0)), config(t))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
				t.Errorf("error is %v", err)
			}
			if h.Hits() == 0 {
				t.Error("the fault did not happen")
			}
		})
	}
}

func TestEnsureWaitsForBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	adm := admin(t, []string{addr.String()}, kgo.RequestRetries(0))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Ensure(ctx, adm, config(t)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "unable to dial") {
		t.Errorf("error without a broker is %v", err)
	}
	started := make(chan *kfake.Cluster)
	go func() {
		time.Sleep(200 * time.Millisecond)
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "in", "rows"), kfake.Ports(addr.Port))
		if err != nil {
			t.Error(err)
		}
		started <- c
	}()
	var log bytes.Buffer
	cfg := config(t)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	_, err = Ensure(t.Context(), adm, cfg)
	if c := <-started; c != nil {
		c.Close()
	}
	if err != nil || !strings.Contains(log.String(), "trying again") {
		t.Errorf("error is %v, log is\n%s", err, &log)
	}
}
