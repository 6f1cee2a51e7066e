package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// Bad records are skipped, sent away, or stop the app, by its policy.
func TestBadRecords(t *testing.T) {
	addr := broker.Start(t)
	bad := [][]byte{{0xff, 0xfe, 'x'}, []byte("panic")} // not UTF-8, and one that panics
	for _, policy := range []string{"skip", "dead", "fail"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := names(t, addr, 2)
			s.StateDir, s.OnError = t.TempDir(), policy
			if policy == "dead" {
				s.Dead = s.App + "-dead"
				admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
					_, err := adm.CreateTopics(ctx, 1, 1, nil, s.Dead)
					return err
				})
			}
			l := newLoad(t, addr, s.In)
			l.send(100)
			for _, v := range bad {
				if err := l.client.ProduceSync(t.Context(), &kgo.Record{Key: []byte("k"), Value: v}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			l.send(100)
			if policy == "fail" {
				failsAt(t, s)
				return
			}
			i := start(t, s)
			got := collectUntil(t, addr, s.Out, 60*time.Second, func(c *counted) bool { return len(c.ids) >= l.total() })
			got.check(t, s.Guarantee, l.total())
			if policy == "dead" {
				deadLetters(t, addr, s, bad)
			}
			i.stop()
			if log := i.logTail(); strings.Contains(log, "asked for") && strings.Contains(log, "a1 1") {
				t.Errorf("the log holds payloads:\n%s", log)
			}
		})
	}
}

// failsAt runs an app that stops at a bad record and names its place.
func failsAt(t *testing.T, s spec) {
	t.Helper()
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	c := s.config(testLog(t))
	c.StateListener = func(_, to stream.State) { states = append(states, to.String()) }
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	err = app.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), s.In) || !strings.Contains(err.Error(), "offset") {
		t.Errorf("run over bad records: %v", err)
	}
	if want := "pending error error"; !strings.HasSuffix(strings.Join(states, " "), want) {
		t.Errorf("states %v, want them to end with %s", states, want)
	}
}

func deadLetters(t *testing.T, addr string, s spec, bad [][]byte) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(s.Dead))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	found := make(map[string]bool)
	for len(found) < len(bad) {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d dead letters, want %d", len(found), len(bad))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			found[string(r.Value)] = true
			headers := make(map[string]string)
			for _, h := range r.Headers {
				headers[h.Key] = string(h.Value)
			}
			if headers["__streams.errors.topic"] != s.In {
				t.Errorf("dead letter with headers %v", headers)
			}
		})
	}
	for _, v := range bad {
		if !found[string(v)] {
			t.Errorf("no dead letter for %q", v)
		}
	}
}

// Missing input topics are named.
func TestMissingTopics(t *testing.T) {
	addr := broker.Start(t)
	s := spec{App: fmt.Sprint("missing-", time.Now().UnixMilli()), Brokers: addr, In: "there-is-no-such-topic", Out: "nor-this", StateDir: t.TempDir(), Workers: 1}
	top, err := counting(s.In, s.Out)
	if err != nil {
		t.Fatal(err)
	}
	c := s.config(testLog(t))
	c.MissingTopicsGrace = time.Second
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.In) {
		t.Errorf("run without input topic: %v", err)
	}
}
