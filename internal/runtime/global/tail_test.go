package global

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Compaction may leave nothing before the end of a partition: the client says
// nothing of it, and the load ends all the same.
func TestCompactedTail(t *testing.T) {
	r := setup(t, 2)
	for p := range int32(2) {
		r.produce("facts", p, 1, "a", "b", "c")
	}
	const end = 5
	r.cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.KeepControl()
		q := req.(*kmsg.ListOffsetsRequest)
		resp := q.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, t := range q.Topics {
			rt := kmsg.NewListOffsetsResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewListOffsetsResponseTopicPartition()
				rp.Partition, rp.Offset = p.Partition, 0
				if p.Timestamp == -1 {
					rp.Offset = end
				}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	r.cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.KeepControl()
		q := req.(*kmsg.FetchRequest)
		resp := q.ResponseKind().(*kmsg.FetchResponse)
		if q.SessionEpoch > 0 { // what is asked for shall be in the request
			resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
			return resp, nil, true
		}
		for _, t := range q.Topics {
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				if p.FetchOffset < 3 {
					return nil, nil, false
				}
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.HighWatermark, rp.LastStableOffset = p.Partition, end, end
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		time.Sleep(10 * time.Millisecond)
		return resp, nil, true
	})
	if err := r.load(); err != nil {
		t.Fatal(err)
	}
	if n := r.records(); n != 6 || r.count("a") != 2 {
		t.Errorf("%d records, a %d", n, r.count("a"))
	}
	for _, p := range r.g.Positions() {
		if p.Offset != end {
			t.Errorf("partition %d is at %d", p.Partition, p.Offset)
		}
	}
	if err := r.g.Close(); err != nil {
		t.Fatal(err)
	}
}

// Only what was committed counts, and an aborted tail does not hold the load.
func TestCommitted(t *testing.T) {
	r := setup(t, 1)
	r.c.Committed = true
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.cluster.ListenAddrs()...), kgo.TransactionalID("tx"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	value := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "facts", Key: []byte("a"), Value: value}).FirstErr()
		if err := errors.Join(err, cl.EndTransaction(t.Context(), end)); err != nil {
			t.Fatal(err)
		}
	}
	stop := r.start()
	if n := r.records(); n != 1 || r.count("a") != 1 {
		t.Errorf("%d records, a %d", n, r.count("a"))
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	stop = r.start()
	if n := r.records(); n != 0 || r.count("a") != 1 {
		t.Errorf("after a restart: %d records, a %d", n, r.count("a"))
	}
	stop()
}

// An error that a broker has no name for may pass, at the load and later.
func TestUnknownError(t *testing.T) {
	r := setup(t, 1)
	r.produce("facts", 0, 1, "a")
	load := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}})
	stop := r.start()
	run := r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Count: 2})
	if err := run.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	r.produce("facts", 0, 1, "a")
	r.await("a", 2)
	if load.Hits() == 0 || run.Hits() == 0 {
		t.Errorf("%d and %d errors", load.Hits(), run.Hits())
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Brokers that don't answer are waited for, at the load and later.
func TestBrokerAway(t *testing.T) {
	r := setup(t, 1)
	r.produce("facts", 0, 1, "a")
	away := time.Now().Add(time.Second)
	r.cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.KeepControl()
		return nil, errors.New("away"), time.Now().Before(away)
	})
	stop := r.start()
	if time.Now().Before(away) || r.count("a") != 1 {
		t.Errorf("loaded from a broker that does not answer, a %d", r.count("a"))
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
