// Package program runs a program that stream.Main made against a real broker.
package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
)

func TestMain(m *testing.M) { broker.Main(m) }

// program is the word count example with an application id and a state folder of
// its own.
type program struct {
	t    *testing.T
	path string
	env  []string
}

func newProgram(t *testing.T, addr, id string) *program {
	t.Helper()
	p := &program{t: t, path: filepath.Join(t.TempDir(), "wordcount")}
	build := exec.Command("go", "build", "-o", p.path, "../../../examples/wordcount")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.env = append(os.Environ(), "OTTLA_BROKERS="+addr, "OTTLA_ID="+id, "OTTLA_STATE_DIR="+t.TempDir(), "OTTLA_LOG_LEVEL=warn")
	return p
}

// call runs a command of the program to its end.
func (p *program) call(args ...string) (out string, code int) {
	p.t.Helper()
	cmd := exec.Command(p.path, args...)
	cmd.Env = p.env
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// start runs the app and returns what stops it, which checks how it ended.
func (p *program) start() (stop func()) {
	p.t.Helper()
	cmd := exec.Command(p.path, "run")
	var log bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, &log, &log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Error(err)
		}
		if err := cmd.Wait(); err != nil || log.Len() > 0 {
			p.t.Errorf("the program ended with %v\n%s", err, &log)
		}
	}
}

// await reads the topic until n records came that are not from an earlier call.
func await(t *testing.T, cl *kgo.Client, n int) (words []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(words) < n {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("only %v came", words)
		}
		for r := range fetches.RecordsAll() {
			words = append(words, fmt.Sprintf("%s=%d", r.Key, r.Value[len(r.Value)-1]))
		}
	}
	return words
}

func TestProgram(t *testing.T) {
	addr := broker.Start(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("word-counts"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopics(t.Context(), 3, 1, nil, "lines", "word-counts"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "lines", Value: []byte("one word or one more")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, addr, "program-test")

	stop := p.start()
	first := await(t, cl, 5)
	if out, code := p.call("reset", "-execute"); code != 1 || !strings.Contains(out, "group program-test is in use") {
		t.Errorf("reset of a running app: code %d\n%s", code, out)
	}
	stop()
	checkTopics(t, adm)

	out, code := p.call("reset", "-execute")
	if code != 0 || !strings.HasSuffix(out, "done\n") {
		t.Fatalf("reset: code %d\n%s", code, out)
	}
	if topics, err := adm.ListTopics(t.Context(), "program-test-counts-changelog"); err != nil || topics.Has("program-test-counts-changelog") {
		t.Errorf("the changelog is still there: %v", err)
	}
	stop = p.start()
	again := await(t, cl, 5)
	stop()
	for _, words := range [][]string{first, again} {
		if text := strings.Join(words, " "); strings.Count(text, "=1") != 4 || strings.Count(text, "one=2") != 1 {
			t.Errorf("counts are %v", words)
		}
	}
}

func checkTopics(t *testing.T, adm *kadm.Client) {
	t.Helper()
	configs, err := adm.DescribeTopicConfigs(t.Context(), "program-test-counts-changelog", "program-test-counts-repartition")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"program-test-counts-changelog": "compact", "program-test-counts-repartition": "delete"}
	for _, topic := range configs {
		for _, c := range topic.Configs {
			if c.Key == "cleanup.policy" && c.MaybeValue() != want[topic.Name] {
				t.Errorf("%s: cleanup.policy is %s", topic.Name, c.MaybeValue())
			}
		}
	}
}
