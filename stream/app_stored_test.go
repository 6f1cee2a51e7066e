package stream

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// What an app left on disk is known before it joins the group: as much as its
// changelogs have.
func TestLookAtState(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := NewBuilder()
	b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range 300 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Key: fmt.Append(nil, i), Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	config := Config{ID: "app", Brokers: c.ListenAddrs(), StateDir: t.TempDir(), Workers: 1, CommitInterval: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	app, err := NewApp(top, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	adm := kadm.NewClient(cl)
	for n := int64(0); n < 300; time.Sleep(10 * time.Millisecond) {
		lag, _ := adm.FetchOffsets(t.Context(), "app") // the group is not there at first
		n = 0
		lag.Each(func(o kadm.OffsetResponse) { n += o.At })
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	dir, err := statedir.Open(config.StateDir, "app")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.RemoveAll(dir.Task(graph.TaskID{Partition: 1})); err != nil {
		t.Fatal(err)
	}
	e, closeEngine := app.engine()
	defer closeEngine()
	if err := app.lookAtState(dir, e); err != nil {
		t.Fatal(err)
	}
	ends, err := adm.ListEndOffsets(t.Context(), "app-counts-changelog")
	if err != nil {
		t.Fatal(err)
	}
	got := dir.Stored()
	if len(got) != 2 {
		t.Errorf("stored %v, want two tasks", got)
	}
	for id, sum := range got {
		if end, _ := ends.Lookup("app-counts-changelog", id.Partition); end.Offset != sum || sum == 0 {
			t.Errorf("task %s has %d, its changelog %d", id, sum, end.Offset)
		}
	}
}
