package simulate

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reader keeps all committed records of the outputs, in the order of each
// partition.
type reader struct {
	client *kgo.Client
	done   sync.WaitGroup

	mu       sync.Mutex
	records  map[string][]*kgo.Record // by topic
	next     map[place]int64
	postings map[string]bool // seen in applied, transfer and account
	joined   map[string]bool
}

type place struct {
	topic string
	num   int32
}

func newReader(r *run) (*reader, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(r.cluster.ListenAddrs()...), kgo.Dialer(r.wire(4).dial), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics("applied", "balances", "confirmed", "per-window", changelog), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(time.Second), kgo.MetadataMaxAge(5*time.Second),
	)
	if err != nil {
		return nil, err
	}
	d := &reader{client: cl, records: make(map[string][]*kgo.Record), next: make(map[place]int64), postings: make(map[string]bool), joined: make(map[string]bool)}
	d.done.Go(func() {
		for {
			fetches := cl.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			d.take(fetches)
		}
	})
	return d, nil
}

func (d *reader) take(fetches kgo.Fetches) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		// When a partition moves, the client may begin it anew.
		if p := (place{r.Topic, r.Partition}); r.Offset < d.next[p] {
			return
		} else {
			d.next[p] = r.Offset + 1
		}
		d.records[r.Topic] = append(d.records[r.Topic], r)
		switch r.Topic {
		case "applied":
			id, _, _ := strings.Cut(string(r.Value), ",")
			d.postings[id+" "+string(r.Key)] = true
		case "confirmed":
			d.joined[string(r.Key)] = true
		}
	})
}

// seen returns how many different postings and pairs there are.
func (d *reader) seen() (postings, joined int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.postings), len(d.joined)
}

func (d *reader) all(topic string) []*kgo.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.records[topic]
}

func (d *reader) close() {
	d.client.Close()
	d.done.Wait()
}
