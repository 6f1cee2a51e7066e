package e2e

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// appLog is a log that can be looked into.
type appLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *appLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *appLog) has(parts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(line, part)
		}
		if found {
			return true
		}
	}
	return false
}

func (l *appLog) set(c *stream.Config) { c.Logger = slog.New(slog.NewTextHandler(l, nil)) }

// Committed offsets that are gone are told, and the reset policy decides
// (fault 33).
func TestOffsetsDeleted(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	l := newLoad(t, s.Brokers, s.In)
	l.send(accounts)
	stop := run(t, s)
	s.until(t, accounts)
	stop()
	admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
		_, err := adm.DeleteGroup(ctx, s.App)
		return err
	})
	var log appLog
	stop = run(t, s, log.set)
	collectUntil(t, s.Brokers, s.Out, 20*time.Second, func(c *counted) bool { return c.last["a0"] == 2 }) // all came again
	stop()
	if !log.has("WARN", "committed offsets have expired", "app-counts-repartition partition 0") {
		t.Errorf("nobody was told:\n%s", log.buf.String())
	}
}

// A transaction that a stranger left open holds up an input, and is told
// (fault 44).
func TestHangingTransaction(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"fake", "kafka"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			var s spec
			if where == "fake" {
				_, s = fake(t, 1)
			} else {
				s = names(t, broker.Start(t), 1)
				s.StateDir = t.TempDir()
			}
			s.Guarantee = stream.ExactlyOnce
			hangingTransaction(t, s)
		})
	}
}

func hangingTransaction(t *testing.T, s spec) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers), kgo.TransactionalID(s.App+" stranger"), kgo.DefaultProduceTopic(s.In), kgo.TransactionTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: []byte("a0 0")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var log appLog
	stop := run(t, s, log.set, func(c *stream.Config) { c.TopicCheckInterval = 200 * time.Millisecond })
	eventually(t, "the transaction is told", 30*time.Second, func() bool {
		return log.has("WARN", "an open transaction holds up an input", "topic="+s.In+" partition=0 offset=0")
	})
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	s.until(t, 1)
	stop()
}

// A state folder that can't be made is an error that names it (fault 23).
func TestStateDirUnusable(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 1)
	s.StateDir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(s.StateDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newApp(t, s, nil).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "state folder: mkdir "+s.StateDir) {
		t.Errorf("run: %v", err)
	}
}

// A record that is too large is for the policy to judge: it is not passed over
// in silence (fault 27).
func TestTooLarge(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			_, s := fake(t, 1)
			s.Guarantee = g
			build := func(b *stream.Builder) {
				b.Stream(in(s.In)).MapValues(func(v string) string { return strings.Repeat(v, 2<<20) }).To(in(s.Out))
			}
			put(t, s.Brokers, s.In, at(1, "x"), at(2, ""))
			err := newApp(t, s, build).Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), "topic in partition 0 offset 0") || !strings.Contains(err.Error(), "record too large") ||
				!strings.Contains(err.Error(), "trouble_test.go:") {
				t.Errorf("ended with %v", err)
			}
			app := newApp(t, s, build, func(c *stream.Config) { c.OnError.Produce = stream.SkipOnError })
			goRun(t, app)
			s.values(t, 1)
		})
	}
}

// What the brokers don't allow ends the app with an error that names it, and is
// not asked again and again (fault 46).
func TestDenied(t *testing.T) {
	for _, d := range []struct {
		name string
		eos  bool
		key  kmsg.Key
		err  *kerr.Error
		want []string
		top  bool
	}{
		{name: "read", key: kmsg.Fetch, err: kerr.TopicAuthorizationFailed, want: []string{"topic ", "fetch", "TOPIC_AUTHORIZATION_FAILED"}},
		{name: "write", key: kmsg.Produce, err: kerr.TopicAuthorizationFailed, want: []string{"topic app-counts-repartition", "produce"}},
		{name: "write in a transaction", eos: true, key: kmsg.Produce, err: kerr.TopicAuthorizationFailed, want: []string{"topic app-counts-repartition", "produce"}},
		{name: "join", key: kmsg.JoinGroup, err: kerr.GroupAuthorizationFailed, want: []string{"group app"}, top: true},
		{name: "commit", key: kmsg.OffsetCommit, err: kerr.GroupAuthorizationFailed, want: []string{"offset commit", "GROUP_AUTHORIZATION_FAILED"}},
		{name: "transaction", eos: true, key: kmsg.InitProducerID, err: kerr.TransactionalIDAuthorizationFailed, want: []string{"TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "app-"}, top: true},
		{name: "create", key: kmsg.CreateTopics, err: kerr.TopicAuthorizationFailed, want: []string{"topic app-counts-", "CREATE"}},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c, s := fake(t, 1)
			if d.eos {
				s.Guarantee = stream.ExactlyOnce
			}
			newLoad(t, s.Brokers, s.In).send(10)
			h := c.Fault(kfake.Fault{Keys: []kmsg.Key{d.key}, Err: d.err, TopLevel: d.top, Count: -1})
			ended := goRun(t, newApp(t, s, nil))
			select {
			case err := <-ended:
				for _, want := range d.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("ended with %v, want it to name %s", err, want)
					}
				}
			case <-time.After(20 * time.Second):
				t.Error("it goes on")
			}
			if n := h.Hits(); n > 20 {
				t.Errorf("asked %d times", n)
			} else {
				t.Logf("asked %d times", n)
			}
		})
	}
}
