package fetch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// checks counts the questions for epochs, and answers those that it can.
func (r *rig) checks(reply func(epoch, leader int32, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) bool) func() int {
	n := 0
	r.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		r.KeepControl()
		r.mu.Lock()
		n++
		r.mu.Unlock()
		req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		all := reply != nil
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				rp.Partition = p.Partition
				all = all && reply(p.LeaderEpoch, p.CurrentLeaderEpoch, &rp)
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, all
	})
	return func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return n
	}
}

// After a change of the leader the log is looked at before it is read on.
func TestChecksAfterMove(t *testing.T) {
	r := setup(t, 1)
	checks := r.checks(nil)
	r.start(Config{Wait: 20 * time.Millisecond})
	r.produce(0, 0, 5, 5)
	r.set(0, 0, -1)
	r.read(0, 5)
	if checks() != 0 {
		t.Error("the log was looked at without a cause")
	}
	for i := range 3 {
		r.move(0, int32(i+1)%2)
		r.produce(0, 5*(i+1), 5, 5)
		r.read(0, int64(5*(i+2)))
		if n := checks(); n != i+1 {
			t.Errorf("after %d moves the log was looked at %d times", i+1, n)
		}
	}
	r.complete(0, 0, 20)
}

// A position of a commit is looked at too.
func TestChecksAfterSet(t *testing.T) {
	r := setup(t, 1)
	epoch := r.PartitionInfo(topic, 0).Epoch
	checks := r.checks(nil)
	r.start(Config{})
	r.produce(0, 0, 5, 5)
	r.set(0, 3, epoch)
	r.read(0, 5)
	r.complete(0, 3, 5)
	if n := checks(); n != 1 {
		t.Errorf("the log was looked at %d times", n)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		end  int64
		told string
	}{
		{3, "the log was cut at offset 3, records had been read up to 5"},
		{0, "the log was cut at offset 0, records had been read up to 5"},
		{5, ""}, {9, ""}, {-1, ""},
	} {
		t.Run(fmt.Sprint(c.end), func(t *testing.T) {
			r := setup(t, 1)
			r.checks(func(_, leader int32, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) bool {
				rp.EndOffset, rp.LeaderEpoch = c.end, leader
				return true
			})
			r.start(Config{Wait: 20 * time.Millisecond})
			r.produce(0, 0, 5, 5)
			r.set(0, 0, -1)
			r.read(0, 5)
			r.move(0, 1)
			r.produce(0, 5, 5, 5)
			if c.told == "" {
				r.read(0, 10)
				r.complete(0, 0, 10)
				return
			}
			r.until("the error", func() bool { return len(r.errs) > 0 })
			cut, ok := errors.AsType[*Cut](r.errs[0].Err)
			if !ok || cut.From != 5 || cut.To != c.end || cut.Error() != c.told || r.errs[0].Next != 5 {
				t.Errorf("%+v", r.errs[0])
			}
			r.quiet(100 * time.Millisecond)
			r.set(0, 5, -1)
			r.read(0, 10)
			r.complete(0, 0, 10)
		})
	}
}

// Errors of the question are met by asking again, and others by giving up.
func TestCheckErrors(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.UnknownTopicOrPartition, kerr.UnknownServerError,
		kerr.TopicAuthorizationFailed,
	} {
		t.Run(code.Message, func(t *testing.T) {
			r := setup(t, 1)
			left := 3
			checks := r.checks(func(_, leader int32, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) bool {
				left--
				rp.ErrorCode = code.Code
				return left >= 0
			})
			r.start(Config{Wait: 20 * time.Millisecond})
			r.produce(0, 0, 5, 5)
			r.set(0, 5, r.PartitionInfo(topic, 0).Epoch)
			r.produce(0, 5, 5, 5)
			if code == kerr.TopicAuthorizationFailed {
				r.until("the error", func() bool { return len(r.errs) > 0 })
				if r.errs[0].Err != code || checks() != 1 {
					t.Error(r.errs, checks())
				}
				return
			}
			r.read(0, 10)
			r.complete(0, 5, 10)
			if checks() != 4 || len(r.errs) > 0 {
				t.Error(checks(), r.errs)
			}
		})
	}
}

// A leader that does not answer for the partition is asked again, in good time.
func TestCheckUnanswered(t *testing.T) {
	r := setup(t, 1)
	left := 4
	checks := r.checks(func(_, _ int32, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) bool {
		rp.Partition = 99
		left--
		return left >= 0
	})
	r.start(Config{Wait: 20 * time.Millisecond})
	r.produce(0, 0, 5, 5)
	began := time.Now()
	r.set(0, 0, r.PartitionInfo(topic, 0).Epoch)
	r.read(0, 5)
	if took := time.Since(began); checks() != 5 || took < 200*time.Millisecond {
		t.Error(checks(), took)
	}
}

// The epoch goes on with what is left out: else the log would seem to be cut
// where the last record for the application was.
func TestEpochOfWhatIsLeftOut(t *testing.T) {
	r := setup(t, 1)
	var epochs []int32
	r.checks(func(epoch, leader int32, rp *kmsg.OffsetForLeaderEpochResponseTopicPartition) bool {
		epochs = append(epochs, epoch)
		rp.LeaderEpoch, rp.EndOffset = epoch, 12
		if epoch < 7 {
			rp.EndOffset = 10
		}
		return true
	})
	r.answerBy(func(a asked) kmsg.Response {
		time.Sleep(5 * time.Millisecond)
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			switch rp.HighWatermark = 12; a.offsets()[0] {
			case 0:
				rp.RecordBatches = made(0, 9, 6, 0, 0, 9)
			case 10:
				rp.RecordBatches = made(10, 1, 7, 0) // emptied
			case 12:
				if len(epochs) == 0 {
					rp.ErrorCode = kerr.FencedLeaderEpoch.Code
				}
			}
		})
	})
	r.start(Config{Wait: 20 * time.Millisecond})
	r.set(0, 0, -1)
	r.read(0, 12)
	r.move(0, 0) // another epoch
	r.quiet(pause)
	if len(epochs) != 1 || epochs[0] != 7 || len(r.errs) > 0 {
		t.Error(epochs, r.errs)
	}
}
