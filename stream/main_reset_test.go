package stream

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// used is a cluster where the app "config" ran, and a folder with its state.
func used(t *testing.T) (c *kfake.Cluster, parent string) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "lines", "totals", "config-counts-repartition", "config-counts-changelog", "config-old-changelog"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for range 2 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "lines", Value: []byte("a")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	parent = t.TempDir()
	for _, dir := range []string{"config/1_0", "other/1_0"} {
		if err := os.MkdirAll(filepath.Join(parent, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(parent, dir, "data"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(parent, "other"), filepath.Join(parent, "config", "link")); err != nil {
		t.Fatal(err)
	}
	return c, parent
}

func exists(t *testing.T, parts ...string) bool {
	t.Helper()
	_, err := os.Lstat(filepath.Join(parts...))
	return err == nil
}

func TestMainReset(t *testing.T) {
	c, parent := used(t)
	args := []string{"reset", "-brokers", strings.Join(c.ListenAddrs(), ","), "-state-dir", parent, "-to", "latest"}
	code, out, errs := call(t, nil, args...)
	if code != 0 {
		t.Fatalf("code %d, %s", code, errs)
	}
	plan := "group config goes to:\n  topic lines, partition 0, offset 2\n" +
		"internal topics to delete:\n  config-counts-changelog\n  config-counts-repartition\n" +
		"topics that look alike and stay, as the topology does not have them (see -delete):\n  config-old-changelog\n" +
		"local state to delete (on other machines: reset -local):\n  " + filepath.Join(parent, "config") + "\n"
	if want := plan + "nothing was changed: add -execute to do it\n"; out != want {
		t.Errorf("output is\n%s, want\n%s", out, want)
	}
	if c.TopicInfo("config-counts-changelog") == nil || !exists(t, parent, "config/1_0/data") || c.GroupInfo("config") != nil {
		t.Error("a dry run changed something")
	}

	code, out, errs = call(t, nil, append(args, "-execute", "-delete", "config-old-changelog")...)
	if code != 0 || !strings.HasSuffix(out, "done\n") {
		t.Fatalf("code %d, %s%s", code, out, errs)
	}
	for _, name := range []string{"config-counts-changelog", "config-counts-repartition", "config-old-changelog"} {
		if c.TopicInfo(name) != nil {
			t.Errorf("topic %s is still there", name)
		}
	}
	if exists(t, parent, "config/1_0") || exists(t, parent, "config/link") || !exists(t, parent, "other/1_0/data") {
		t.Error("local state is wrong")
	}
}

func TestMainResetLocal(t *testing.T) {
	_, parent := used(t)
	for _, execute := range []bool{false, true} {
		args := []string{"reset", "-local", "-state-dir", parent}
		if execute {
			args = append(args, "-execute")
		}
		if code, _, errs := call(t, nil, args...); code != 0 || exists(t, parent, "config/1_0") == execute {
			t.Errorf("execute %v: code %d, %s", execute, code, errs)
		}
	}
}

func TestMainResetRefuses(t *testing.T) {
	c, parent := used(t)
	member, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumerGroup("config"), kgo.ConsumeTopics("lines"))
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	go member.PollFetches(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := c.WaitGroupStable(ctx, "config", 1); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, nil, "reset", "-execute", "-brokers", c.ListenAddrs()[0], "-state-dir", parent)
	if code != 1 || out != "" || !strings.HasPrefix(errs, "stream.test: group config is in use (Stable)") || !exists(t, parent, "config/1_0/data") {
		t.Errorf("code %d, output %q, errors %q", code, out, errs)
	}
}
