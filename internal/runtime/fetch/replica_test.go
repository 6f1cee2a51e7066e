package fetch

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// prefer lets broker 0 send readers of its partition to broker 1, which answers
// with an error as long as that is told.
func (r *rig) prefer(code func() int16) {
	r.SetFollowers(topic, 0, []int32{1})
	r.answerBy(func(a asked) kmsg.Response {
		if len(a.offsets()) == 0 {
			return nil
		}
		if a.node == 0 {
			return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) { rp.PreferredReadReplica = 1 })
		}
		if c := code(); c != 0 {
			return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) { rp.ErrorCode, rp.HighWatermark = c, -1 })
		}
		return nil
	})
}

func TestPreferredReplica(t *testing.T) {
	r := setup(t, 1)
	r.prefer(func() int16 { return 0 })
	r.start(Config{Wait: 20 * time.Millisecond}, kgo.Rack("here"))
	r.produce(0, 0, 5, 5)
	r.set(0, 0, -1)
	r.read(0, 5)
	r.produce(0, 5, 5, 5)
	r.read(0, 10)
	r.complete(0, 0, 10)
	toLeader := 0
	for _, a := range r.requests() {
		if a.node == 0 {
			toLeader++
		}
		if a.Rack != "here" {
			t.Errorf("rack %q", a.Rack)
		}
	}
	if toLeader != 1 {
		t.Errorf("the leader was asked %d times", toLeader)
	}
}

// After errors of the replica, out of range among them, the leader is asked.
func TestReplicaFails(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.OffsetOutOfRange, kerr.OffsetNotAvailable, kerr.NotLeaderForPartition, kerr.UnknownTopicID, kerr.UnknownLeaderEpoch, kerr.ReplicaNotAvailable,
	} {
		t.Run(code.Message, func(t *testing.T) {
			r := setup(t, 1)
			left := 4
			r.prefer(func() int16 {
				if left--; left == 2 || left == 1 {
					return code.Code
				}
				return 0
			})
			r.start(Config{Wait: 20 * time.Millisecond})
			r.produce(0, 0, 5, 5)
			r.set(0, 0, -1)
			r.read(0, 5)
			r.produce(0, 5, 5, 5)
			r.read(0, 10)
			r.complete(0, 0, 10)
			toLeader := 0
			for _, a := range r.requests() {
				if a.node == 0 {
					toLeader++
				}
			}
			if toLeader < 2 || len(r.errs) > 0 {
				t.Error(toLeader, r.errs)
			}
		})
	}
}

// The leader is asked again now and then.
func TestReplicaRecheck(t *testing.T) {
	now := time.Now()
	p := partition{leader: 3, replica: 5, recheck: now.Add(time.Minute)}
	if got := p.from(now); got != 5 {
		t.Errorf("asks %d", got)
	}
	if got := p.from(now.Add(2 * time.Minute)); got != 3 {
		t.Errorf("asks %d", got)
	}
	if got := p.from(now); got != 3 {
		t.Errorf("asks %d", got)
	}
}

// Out of range at the leader, at both ends.
func TestOutOfRange(t *testing.T) {
	r := setup(t, 1)
	r.produce(0, 0, 10, 2)
	if err := r.DeleteRecords(topic, 0, 4); err != nil {
		t.Fatal(err)
	}
	r.start(Config{Wait: 20 * time.Millisecond})
	for i, at := range []int64{2, 11} {
		r.set(0, at, -1)
		r.until("the error", func() bool { return len(r.errs) > i })
		if c := r.errs[i]; c.Err != kerr.OffsetOutOfRange || c.From != at {
			t.Errorf("%+v: %v", c, c.Err)
		}
		r.quiet(50 * time.Millisecond)
	}
	r.set(0, 4, -1)
	r.read(0, 10)
	r.complete(0, 4, 10)
}
