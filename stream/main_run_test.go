package stream

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// runMain runs the app of wordcount until ctx ends, and returns the exit code and
// the errors.
func runMain(ctx context.Context, t *testing.T, c *kfake.Cluster) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	config := Config{ID: "config", StateDir: t.TempDir(), Workers: 1, MissingTopicsGrace: -1, Logger: slog.New(slog.DiscardHandler)}
	code := mainWith(ctx, []string{"--brokers", c.ListenAddrs()[0]}, func(string) string { return "" }, &out, &errs, config, wordcount)
	return code, errs.String()
}

func TestMainRun(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "lines", "totals"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("totals"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "lines", Value: []byte("word")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	go func() { // the signal comes when the word is counted
		for r := range cl.PollFetches(ctx).RecordsAll() {
			if string(r.Key) == "word" {
				stop()
			}
		}
	}()
	code, errs := runMain(ctx, t, c)
	if code != 0 || errs != "" {
		t.Errorf("code %d, %s", code, errs)
	}
	if context.Cause(ctx) != context.Canceled {
		t.Error("nothing was counted")
	}
}

func TestMainRunWithoutInput(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	code, errs := runMain(t.Context(), t, c)
	if code != 1 || !strings.HasPrefix(errs, "stream.test: app config: input topics do not exist: topic lines (") {
		t.Errorf("code %d, %s", code, errs)
	}
}
