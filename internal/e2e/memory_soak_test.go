package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

const (
	soakMemory = 15 * time.Minute // at most, of the time that OTTLA_SOAK allows
	soakRate   = 5000             // records a second
	soakBudget = 64 << 20
)

// sample is what the process takes after a while.
type sample struct {
	at             float64 // seconds
	heap, resident float64 // bytes
}

func takeSample(since time.Time) sample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := sample{at: time.Since(since).Seconds(), heap: float64(m.HeapAlloc)}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if pages, err := strconv.Atoi(strings.Fields(string(text))[1]); err == nil {
			s.resident = float64(pages * os.Getpagesize())
		}
	}
	return s
}

// growth fits a line and returns by how much it rises over the samples, and
// their mean.
func growth(samples []sample, of func(sample) float64) (rise, mean float64) {
	n := float64(len(samples))
	var sx, sy, sxx, sxy float64
	for _, s := range samples {
		x, y := s.at, of(s)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	slope := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return slope * (samples[len(samples)-1].at - samples[0].at), sy / n
}

// TestGrowth checks the fit itself: it has to find a leak.
func TestGrowth(t *testing.T) {
	var samples []sample
	for i := range 100 {
		samples = append(samples, sample{at: float64(i), heap: 1000 + float64(i%7), resident: 1000 + 2*float64(i)})
	}
	if rise, mean := growth(samples, func(s sample) float64 { return s.heap }); rise > 5 || mean < 1000 || mean > 1006 {
		t.Errorf("a flat line rises by %v, mean %v", rise, mean)
	}
	if rise, _ := growth(samples, func(s sample) float64 { return s.resident }); rise < 197 || rise > 199 {
		t.Errorf("a line that rises by 198 rises by %v", rise)
	}
}

// TestSoakMemory runs an app with state under an even load and a small budget.
// Its memory has to be a flat line in the second half of the time.
func TestSoakMemory(t *testing.T) {
	total := min(soak(t), soakMemory)
	addr := broker.Start(t)
	id := fmt.Sprintf("soak-memory-%d", time.Now().UnixNano())
	createSoak(t, addr, id+"-in", id+"-counts", id+"-windows")
	top, err := soakTopology(id)
	if err != nil {
		t.Fatal(err)
	}
	app, err := stream.NewApp(top, stream.Config{
		ID: id, Brokers: []string{addr}, StateDir: t.TempDir(), Workers: 2, MemoryBytes: soakBudget, LayerAge: 5 * time.Second,
		ReplicationFactor: 1, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	go paced(ctx, addr, id+"-in")
	began := time.Now()
	var samples []sample
	for time.Since(began) < total {
		time.Sleep(total / 200)
		samples = append(samples, takeSample(began))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]func(sample) float64{
		"heap":     func(s sample) float64 { return s.heap },
		"resident": func(s sample) float64 { return s.resident },
	} {
		rise, mean := growth(samples[len(samples)/2:], of)
		t.Logf("%s: %.1f MiB on average, %+.1f MiB in the second half of %s", name, mean/(1<<20), rise/(1<<20), total)
		if rise > mean/10+4<<20 {
			t.Errorf("%s rises by %.1f MiB from %.1f MiB: it should be a flat line", name, rise/(1<<20), mean/(1<<20))
		}
	}
}

// soakTopology counts by key and by window. Windows go as fast as they come.
func soakTopology(id string) (*topology.Topology, error) {
	b := stream.NewBuilder()
	in := b.Stream(topology.NewTopic(id+"-in", serde.String, serde.Bytes))
	in.GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64)).To(topology.NewTopic(id+"-counts", serde.String, serde.Int64))
	in.GroupByKey().
		WindowedBy(window.Tumbling(2 * time.Second).Grace(time.Second)).
		Count(state.Windows("windows", serde.String, serde.Int64)).
		To(topology.NewTopic(id+"-windows", serde.TimeWindowed(serde.String, 2*time.Second), serde.Int64))
	return b.Build()
}

// createSoak makes topics that keep little.
func createSoak(t *testing.T, addr string, topics ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	little := map[string]*string{"retention.bytes": kadm.StringPtr("16777216"), "segment.bytes": kadm.StringPtr("4194304")}
	if _, err := kadm.NewClient(cl).CreateTopics(t.Context(), 4, 1, little, topics...); err != nil {
		t.Fatal(err)
	}
}

// paced produces soakRate records a second of keys at random.
func paced(ctx context.Context, addr, topic string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return
	}
	defer cl.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		for range soakRate / 50 {
			key := binary.BigEndian.AppendUint64(nil, rand.Uint64N(50_000))
			cl.Produce(ctx, &kgo.Record{Key: key, Value: make([]byte, 100)}, nil)
		}
	}
}
