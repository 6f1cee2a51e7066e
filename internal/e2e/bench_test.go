package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

const (
	benchRecords = 1_000_000
	benchKeys    = 100_000
)

// BenchmarkApp runs an app over a topic that is full already. An operation is
// a record; CPU is that of the whole process, the reading of the end included.
func BenchmarkApp(b *testing.B) {
	addr := broker.Start(b)
	in := fill(b, addr)
	for _, c := range []struct {
		name  string
		build func(out string) (*topology.Topology, error)
	}{
		{"passthrough", func(out string) (*topology.Topology, error) {
			t := stream.NewBuilder()
			t.Stream(topology.NewTopic(in, serde.Bytes, serde.Bytes)).To(topology.NewTopic(out, serde.Bytes, serde.Bytes))
			return t.Build()
		}},
		{"count", func(out string) (*topology.Topology, error) {
			t := stream.NewBuilder()
			t.Stream(topology.NewTopic(in, serde.String, serde.Bytes)).GroupByKey().
				Count(state.KeyValue("counts", serde.String, serde.Int64)).To(topology.NewTopic(out, serde.String, serde.Int64))
			return t.Build()
		}},
	} {
		for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
			b.Run(c.name+"/"+g.String(), func(b *testing.B) {
				for range b.N {
					out := fmt.Sprintf("bench-out-%d", time.Now().UnixNano())
					create(b, addr, out)
					top, err := c.build(out)
					if err != nil {
						b.Fatal(err)
					}
					drain(b, addr, out, top, g)
				}
			})
		}
	}
}

// BenchmarkRestore reads a changelog of 1 M records, all of different keys,
// into a store that is empty.
func BenchmarkRestore(b *testing.B) {
	addr := broker.Start(b)
	id := fmt.Sprintf("bench-restore-%d", time.Now().UnixNano())
	create(b, addr, id+"-in")
	createWith(b, addr, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, id+"-counts-changelog")
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(id+"-counts-changelog"), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	for i := range benchRecords {
		cl.Produce(b.Context(), &kgo.Record{Key: fmt.Appendf(nil, "key-%07d", i), Value: binary.BigEndian.AppendUint64(nil, 1)}, nil)
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		b.Run(g.String(), func(b *testing.B) {
			for range b.N {
				restoreOnce(b, addr, id, g)
			}
		})
	}
}

func restoreOnce(b *testing.B, addr, id string, g stream.Guarantee) {
	b.Helper()
	t := stream.NewBuilder()
	t.Stream(topology.NewTopic(id+"-in", serde.String, serde.Bytes)).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64))
	top, err := t.Build()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var first time.Time
	n := int64(0)
	stores := make(map[string]int64)
	app, err := stream.NewApp(top, stream.Config{
		ID: id, Brokers: []string{addr}, StateDir: b.TempDir(), Guarantee: g, Workers: 1, Logger: slog.New(slog.DiscardHandler),
		Client: []kgo.Opt{kgo.AllowAutoTopicCreation()},
		RestoreListener: func(p stream.RestoreProgress) {
			if first.IsZero() {
				first = time.Now()
			}
			n += p.Restored - stores[p.Task]
			stores[p.Task] = p.Restored
			if n == benchRecords {
				cancel()
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	cpu := cpuTime(b)
	if err := app.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/time.Since(first).Seconds(), "records/s")
	b.ReportMetric((cpuTime(b)-cpu).Seconds()/float64(n)*1e6, "cpu-s/M")
}

func create(b *testing.B, addr string, topics ...string) {
	b.Helper()
	createWith(b, addr, nil, topics...)
}

func createWith(b *testing.B, addr string, settings map[string]*string, topics ...string) {
	b.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopics(b.Context(), 4, 1, settings, topics...); err != nil {
		b.Fatal(err)
	}
}

func fill(b *testing.B, addr string) string {
	b.Helper()
	in := fmt.Sprintf("bench-in-%d", time.Now().UnixNano())
	create(b, addr, in)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(in), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	value := make([]byte, 100)
	for i := range benchRecords {
		key := binary.AppendUvarint([]byte("key"), uint64(rand.IntN(benchKeys)))
		cl.Produce(b.Context(), &kgo.Record{Key: key, Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Errorf("record %d: %v", i, err)
			}
		})
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return in
}

// drain runs the app until its output holds as many records as its input.
func drain(b *testing.B, addr, out string, top *topology.Topology, g stream.Guarantee) {
	b.Helper()
	app, err := stream.NewApp(top, stream.Config{
		ID: out, Brokers: []string{addr}, StateDir: b.TempDir(), Guarantee: g, Workers: 1, Logger: slog.New(slog.DiscardHandler),
		Client: []kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression())},
	})
	if err != nil {
		b.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	cpu, began := cpuTime(b), time.Now()
	first := time.Time{}
	go func() { ended <- app.Run(ctx) }()
	for n := int64(0); n < benchRecords; time.Sleep(5 * time.Millisecond) {
		ends, err := adm.ListEndOffsets(b.Context(), out)
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
		if n > 0 && first.IsZero() {
			first = time.Now()
		}
	}
	took, used := time.Since(began), cpuTime(b)-cpu
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(benchRecords)/time.Since(first).Seconds(), "records/s")
	b.ReportMetric(used.Seconds()/benchRecords*1e6, "cpu-s/M")
	b.ReportMetric(float64(first.Sub(began).Milliseconds()), "ms-to-first")
	b.ReportMetric(took.Seconds(), "s")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
