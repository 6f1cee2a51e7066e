package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
)

const topic = "app-store-changelog"

type fixture struct {
	t       *testing.T
	cluster *kfake.Cluster
	addrs   []string
	ready   chan struct{}
}

func setup(t *testing.T, partitions int32) *fixture {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(partitions, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &fixture{t: t, cluster: c, addrs: c.ListenAddrs(), ready: make(chan struct{}, 1)}
}

func (f *fixture) client(opts ...kgo.Opt) *kgo.Client {
	f.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(f.addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(cl.Close)
	return cl
}

// produce writes n records of some size to a partition.
func (f *fixture) produce(partition int32, n, size int) {
	f.t.Helper()
	cl := f.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := []byte(strings.Repeat("v", size))
	for i := range n {
		cl.Produce(f.t.Context(), &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Append(nil, i), Value: value}, nil)
	}
	if err := cl.Flush(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// transact writes n records in a transaction and ends it, or leaves it open.
func (f *fixture) transact(id string, n int, end func(*kgo.Client) error) {
	f.t.Helper()
	cl := f.client(kgo.TransactionalID(id))
	if err := cl.BeginTransaction(); err != nil {
		f.t.Fatal(err)
	}
	for i := range n {
		if err := cl.ProduceSync(f.t.Context(), &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: []byte(id)}).FirstErr(); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := end(cl); err != nil {
		f.t.Fatal(err)
	}
}

func commit(cl *kgo.Client) error { return cl.EndTransaction(context.Background(), kgo.TryCommit) }
func abort(cl *kgo.Client) error  { return cl.EndTransaction(context.Background(), kgo.TryAbort) }

// start moves the log start.
func (f *fixture) start(to int64) {
	f.t.Helper()
	var o kadm.Offsets
	o.AddOffset(topic, 0, to, -1)
	got, err := kadm.NewClient(f.client()).DeleteRecords(f.t.Context(), o)
	if err != nil || got.Error() != nil {
		f.t.Fatal(err, got.Error())
	}
}

func (f *fixture) restorer(committed bool) *Restorer {
	f.t.Helper()
	r, err := New(Config{
		Client: client.Config{Brokers: f.addrs, Name: "test", Logger: slog.New(slog.DiscardHandler)}, Role: "restore", Committed: committed,
		Ring: func() {
			select {
			case f.ready <- struct{}{}:
			default:
			}
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(r.Close)
	return r
}

type outcome struct {
	records int
	next    int64
	batches int
	last    string
}

// run adds the jobs and waits until all ended.
func (f *fixture) run(r *Restorer, jobs ...*Job) (map[*Job]*outcome, error) {
	f.t.Helper()
	got := make(map[*Job]*outcome)
	for _, j := range jobs {
		got[j] = &outcome{}
		r.Add(j)
	}
	deadline := time.After(20 * time.Second)
	for left := len(jobs); left > 0; {
		select {
		case <-f.ready:
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			f.t.Fatalf("%d jobs do not end", left)
		}
		for _, b := range r.Batches() {
			if b.Err != nil {
				return got, b.Err
			}
			o := got[b.Job]
			if o == nil {
				continue // of a job that was removed
			}
			o.records += len(b.Records)
			o.batches++
			o.next = b.Next
			for _, rec := range b.Records {
				o.last = string(rec.Value)
			}
			if b.Done {
				left--
			}
		}
	}
	return got, nil
}

func job(from int64) *Job {
	return &Job{Task: graph.TaskID{}, Store: "store", Topic: topic, From: from, Until: ToEnd}
}

func TestJobsEnd(t *testing.T) {
	for _, c := range []struct {
		name      string
		committed bool
		before    func(f *fixture)
		job       *Job
		records   int
		next      int64
		lost      bool
	}{
		{name: "empty topic", job: job(0)},
		{name: "all", before: func(f *fixture) { f.produce(0, 100, 10) }, job: job(0), records: 100, next: 100},
		{name: "tail", before: func(f *fixture) { f.produce(0, 100, 10) }, job: job(60), records: 40, next: 100},
		{name: "in the middle of a batch", before: func(f *fixture) { f.produce(0, 100, 10) }, job: job(99), records: 1, next: 100},
		{name: "caught up", before: func(f *fixture) { f.produce(0, 100, 10) }, job: job(100), next: 100},
		{name: "one past the end", before: func(f *fixture) { f.produce(0, 100, 10) }, job: job(101), next: 101},
		{name: "until", before: func(f *fixture) { f.produce(0, 100, 10) }, job: &Job{Topic: topic, Until: 30}, records: 30, next: 30},
		{name: "until nothing", before: func(f *fixture) { f.produce(0, 100, 10) }, job: &Job{Topic: topic, Until: 0}},
		{name: "marker at the end", committed: true, before: func(f *fixture) { f.transact("a", 3, commit) }, job: job(0), records: 3, next: 4},
		{name: "only a marker is missing", committed: true, before: func(f *fixture) { f.transact("a", 3, commit) }, job: job(3), next: 4},
		{name: "aborted at the end", committed: true, before: func(f *fixture) {
			f.transact("a", 3, commit)
			f.transact("b", 5, abort)
		}, job: job(0), records: 3, next: 10},
		{name: "only aborted is missing", committed: true, before: func(f *fixture) {
			f.transact("a", 3, commit)
			f.transact("b", 5, abort)
		}, job: job(4), next: 10},
		{name: "start moved to the local state", before: func(f *fixture) { f.produce(0, 100, 10); f.start(60) }, job: job(60), records: 40, next: 100},
		{name: "start moved past the local state", before: func(f *fixture) { f.produce(0, 100, 10); f.start(60) }, job: job(59), lost: true},
		{name: "start moved to the end of a whole state", before: func(f *fixture) { f.produce(0, 100, 10); f.start(100) }, job: job(100), next: 100},
		{name: "emptied and no local state", before: func(f *fixture) { f.produce(0, 100, 10); f.start(100) }, job: job(0), lost: true},
		{name: "no local state, start moved", before: func(f *fixture) { f.produce(0, 100, 10); f.start(60) }, job: job(0), records: 40, next: 100},
		{name: "expired", before: func(f *fixture) { f.produce(0, 100, 10); f.start(60) },
			job: &Job{Topic: topic, From: 10, Until: ToEnd, Expires: true}, records: 40, next: 100},
		{name: "all expired", before: func(f *fixture) { f.produce(0, 100, 10); f.start(100) },
			job: &Job{Topic: topic, From: 10, Until: ToEnd, Expires: true}, next: 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setup(t, 1)
			if c.before != nil {
				c.before(f)
			}
			got, err := f.run(f.restorer(c.committed), c.job)
			if c.lost {
				if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), topic) {
					t.Fatalf("error %v, want what was lost", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if o := got[c.job]; o.records != c.records || o.next != c.next {
				t.Errorf("%d records, next %d; want %d, next %d", o.records, o.next, c.records, c.next)
			}
		})
	}
}

// An open transaction is waited for: what becomes of it belongs to the state.
func TestOpenTransaction(t *testing.T) {
	for _, c := range []struct {
		name    string
		end     func(*kgo.Client) error
		records int
	}{{"committed", commit, 5}, {"aborted", abort, 3}} {
		t.Run(c.name, func(t *testing.T) {
			f := setup(t, 1)
			f.transact("a", 3, commit)
			var open *kgo.Client
			f.transact("b", 2, func(cl *kgo.Client) error { open = cl; return nil })
			r := f.restorer(true)
			j := job(0)
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(500 * time.Millisecond)
				if err := c.end(open); err != nil {
					t.Error(err)
				}
			})
			got, err := f.run(r, j)
			wg.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if o := got[j]; o.records != c.records || o.next < 6 {
				t.Errorf("%d records, next %d; want %d", o.records, o.next, c.records)
			}
		})
	}
}

// More than one answer holds comes in several batches, one waiting at a time,
// and other jobs go on meanwhile.
func TestBackpressure(t *testing.T) {
	f := setup(t, 4)
	for p := range int32(4) {
		f.produce(p, 40, 200<<10) // 8 MiB each
	}
	r := f.restorer(false)
	var jobs []*Job
	for p := range int32(4) {
		jobs = append(jobs, &Job{Topic: topic, Partition: p, Until: ToEnd})
	}
	got, err := f.run(r, jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if o := got[j]; o.records != 40 || o.batches < 3 {
			t.Errorf("partition %d: %d records in %d batches", j.Partition, o.records, o.batches)
		}
	}
}

// Nobody takes the batches: the goroutine stops at two answers, and Close works.
func TestCloseWhileFull(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 100, 200<<10)
	r := f.restorer(false)
	r.Add(job(0))
	time.Sleep(300 * time.Millisecond)
	if n := len(r.batches); n != 1 {
		t.Errorf("%d answers wait", n)
	}
}

// The tail of the log is gone, as compaction may leave it: the broker has
// nothing to give before the end. Beside other jobs that proves nothing.
func TestCompactedTail(t *testing.T) {
	f := setup(t, 2)
	f.produce(0, 10, 10)
	f.produce(1, 10, 10)
	f.cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		r := req.(*kmsg.ListOffsetsRequest)
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, t := range r.Topics {
			rt := kmsg.NewListOffsetsResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewListOffsetsResponseTopicPartition()
				rp.Partition = p.Partition
				if p.Timestamp == -1 {
					rp.Offset = 15
				}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	f.cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		r := req.(*kmsg.FetchRequest)
		resp := r.ResponseKind().(*kmsg.FetchResponse)
		for _, t := range r.Topics {
			if t.Partitions[0].FetchOffset < 10 {
				return nil, nil, false
			}
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.HighWatermark, rp.LastStableOffset = p.Partition, 15, 15
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	jobs := []*Job{{Topic: topic, Until: ToEnd}, {Topic: topic, Partition: 1, Until: ToEnd}}
	got, err := f.run(f.restorer(false), jobs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		if o := got[j]; o.records != 10 || o.next != 15 {
			t.Errorf("partition %d: %d records, next %d; want 10, next 15", j.Partition, o.records, o.next)
		}
	}
}

// A leader that moves or a broker that is away is waited for.
func TestBrokerTrouble(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 100, 10)
	r := f.restorer(false)
	f.cluster.MoveTopicPartition(topic, 0, 0)
	if _, err := f.run(r, job(0)); err != nil {
		t.Fatal(err)
	}
	f.cluster.MoveTopicPartition(topic, 0, 1)
	j := job(0)
	got, err := f.run(r, j)
	if err != nil || got[j].records != 100 {
		t.Fatalf("%+v, %v", got[j], err)
	}
}

// An error that a broker has no name for may pass, wherever it comes.
func TestUnknownError(t *testing.T) {
	for name, fault := range map[string]kfake.Fault{
		"offsets":   {Keys: []kmsg.Key{kmsg.ListOffsets}, Count: 2},
		"leaders":   {Keys: []kmsg.Key{kmsg.Metadata}, Topic: topic},
		"partition": {Keys: []kmsg.Key{kmsg.Fetch}, Count: 2},
		"fetch":     {Keys: []kmsg.Key{kmsg.Fetch}, Count: 2, TopLevel: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, 1)
			f.produce(0, 10, 10)
			h := f.cluster.Fault(fault)
			j := job(0)
			got, err := f.run(f.restorer(false), j)
			if err != nil || got[j].records != 10 || h.Hits() == 0 {
				t.Errorf("%+v after %d errors: %v", got[j], h.Hits(), err)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 100, 200<<10)
	r := f.restorer(false)
	j := job(0)
	r.Add(j)
	r.Remove(j)
	other := &Job{Topic: topic, Until: 5}
	got, err := f.run(r, other)
	if err != nil || got[other].records != 5 {
		t.Fatalf("%+v, %v", got[other], err)
	}
}
