package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/serve"
)

// BenchmarkGetThroughSecondInstance asks an instance for keys that another one
// has, 1000 times a second, while the app counts 20,000 records a second.
func BenchmarkGetThroughSecondInstance(b *testing.B) {
	addrs := cluster(b, 4, "in", "name")
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprint("key", i))
	}
	produce(b, addrs, "in", noon, keys...)
	one, two := run(b, addrs, serve.Config{}), run(b, addrs, serve.Config{})
	var far []string // keys that instance two has
	eventually(b, func() error {
		far = nil
		for _, k := range keys {
			m, err := one.app.MetadataForKey(counts, k)
			if err != nil {
				return err
			}
			if !m.Local {
				far = append(far, k)
			}
			if status, answer := one.get(b, "/stores/counts/keys/"+k); status != http.StatusOK {
				return fmt.Errorf("%d %v", status, answer)
			}
		}
		if len(far) < 100 {
			return fmt.Errorf("only %d keys are far: %v", len(far), two.app.AllMetadata())
		}
		return nil
	})
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { load(b, ctx, addrs, keys) })
	time.Sleep(time.Second)
	took := make([]time.Duration, b.N)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	next := time.Now()
	slots := make(chan struct{}, 64)
	var asking sync.WaitGroup
	b.ResetTimer()
	for i := range b.N {
		next = next.Add(time.Millisecond)
		time.Sleep(time.Until(next))
		slots <- struct{}{}
		due := next
		asking.Go(func() {
			resp, err := client.Get(one.url + "/stores/counts/keys/" + far[i%len(far)])
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Errorf("%v %v", resp, err)
			} else {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			took[i] = time.Since(due)
			<-slots
		})
	}
	asking.Wait()
	b.StopTimer()
	cancel()
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// load produces 20,000 records a second until ctx ends.
func load(b *testing.B, ctx context.Context, addrs []string, keys []string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ProducerLinger(0), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		b.Error(err)
		return
	}
	defer cl.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began, sent := time.Now(), 0
	for ctx.Err() == nil {
		<-tick.C
		for due := int(time.Since(began).Seconds() * 20_000); sent < due; sent++ {
			cl.Produce(ctx, &kgo.Record{Topic: "in", Key: []byte(keys[sent%len(keys)]), Value: []byte("v"), Timestamp: noon}, nil)
		}
	}
}
