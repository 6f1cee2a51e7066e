package simulate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/bank/ledger"
)

const accounts = 24

// truth is what the load sent.
type truth struct {
	postings map[string]map[string]int64 // change by transfer and account
	balances map[string]int64
	counts   map[string]int64
	sent     int // postings
	flushed  time.Time
}

// load sends transfers and remembers them. It belongs to one goroutine.
type load struct {
	run     *run
	client  *kgo.Client
	rnd     *rand.Rand
	numbers []int64 // of the last transfer, by partition
	truth   truth
	pending sync.WaitGroup
}

func newLoad(r *run) (*load, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(r.cluster.ListenAddrs()...), kgo.Dialer(r.wire(5).dial), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return nil, err
	}
	return &load{
		run: r, client: cl, rnd: rand.New(rand.NewPCG(r.s.Seed, 2)), numbers: make([]int64, r.s.Partitions),
		truth: truth{postings: make(map[string]map[string]int64), balances: make(map[string]int64), counts: make(map[string]int64)},
	}, nil
}

// play sends transfers as the schedule says, and a few records that are none.
func (l *load) play() {
	for end := time.Now().Add(l.run.s.Load); time.Now().Before(end); {
		time.Sleep(time.Duration(l.rnd.Int64N(2 * int64(time.Second) / int64(l.run.s.Rate))))
		from, to := l.rnd.IntN(accounts), l.rnd.IntN(accounts-1)
		if to >= from {
			to++
		}
		l.transfer(from, to, time.Now())
		if l.rnd.IntN(50) == 0 {
			l.send("transfers", int32(l.rnd.IntN(len(l.numbers))), "x", "no transfer", time.Now())
		}
	}
	l.pending.Wait()
}

// flush moves stream time beyond all windows, in all partitions.
func (l *load) flush() {
	at := time.Now().Add(3 * late)
	l.truth.flushed = at
	for a := 0; a < accounts; a += 2 {
		l.transfer(a, a+1, at)
	}
	l.pending.Wait()
}

func (l *load) transfer(from, to int, at time.Time) {
	partition := int32(l.rnd.IntN(len(l.numbers)))
	l.numbers[partition]++
	id := fmt.Sprintf("%d-%d", partition, l.numbers[partition])
	t := &ledger.Transfer{From: fmt.Sprintf("a%d", from), To: fmt.Sprintf("a%d", to), Amount: 1 + l.rnd.Int64N(1000)}
	l.truth.postings[id] = map[string]int64{t.From: -t.Amount, t.To: t.Amount}
	for account, change := range l.truth.postings[id] {
		l.truth.balances[account] += change
		l.truth.counts[account]++
		l.truth.sent++
	}
	l.send("transfers", partition, id, fmt.Sprintf("%s,%s,%d", t.From, t.To, t.Amount), at)
	if l.run.s.Wide {
		l.send("confirmations", partition, id, "by "+id, at)
	}
}

func (l *load) send(topic string, partition int32, key, value string, at time.Time) {
	l.pending.Add(1)
	r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value), Timestamp: at}
	l.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			l.run.fail("load: %v", err)
		}
		l.pending.Done()
	})
}
