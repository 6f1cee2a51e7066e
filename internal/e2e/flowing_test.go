package e2e

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// flowing reads an output as it comes and knows how new its partitions are.
type flowing struct {
	partitions int
	stop       context.CancelFunc
	done       sync.WaitGroup

	mu     sync.Mutex
	newest map[int32]time.Time // the time of a record is that of its input
}

func newFlowing(t *testing.T, addr, topic string, partitions int) *flowing {
	t.Helper()
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(20*time.Millisecond),
		kgo.MetadataMinAge(100*time.Millisecond), // what is measured is not how soon the reader finds the topic
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &flowing{partitions: partitions, stop: cancel, newest: make(map[int32]time.Time)}
	f.done.Go(func() {
		defer cl.Close()
		for ctx.Err() == nil {
			cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				f.mu.Lock()
				defer f.mu.Unlock()
				if r.Timestamp.After(f.newest[r.Partition]) {
					f.newest[r.Partition] = r.Timestamp
				}
			})
		}
	})
	t.Cleanup(func() { cancel(); f.done.Wait() })
	return f
}

// since waits until every partition has a result of input that is newer than
// at, and returns how long after at that was.
func (f *flowing) since(t *testing.T, at time.Time) time.Duration {
	t.Helper()
	for until := time.Now().Add(90 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		f.mu.Lock()
		n := 0
		for _, newest := range f.newest {
			if newest.After(at) {
				n++
			}
		}
		f.mu.Unlock()
		if n == f.partitions {
			return time.Since(at)
		}
	}
	t.Errorf("not all partitions have newer results after %s", time.Since(at))
	return 0
}

// relay passes connections to a broker on. Each way can be held up.
type relay struct {
	wire
	listener net.Listener
}

func newRelay(t *testing.T, broker string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l}
	t.Cleanup(func() {
		l.Close()
		r.up.open()
		r.down.open()
		r.cut()
	})
	go func() {
		for {
			far, err := l.Accept()
			if err != nil {
				return
			}
			near, err := net.Dial("tcp", broker)
			if err != nil {
				far.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, far, near)
			r.mu.Unlock()
			go pass(near, far, &r.up)
			go pass(far, near, &r.down)
		}
	}()
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }
