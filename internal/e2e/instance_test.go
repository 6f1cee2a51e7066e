package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// roleEnv makes the test binary an instance of an app.
const roleEnv = "OTTLA_E2E_INSTANCE"

func TestMain(m *testing.M) {
	if spec := os.Getenv(roleEnv); spec != "" {
		os.Exit(runInstance(spec))
	}
	broker.Main(m)
}

// spec is what an instance is told.
type spec struct {
	App       string
	Brokers   string
	StateDir  string
	Guarantee stream.Guarantee
	Workers   int
	In, Out   string
	Facts     string // topic of a global store; the app then answers rather than counts
	OnError   string
	Dead      string
	Interval  time.Duration
	Via       string // the address that stands for every broker
	Standbys  int
	TxnLasts  time.Duration
	WarmupLag int64
	Replicas  int16
}

// runInstance is the main function of an instance. It tells what it restores
// on standard output, a line per store.
func runInstance(text string) int {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	c := s.config(log)
	c.RestoreListener = func(p stream.RestoreProgress) {
		if p.Done {
			fmt.Printf("restored %s %d\n", p.Task, p.Restored)
		}
	}
	c.StateListener = func(_, to stream.State) { fmt.Printf("state %s\n", to) }
	top, err := s.build()
	if err == nil {
		var app *stream.App
		if app, err = stream.NewApp(top, c); err == nil {
			go tellTasks(ctx, app)
			err = app.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (s *spec) config(log *slog.Logger) stream.Config {
	c := stream.Config{
		ID: s.App, Brokers: []string{s.Brokers}, StateDir: s.StateDir, Guarantee: s.Guarantee, Workers: s.Workers,
		SessionTimeout: 6 * time.Second, CommitInterval: s.Interval, Logger: log, DeadLetterTopic: s.Dead,
		LayerAge: 2 * time.Second, TransactionTimeout: s.TxnLasts, ReplicationFactor: max(1, s.Replicas), CloseTimeout: 20 * time.Second,
		Standbys: s.Standbys, WarmupLag: s.WarmupLag,
	}
	if s.Via != "" {
		c.Client = append(c.Client, kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Via)
		}))
	}
	switch s.OnError {
	case "skip":
		c.OnError = stream.ErrorPolicy{Decode: stream.SkipOnError, Process: stream.SkipOnError}
	case "dead":
		c.OnError = stream.ErrorPolicy{Decode: stream.DeadLetterOnError, Process: stream.DeadLetterOnError}
	}
	return c
}

// instance is a process of an app.
type instance struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
	err  error

	mu    sync.Mutex
	lines []string
	log   []string
}

// startTwo starts two instances, each with a folder of its own, and waits until both run.
func startTwo(t *testing.T, s spec) []*instance {
	t.Helper()
	var all []*instance
	for range 2 {
		s.StateDir = t.TempDir()
		all = append(all, start(t, s))
	}
	for _, i := range all {
		i.running()
	}
	return all
}

func start(t *testing.T, s spec) *instance {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	i.cmd.Env = append(os.Environ(), roleEnv+"="+string(text))
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := i.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { i.read(out, &i.lines) })
	wg.Go(func() { i.read(errs, &i.log) })
	go func() {
		wg.Wait()
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	t.Cleanup(func() {
		i.cmd.Process.Kill()
		<-i.done
		if t.Failed() {
			t.Logf("log of instance %s:\n%s", s.StateDir, i.logTail())
		}
	})
	return i
}

func (i *instance) read(from io.Reader, to *[]string) {
	for sc := bufio.NewScanner(from); sc.Scan(); {
		i.mu.Lock()
		*to = append(*to, sc.Text())
		i.mu.Unlock()
	}
}

func (i *instance) logTail() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.log[max(0, len(i.log)-80):], "\n")
}

// has says whether a line was printed.
func (i *instance) has(line string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, l := range i.lines {
		if l == line {
			return true
		}
	}
	return false
}

// restored sums the records that were restored.
func (i *instance) restored() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	sum := 0
	for _, l := range i.lines {
		var task string
		var n int
		if _, err := fmt.Sscanf(l, "restored %s %d", &task, &n); err == nil {
			sum += n
		}
	}
	return sum
}

// kill ends the process at once.
func (i *instance) kill() {
	i.cmd.Process.Kill()
	<-i.done
}

// stop ends the process cleanly.
func (i *instance) stop() {
	i.t.Helper()
	if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		i.t.Fatal(err)
	}
	select {
	case <-i.done:
	case <-time.After(40 * time.Second):
		i.t.Fatal("instance did not stop")
	}
	if i.err != nil {
		i.t.Fatalf("instance ended with %v\n%s", i.err, i.logTail())
	}
}

// alive fails the test if the process ended by itself.
func (i *instance) alive() {
	i.t.Helper()
	select {
	case <-i.done:
		i.t.Fatalf("instance ended by itself: %v\n%s", i.err, i.logTail())
	default:
	}
}

func (i *instance) await(what string, within time.Duration, ok func() bool) {
	i.t.Helper()
	for until := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		i.alive()
		if time.Now().After(until) {
			i.t.Fatalf("%s: not within %s\n%s", what, within, i.logTail())
		}
	}
}

func (i *instance) running() {
	i.await("running", 60*time.Second, func() bool { return i.has("state running") })
}

func (i *instance) signal(s syscall.Signal) {
	i.t.Helper()
	if err := i.cmd.Process.Signal(s); err != nil {
		i.t.Fatal(err)
	}
}
