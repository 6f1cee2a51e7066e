package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/serde"
)

func cluster(t testing.TB, partitions int32, topics ...string) *kfake.Cluster {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		before := goleak.IgnoreCurrent()
		t.Cleanup(func() { goleak.VerifyNone(t, before) })
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func collector(t testing.TB, c *kfake.Cluster, judge func(*Failure) error, opts ...kgo.Opt) *Collector {
	t.Helper()
	opts = append(Opts(8<<20), opts...)
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.MetadataMinAge(50*time.Millisecond), kgo.UnknownTopicRetries(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return closing(t, New(context.Background(), cl, nil, judge))
}

func closing(t testing.TB, col *Collector) *Collector {
	t.Cleanup(col.Close)
	return col
}

// read returns n records of a topic by partition.
func read(t *testing.T, c *kfake.Cluster, topic string, n int) map[int32][]*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := make(map[int32][]*kgo.Record)
	for n > 0 {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d records are missing", n)
		}
		f.EachRecord(func(r *kgo.Record) { got[r.Partition] = append(got[r.Partition], r); n-- })
	}
	return got
}

func TestPartitionsAsKafka(t *testing.T) {
	c := cluster(t, 7, "out")
	col := collector(t, c, nil)
	want := make(map[string]int32)
	emit := func(o graph.Output) {
		t.Helper()
		o.Topic = "out"
		if err := col.Emit(&o); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		k := fmt.Sprintf("key %d", i)
		want[k] = hash.Partition([]byte(k), 7)
		emit(graph.Output{Key: []byte(k), Partition: graph.ByKey, Time: 5})
		k = fmt.Sprintf("hashed %d", i)
		want[k] = hash.Partition([]byte("inner"), 7)
		emit(graph.Output{Key: []byte(k), Hash: []byte("inner"), Partition: graph.ByKey, Time: 5})
		k = fmt.Sprintf("manual %d", i)
		want[k] = int32(i % 7)
		emit(graph.Output{Key: []byte(k), Partition: int32(i % 7), Time: 5})
		emit(graph.Output{Value: []byte("null key"), Partition: graph.ByKey, Time: 5})
	}
	emit(graph.Output{Key: []byte{}, Value: []byte("empty key"), Partition: graph.ByKey, Time: 5})
	want[""] = hash.Partition([]byte{}, 7)
	if err := col.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for p, records := range read(t, c, "out", 401) {
		for _, r := range records {
			if r.Key == nil {
				continue
			}
			if w, ok := want[string(r.Key)]; !ok || w != p {
				t.Errorf("key %q is in partition %d, want %d", r.Key, p, w)
			}
			if r.Timestamp.UnixMilli() != 5 {
				t.Errorf("key %q has time %v", r.Key, r.Timestamp)
			}
		}
	}
}

// All that a record is made of is copied: the caller may use its memory again.
func TestCopies(t *testing.T) {
	c := cluster(t, 1, "out")
	col := collector(t, c, nil)
	const bigBytes = 16 << 10
	key, value, hv := make([]byte, 8), make([]byte, 8), make([]byte, 8)
	const n = 500
	for i := range n {
		text := fmt.Appendf(nil, "%08d", i)
		copy(key, text)
		copy(value, text)
		copy(hv, text)
		o := graph.Output{Topic: "out", Key: key, Value: value, Partition: 0, NoTime: true, Headers: serde.Headers{{Key: "h", Value: hv}, {Key: "null"}}}
		if err := col.Emit(&o); err != nil {
			t.Fatal(err)
		}
	}
	if err := col.Emit(&graph.Output{Topic: "out", Partition: 0, Value: bytes.Repeat([]byte("x"), bigBytes)}); err != nil {
		t.Fatal(err)
	}
	if err := col.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := read(t, c, "out", n+1)[0]
	for i, r := range records[:n] {
		want := fmt.Sprintf("%08d", i)
		if string(r.Key) != want || string(r.Value) != want || string(r.Headers[0].Value) != want || r.Headers[1].Value != nil {
			t.Fatalf("record %d is %s %s %v", i, r.Key, r.Value, r.Headers)
		}
		if time.Since(r.Timestamp) > time.Minute {
			t.Errorf("record %d has time %v, want the producer's", i, r.Timestamp)
		}
	}
	if r := records[n]; r.Key != nil || len(r.Value) != bigBytes {
		t.Errorf("key %v, %d bytes", r.Key, len(r.Value))
	}
}

// Memory that is used again never changes a record that is in flight.
func TestMemoryIsUsedAgain(t *testing.T) {
	c := cluster(t, 3, "out")
	col := collector(t, c, nil)
	const n = 20_000
	for i := range n {
		text := fmt.Appendf(nil, "%d", i)
		o := graph.Output{Topic: "out", Key: text, Value: bytes.Repeat(text, 20), Partition: int32(i % 3), Headers: serde.Headers{{Key: "h", Value: text}}}
		if err := col.Emit(&o); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 {
			if err := col.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p, records := range read(t, c, "out", n) {
		for i, r := range records {
			text := fmt.Appendf(nil, "%d", i*3+int(p))
			if !bytes.Equal(r.Key, text) || !bytes.Equal(r.Value, bytes.Repeat(text, 20)) || !bytes.Equal(r.Headers[0].Value, text) {
				t.Fatalf("partition %d record %d: key %s, want %s", p, i, r.Key, text)
			}
		}
	}
}

func TestEnds(t *testing.T) {
	c := cluster(t, 2, "log", "out")
	col := collector(t, c, nil)
	for i := range 10 {
		for p := range int32(2) {
			if p == 1 && i > 6 {
				continue
			}
			if err := col.Emit(&graph.Output{Topic: "log", Partition: p, Changelog: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := col.Emit(&graph.Output{Topic: "out", Partition: 0}); err != nil {
		t.Fatal(err)
	}
	if err := col.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		topic string
		p     int32
		end   int64
		ok    bool
	}{{"log", 0, 10, true}, {"log", 1, 7, true}, {"out", 0, 0, false}, {"log", 2, 0, false}} {
		if end, ok := col.End(want.topic, want.p); end != want.end || ok != want.ok {
			t.Errorf("end of %s %d is %d, %v, want %d, %v", want.topic, want.p, end, ok, want.end, want.ok)
		}
	}
	if col.Sent() != 18 {
		t.Errorf("sent %d, want 18", col.Sent())
	}
}

// refuse lets the broker refuse all records of a partition.
func refuse(c *kfake.Cluster, partition int32, code int16) {
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.ProduceRequest)
		resp := r.ResponseKind().(*kmsg.ProduceResponse)
		hit := false
		for _, t := range r.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition = p.Partition
				if p.Partition == partition {
					hit, rp.ErrorCode = true, code
				}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, hit
	})
}

func TestRefused(t *testing.T) {
	cause := &flow.Origin{Topic: "in", Offset: 7}
	for _, c := range []struct {
		name   string
		judge  func(*Failure) error
		output graph.Output
		fails  bool
	}{
		{"stands", nil, graph.Output{Cause: cause}, true},
		{"is left out", func(*Failure) error { return nil }, graph.Output{Cause: cause}, false},
		{"of a changelog is never left out", func(*Failure) error { return nil }, graph.Output{Cause: cause, Changelog: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := cluster(t, 2, "out")
			refuse(cl, 1, kerr.MessageTooLarge.Code)
			var judged *Failure
			judge := c.judge
			if judge != nil {
				judge = func(f *Failure) error { judged = f; return c.judge(f) }
			}
			col := collector(t, cl, judge)
			o := c.output
			o.Topic, o.Partition, o.Value = "out", 1, []byte("secret")
			if err := col.Emit(&o); err != nil {
				t.Fatal(err)
			}
			err := col.Flush(t.Context())
			if !c.fails {
				if err != nil || judged == nil || judged.Cause == nil || judged.Cause.Offset != cause.Offset || judged.Partition != 1 {
					t.Errorf("flush: %v, judged %+v", err, judged)
				}
				return
			}
			var stands *graph.Judged
			if !errors.Is(err, kerr.MessageTooLarge) || !errors.As(err, &stands) {
				t.Fatalf("flush: %v", err)
			}
			if text := err.Error(); !strings.Contains(text, "topic out partition 1") || strings.Contains(text, "secret") {
				t.Errorf("error %q", text)
			}
			if err := col.Emit(&o); !errors.Is(err, kerr.MessageTooLarge) {
				t.Errorf("emit after a failure: %v", err)
			}
			col.Reset()
			if err := col.Emit(&graph.Output{Topic: "out", Partition: graph.ByKey}); err != nil {
				t.Errorf("emit after Reset: %v", err)
			}
		})
	}
}

func TestUnknownTopic(t *testing.T) {
	col := collector(t, cluster(t, 1, "out"), nil)
	if err := col.Emit(&graph.Output{Topic: "nowhere", Partition: 0}); err != nil {
		t.Fatal(err)
	}
	if err := col.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "topic nowhere") {
		t.Errorf("flush: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	col := collector(t, cluster(t, 1, "out"), nil, kgo.ProducerBatchMaxBytes(10_000))
	err := col.Emit(&graph.Output{Topic: "out", Partition: 0, Value: make([]byte, 10_000)})
	var encode *graph.EncodeError
	if !errors.Is(err, ErrTooLarge) || !errors.As(err, &encode) || encode.Topic != "out" {
		t.Errorf("emit: %v", err)
	}
	for _, size := range []int{9_000, 9_800, 9_880} {
		err := col.Emit(&graph.Output{Topic: "out", Partition: 0, Value: make([]byte, size)})
		if err == nil {
			err = col.Flush(t.Context())
		}
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// Too much unacknowledged blocks Emit, until the context ends.
func TestBackpressure(t *testing.T) {
	c := cluster(t, 1, "out")
	hold := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		<-hold
		return nil, nil, false
	})
	t.Cleanup(func() { close(hold) })
	opts := append(Opts(1<<20), kgo.SeedBrokers(c.ListenAddrs()...))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	ctx, cancel := context.WithCancel(context.Background())
	col := closing(t, New(ctx, cl, nil, nil))
	time.AfterFunc(300*time.Millisecond, cancel)
	value := make([]byte, 64<<10)
	n := 0
	for err == nil && n < 100 {
		err = col.Emit(&graph.Output{Topic: "out", Partition: 0, Value: value})
		n++
	}
	if !errors.Is(err, context.Canceled) || n > 30 {
		t.Errorf("emit %d: %v", n, err)
	}
}

// BenchmarkEmit is the path of a record to the broker.
func BenchmarkEmit(b *testing.B) {
	col := collector(b, cluster(b, 4, "out"), nil)
	o := graph.Output{Topic: "out", Partition: graph.ByKey, Key: []byte("some key"), Value: make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		if err := col.Emit(&o); err != nil {
			b.Fatal(err)
		}
	}
	if err := col.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// What the judge emits in place of a refused record is there when Flush returns:
// the offset of its input is committed next.
func TestFlushTakesReplacement(t *testing.T) {
	cl := cluster(t, 2, "out", "dead")
	refuse(cl, 1, kerr.InvalidRecord.Code)
	var col *Collector
	col = collector(t, cl, func(*Failure) error {
		return col.Emit(&graph.Output{Topic: "dead", Partition: 0, Value: []byte("letter")})
	})
	if err := col.Emit(&graph.Output{Topic: "out", Partition: 1, Value: []byte("refused"), Cause: &flow.Origin{Topic: "in", Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	if err := col.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := cl.PartitionInfo("dead", 0).HighWatermark; n != 1 {
		t.Errorf("the topic of dead letters has %d records after the flush, want 1", n)
	}
}
