package fetch

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

const topic = "in"

func part(n int32) offsets.Partition { return offsets.Partition{Topic: topic, Num: n} }

// rig is a cluster, a Fetcher and what came of it.
type rig struct {
	*kfake.Cluster
	t    *testing.T
	f    *Fetcher
	ring chan struct{}

	producer *kgo.Client // made by the first that needs it

	next map[offsets.Partition]int64 // where the next chunk has to begin
	end  map[offsets.Partition]int64
	got  map[offsets.Partition][]int64 // offsets of records
	said map[offsets.Partition][]string
	errs []Chunk

	mu    sync.Mutex
	log   []asked
	reply func(asked) kmsg.Response // nil for the cluster's own
}

// asked is a fetch request as a broker got it.
type asked struct {
	*kmsg.FetchRequest
	node int32
	at   time.Time
}

// offsets are those that are asked for, by number of the partition.
func (a asked) offsets() map[int32]int64 {
	all := make(map[int32]int64)
	for _, t := range a.Topics {
		for _, p := range t.Partitions {
			all[p.Partition] = p.FetchOffset
		}
	}
	return all
}

// answer is one with a session and the same for each partition that is named.
func (a asked) answer(session int32, fill func(*kmsg.FetchResponseTopicPartition)) *kmsg.FetchResponse {
	resp := a.ResponseKind().(*kmsg.FetchResponse)
	resp.SessionID = session
	for _, t := range a.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition, rp.RecordBatches = p.Partition, []byte{}
			fill(&rp)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// setup starts two brokers with a topic of some partitions, each led by the
// broker of its number's parity.
func setup(t *testing.T, partitions int32, opts ...kfake.Opt) *rig {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(2), kfake.SeedTopics(partitions, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r := &rig{
		Cluster: c, t: t, ring: make(chan struct{}, 1),
		next: make(map[offsets.Partition]int64), end: make(map[offsets.Partition]int64),
		got: make(map[offsets.Partition][]int64), said: make(map[offsets.Partition][]string),
	}
	for n := range partitions {
		r.move(n, n%2)
	}
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		a := asked{req.(*kmsg.FetchRequest), c.CurrentNode(), time.Now()}
		r.mu.Lock()
		noted := *a.FetchRequest // the cluster writes the names of topics into its own
		noted.Topics = slices.Clone(noted.Topics)
		r.log = append(r.log, asked{&noted, a.node, a.at})
		reply := r.reply
		r.mu.Unlock()
		if reply == nil {
			return nil, nil, false
		}
		resp := reply(a)
		if resp == hangUp {
			return nil, fmt.Errorf("the connection is closed"), true
		}
		return resp, nil, resp != nil
	})
	return r
}

// hangUp is a reply that closes the connection.
var hangUp kmsg.Response = new(kmsg.FetchResponse)

func (r *rig) move(n, node int32) {
	r.t.Helper()
	if err := r.MoveTopicPartition(topic, n, node); err != nil {
		r.t.Fatal(err)
	}
}

// answerBy lets fn answer fetches; those for which it returns nil are answered
// by the cluster.
func (r *rig) answerBy(fn func(asked) kmsg.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reply = fn
}

// requests are the fetches since the last call.
func (r *rig) requests() []asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	log := r.log
	r.log = nil
	return log
}

func (r *rig) client(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(r.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cl.Close)
	return cl
}

// start makes the Fetcher.
func (r *rig) start(c Config, opts ...kgo.Opt) {
	r.t.Helper()
	c.Client, c.Logger = r.client(opts...), cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Ring = func() {
		select {
		case r.ring <- struct{}{}:
		default:
		}
	}
	r.f = New(c)
	r.t.Cleanup(r.f.Close)
}

func (r *rig) set(n int32, offset int64, epoch int32) {
	r.next[part(n)] = offset
	r.f.Set(part(n), offset, epoch)
}

// produce writes records, and waits for them after every size of them.
func (r *rig) produce(n int32, from, count, size int, opts ...kgo.Opt) {
	r.t.Helper()
	cl := r.producer
	if cl == nil || len(opts) > 0 {
		cl = r.client(append([]kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(time.Second)}, opts...)...)
	}
	if len(opts) == 0 {
		r.producer = cl
	}
	for i := range count {
		cl.Produce(r.t.Context(), &kgo.Record{Topic: topic, Partition: n, Value: value(n, from+i)}, nil)
		if i%size == size-1 || i == count-1 {
			if err := cl.Flush(r.t.Context()); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

func value(n int32, i int) []byte { return fmt.Appendf(nil, "%d/%d", n, i) }

// take looks at what there is.
func (r *rig) take() {
	r.t.Helper()
	for _, c := range r.f.Take() {
		p := c.Partition
		if c.From != r.next[p] {
			r.t.Errorf("%s: a chunk from %d, want %d", p, c.From, r.next[p])
		}
		if c.Err != nil {
			r.errs = append(r.errs, c)
			continue
		}
		for i := range c.Batches {
			b := &c.Batches[i]
			src := b.Payload
			for range b.Records {
				var o flow.Origin
				n, err := b.Decode(src, &o)
				if err != nil {
					r.t.Fatal(err)
				}
				src = src[n:]
				if o.Offset >= c.From {
					r.got[p], r.said[p] = append(r.got[p], o.Offset), append(r.said[p], string(o.Value))
				}
			}
		}
		r.next[p], r.end[p] = c.Next, c.End
	}
}

// until takes until ok.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		r.take()
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: next %v, ends %v, errors %v", what, r.next, r.end, r.errs)
		}
		select {
		case <-r.ring:
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// read waits until a partition was read up to an offset.
func (r *rig) read(n int32, to int64) {
	r.t.Helper()
	r.until(fmt.Sprintf("partition %d up to %d", n, to), func() bool { return r.next[part(n)] >= to })
}

// complete wants the records of a partition from one to another, each once and in
// order.
func (r *rig) complete(n int32, from, to int) {
	r.t.Helper()
	if len(r.said[part(n)]) != to-from {
		r.t.Fatalf("partition %d: %d records, want %d: %v", n, len(r.said[part(n)]), to-from, r.said[part(n)])
	}
	for i, s := range r.said[part(n)] {
		if s != string(value(n, from+i)) {
			r.t.Fatalf("partition %d: record %d is %s", n, from+i, s)
		}
	}
}

// quiet takes for a while and wants nothing new.
func (r *rig) quiet(d time.Duration) {
	r.t.Helper()
	before := fmt.Sprint(r.got, r.errs)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		r.take()
	}
	if now := fmt.Sprint(r.got, r.errs); now != before {
		r.t.Fatalf("something came: %s, before %s", now, before)
	}
}

// made is a record batch from some offset on whose last offset is told; its
// records have the deltas.
func made(base int64, last int32, epoch int32, attributes int16, deltas ...int32) []byte {
	var records []byte
	for _, d := range deltas {
		body := kbin.AppendVarint([]byte{0}, 0)
		body = kbin.AppendVarint(body, d)
		body = kbin.AppendVarintBytes(body, []byte("k"))
		body = kbin.AppendVarintBytes(body, fmt.Append(nil, base+int64(d)))
		body = append(body, 0)
		records = append(kbin.AppendVarint(records, int32(len(body))), body...)
	}
	b := kmsg.RecordBatch{
		FirstOffset: base, Length: int32(49 + len(records)), PartitionLeaderEpoch: epoch, Magic: 2, Attributes: attributes,
		LastOffsetDelta: last, ProducerID: -1, NumRecords: int32(len(deltas)), Records: records,
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// pause is long enough for a request too many to be seen.
const pause = 300 * time.Millisecond

// read0 waits until a partition's end was told.
func (r *rig) read0(n int32) {
	r.t.Helper()
	r.until(fmt.Sprintf("the end of partition %d", n), func() bool { _, ok := r.end[part(n)]; return ok })
}
