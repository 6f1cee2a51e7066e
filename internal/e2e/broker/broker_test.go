package broker_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
)

func TestMain(m *testing.M) { broker.Main(m) }

func TestStartServes(t *testing.T) {
	addr := broker.Start(t)
	if again := broker.Start(t); again != addr {
		t.Fatalf("second Start: %s, want the shared broker %s", again, addr)
	}
	admin, ctx := adminOf(t, addr)
	const topic = "broker-test-start"
	if _, err := admin.CreateTopic(ctx, 3, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.DeleteTopics(context.WithoutCancel(ctx), topic); err != nil {
			t.Error(err)
		}
	})
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(topics[topic].Partitions); n != 3 {
		t.Errorf("topic %s: %d partitions, want 3", topic, n)
	}
}

func TestRestartKeepsData(t *testing.T) {
	b := broker.StartOwn(t, "num.partitions=7")
	const topic = "kept"
	admin, ctx := adminOf(t, b.Addr())
	if _, err := admin.CreateTopic(ctx, -1, -1, nil, topic); err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	for _, end := range []struct {
		name string
		how  func()
	}{{"kill", b.Kill}, {"stop", b.Stop}} {
		end.how()
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			t.Fatalf("%s: the broker still listens on %s", end.name, addr)
		}
		b.Restart()
		if b.Addr() != addr {
			t.Fatalf("%s: address %s after the restart, want %s", end.name, b.Addr(), addr)
		}
		admin, ctx := adminOf(t, b.Addr())
		topics, err := admin.ListTopics(ctx, topic)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(topics[topic].Partitions); n != 7 {
			t.Errorf("%s: topic %s has %d partitions after the restart, want 7", end.name, topic, n)
		}
	}
}

func adminOf(t *testing.T, addr string) (*kadm.Client, context.Context) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return kadm.NewClient(client), ctx
}
