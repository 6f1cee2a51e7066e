package produce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

// bed is a Producer over a cluster of its own and what it told.
type bed struct {
	cluster *kfake.Cluster
	p       *Producer

	mu      sync.Mutex
	taken   int
	refused []Result
	causes  []*flow.Origin // of the refused
}

func newBed(t *testing.T, c Config, opts ...kgo.Opt) *bed {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(6, "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.UnknownTopicRetries(2),
		kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }),
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	b := &bed{cluster: cluster}
	c.Client, c.Timeout, c.Done = cl, 5*time.Second, b.done
	if c.BatchBytes == 0 {
		c.BatchBytes = 64 << 10
	}
	if c.BufferedBytes == 0 {
		c.BufferedBytes = 1 << 20
	}
	b.p = New(c)
	t.Cleanup(b.p.Close)
	return b
}

func (b *bed) done(r *Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Err != nil {
		b.refused = append(b.refused, *r)
		for i := range r.Records {
			b.causes = append(b.causes, r.Causes.Of(i))
		}
		return
	}
	b.taken += r.Records
}

func (b *bed) topic(t *testing.T, name string) *Topic {
	t.Helper()
	topic, err := b.p.Topic(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

// send appends n numbered records to each of the partitions, from number from.
func (b *bed) send(t *testing.T, topic *Topic, from, n int, partitions ...int32) {
	t.Helper()
	for i := from; i < from+n; i++ {
		for _, num := range partitions {
			r := Record{Key: strconv.AppendInt(nil, int64(i), 10), Value: []byte("value"), Time: int64(i)}
			if err := b.p.Append(t.Context(), topic, num, &r); err != nil {
				t.Fatal(err)
			}
		}
		if rand.IntN(10) == 0 {
			b.p.Push()
		}
	}
}

func (b *bed) flush(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// inOrder checks that each partition of out has the numbers from 0 to n, once.
func (b *bed) inOrder(t *testing.T, n int, partitions ...int32) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.ConsumeTopics("out"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next := make(map[int32]int)
	for total := 0; total < n*len(partitions); {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d records", total, n*len(partitions))
		}
		f.EachRecord(func(r *kgo.Record) {
			if total++; string(r.Key) != strconv.Itoa(next[r.Partition]) {
				t.Fatalf("partition %d offset %d has record %s, want %d", r.Partition, r.Offset, r.Key, next[r.Partition])
			}
			next[r.Partition]++
		})
	}
}

var all = []int32{0, 1, 2, 3, 4, 5}

// answer lets the brokers answer some produce requests with an error, without
// taking what is in them.
func (b *bed) answer(code int16, when func() bool) {
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		if !when() {
			return nil, nil, false
		}
		r := req.(*kmsg.ProduceRequest)
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range r.Topics {
			rt := kmsg.ProduceResponseTopic{Topic: t.Topic, TopicID: t.TopicID}
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

func sometimes() bool { return rand.IntN(3) == 0 }

func TestPassingErrors(t *testing.T) {
	for _, e := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.NotEnoughReplicas, kerr.RequestTimedOut, kerr.KafkaStorageError, kerr.CorruptMessage,
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID,
	} {
		t.Run(e.Message, func(t *testing.T) {
			b := newBed(t, Config{})
			b.answer(e.Code, sometimes)
			b.send(t, b.topic(t, "out"), 0, 300, all...)
			b.flush(t)
			b.inOrder(t, 300, all...)
			if b.taken != 300*len(all) || len(b.refused) > 0 {
				t.Errorf("%d taken, %d batches refused", b.taken, len(b.refused))
			}
		})
	}
}

// flaky is a connection that breaks after some bytes, to either side.
type flaky struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (f *flaky) spend(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left -= n; f.left < 0 {
		f.Close()
		return net.ErrClosed
	}
	return nil
}

func (f *flaky) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if lost := f.spend(20 * n); lost != nil { // answers are short
		return 0, lost
	}
	return n, err
}

func (f *flaky) Write(p []byte) (int, error) {
	if err := f.spend(len(p)); err != nil {
		return 0, err
	}
	return f.Conn.Write(p)
}

func dialFlaky(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &flaky{Conn: c, left: 20_000 + rand.IntN(60_000)}, nil
}

// Connections break before and after a broker took a batch: nothing is lost,
// doubled or out of order.
func TestBrokenConnections(t *testing.T) {
	b := newBed(t, Config{BatchBytes: 4 << 10}, kgo.Dialer(dialFlaky))
	const n = 2000
	b.send(t, b.topic(t, "out"), 0, n, all...)
	b.flush(t)
	b.inOrder(t, n, all...)
	if b.taken != n*len(all) || len(b.refused) > 0 {
		t.Errorf("%d taken, %d batches refused", b.taken, len(b.refused))
	}
}

// Leaders move while batches are on their way.
func TestMovingLeaders(t *testing.T) {
	b := newBed(t, Config{BatchBytes: 2 << 10})
	topic := b.topic(t, "out")
	const n = 500
	for i := range 20 {
		b.send(t, topic, i*n, n, all...)
		for _, num := range all {
			if err := b.cluster.MoveTopicPartition("out", num, int32(rand.IntN(3))); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.flush(t)
	b.inOrder(t, 20*n, all...)
	if len(b.refused) > 0 {
		t.Errorf("refused: %v", b.refused[0].Err)
	}
}

// A refused batch is told with its causes; what follows is written.
func TestRefused(t *testing.T) {
	b := newBed(t, Config{})
	topic := b.topic(t, "out")
	b.send(t, topic, 0, 10, 1)
	b.flush(t)
	refuse := true
	b.answer(kerr.MessageTooLarge.Code, func() bool { was := refuse; refuse = false; return was })
	cause := &flow.Origin{Offset: 7}
	if err := b.p.Append(t.Context(), topic, 1, &Record{Key: []byte("no")}); err != nil {
		t.Fatal(err)
	}
	if err := b.p.Append(t.Context(), topic, 1, &Record{Key: []byte("no"), Cause: cause, Log: true}); err != nil {
		t.Fatal(err)
	}
	b.flush(t)
	b.send(t, topic, 10, 10, 1)
	b.flush(t)
	b.inOrder(t, 20, 1)
	if len(b.refused) != 1 {
		t.Fatalf("%d refused", len(b.refused))
	}
	if r := b.refused[0]; !errors.Is(r.Err, kerr.MessageTooLarge) || r.Records != 2 || !r.Log ||
		len(b.causes) != 2 || b.causes[0] != nil || b.causes[1].Offset != cause.Offset {
		t.Errorf("told %+v", r)
	}
}

func TestUnknown(t *testing.T) {
	b := newBed(t, Config{})
	if _, err := b.p.Topic(t.Context(), "nowhere"); !isUnknown(err) {
		t.Errorf("topic: %v", err)
	}
	if err := b.p.Append(t.Context(), b.topic(t, "out"), 17, &Record{}); err != nil {
		t.Fatal(err)
	}
	b.flush(t)
	if len(b.refused) != 1 || !isUnknown(b.refused[0].Err) {
		t.Errorf("partition 17: %+v", b.refused)
	}
}

// What brokers store is what was appended, compressed or not.
func TestContents(t *testing.T) {
	lz4, err := kgo.DefaultCompressor(kgo.Lz4Compression())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]kgo.Compressor{"plain": nil, "lz4": lz4} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, Config{Compressor: c})
			in := []Record{
				{Key: nil, Value: nil, Time: 5},
				{Key: []byte{}, Value: []byte{}, Time: 3},
				{Key: []byte("k"), Value: make([]byte, 100_000), Time: 1 << 40, Headers: serde.Headers{{Key: "h", Value: []byte("v")}, {Key: "", Value: nil}}},
			}
			for i := range in {
				if err := b.p.Append(t.Context(), b.topic(t, "out"), 2, &in[i]); err != nil {
					t.Fatal(err)
				}
			}
			b.flush(t)
			cl, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.ConsumeTopics("out"))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			var got []*kgo.Record
			for len(got) < len(in) {
				got = append(got, cl.PollFetches(t.Context()).Records()...)
			}
			for i, r := range got {
				w := in[i]
				if string(r.Key) != string(w.Key) || (r.Key == nil) != (w.Key == nil) || string(r.Value) != string(w.Value) || (r.Value == nil) != (w.Value == nil) {
					t.Errorf("record %d is %q and %d bytes", i, r.Key, len(r.Value))
				}
				if r.Timestamp.UnixMilli() != w.Time || fmt.Sprint(len(r.Headers)) != fmt.Sprint(len(w.Headers)) {
					t.Errorf("record %d has time %v and %d headers", i, r.Timestamp, len(r.Headers))
				}
				for j, h := range r.Headers {
					if h.Key != w.Headers[j].Key || string(h.Value) != string(w.Headers[j].Value) || (h.Value == nil) != (w.Headers[j].Value == nil) {
						t.Errorf("record %d header %d is %v", i, j, h)
					}
				}
			}
		})
	}
}

// Sequences wrap to 0 behind the largest number.
func TestAfter(t *testing.T) {
	const top = 1<<31 - 1
	for _, c := range [][3]int32{{0, 5, 5}, {top - 5, 5, top}, {top, 1, 0}, {top - 2, 5, 2}} {
		if got := after(c[0], c[1]); got != c[2] {
			t.Errorf("%d after %d is %d, want %d", c[1], c[0], got, c[2])
		}
	}
}

// A record costs no allocation of its own.
func TestAllocations(t *testing.T) {
	b := newBed(t, Config{BatchBytes: 1 << 20})
	topic := b.topic(t, "out")
	r := Record{Key: []byte("key"), Value: make([]byte, 100), Cause: &flow.Origin{}}
	add := func() {
		if err := b.p.Append(t.Context(), topic, 0, &r); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		add()
	}
	if n := testing.AllocsPerRun(1000, add); n > 0.01 {
		t.Errorf("%v allocations for each record", n)
	}
}
