package fetch

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

func isUnknown(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// unknown waits until it was told some times that a topic is unknown.
func (r *rig) unknown(times int) {
	r.t.Helper()
	before := len(r.errs)
	r.until("an unknown topic", func() bool { return len(r.errs) >= before+times })
	for _, c := range r.errs[before:] {
		if !isUnknown(c.Err) {
			r.t.Errorf("%s: %v", c.Partition, c.Err)
		}
	}
}

// A topic that is not there is told now and then, and read when it is made.
func TestTopicMadeLater(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{"by id": nil, "by name": {names}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			later := offsets.Partition{Topic: "later"}
			r.start(Config{Wait: 20 * time.Millisecond}, opts...)
			r.set(0, 0, -1)
			began := time.Now()
			r.f.Set(later, 0, -1)
			r.unknown(1)
			if took := time.Since(began); took < 200*time.Millisecond {
				t.Errorf("told after %v", took)
			}
			if err := r.CreateTopic("later", 1, nil); err != nil {
				t.Fatal(err)
			}
			cl := r.client()
			if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "later", Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			r.until("the record", func() bool { return len(r.got[later]) == 1 })
			r.produce(0, 0, 3, 3)
			r.read(0, 3)
		})
	}
}

// While it is paused it is not told: there would be more and more of it.
func TestUnknownWhilePaused(t *testing.T) {
	r := setup(t, 1)
	later := offsets.Partition{Topic: "later"}
	r.start(Config{})
	r.f.Set(later, 0, -1)
	r.f.Pause(later)
	r.quiet(3 * pause)
	r.f.Resume(later)
	r.take()
	if len(r.errs) > 0 {
		t.Error(r.errs)
	}
}

// A partition that was told to be unknown is told when it is there again, though
// nothing is new: who counts the time that it is missing has to know.
func TestKnownAgain(t *testing.T) {
	for name, key := range map[string]kmsg.Key{"to its broker": kmsg.Fetch, "to all": kmsg.Metadata} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			r.produce(0, 0, 5, 5)
			r.start(Config{Wait: 20 * time.Millisecond})
			r.set(0, 0, -1)
			r.read(0, 5)
			faults := []kfake.Fault{{Keys: []kmsg.Key{key}, Topic: topic, Err: kerr.UnknownTopicOrPartition, Count: -1}}
			if key == kmsg.Metadata {
				faults = append(faults, kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, TopLevel: true, Count: -1})
			}
			h := r.Fault(faults...)
			r.unknown(1)
			clear(r.end)
			h.Remove()
			r.read0(0)
			if r.end[part(0)] != 5 {
				t.Errorf("end %d", r.end[part(0)])
			}
		})
	}
}

// Metadata with an error that has no name is asked for again.
func TestLeaderNotTold(t *testing.T) {
	r := setup(t, 1)
	r.produce(0, 0, 5, 5)
	r.start(Config{})
	h := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: topic, Count: 2})
	r.set(0, 0, -1)
	r.read(0, 5)
	if h.Hits() == 0 || len(r.errs) > 0 {
		t.Errorf("%d errors, told %v", h.Hits(), r.errs)
	}
}

// A topic can be there without the partition.
func TestNoSuchPartition(t *testing.T) {
	r := setup(t, 1)
	r.start(Config{})
	r.f.Set(part(7), 0, -1)
	r.unknown(1)
	for _, c := range r.errs {
		if c.Partition != part(7) {
			t.Error(c.Partition)
		}
	}
}

// A topic that was made anew under its name is another one, and not read.
func TestTopicMadeAnew(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{"by id": nil, "by name": {names}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 3)
			r.start(Config{Wait: 20 * time.Millisecond}, opts...)
			r.produce(0, 0, 5, 5)
			r.set(0, 0, -1)
			r.set(1, 0, -1)
			r.read(0, 5)
			if err := r.DeleteTopic(topic); err != nil {
				t.Fatal(err)
			}
			r.unknown(1)
			if err := r.CreateTopic(topic, 3, nil); err != nil {
				t.Fatal(err)
			}
			r.producer = nil // it knows the old one
			r.produce(0, 100, 10, 5)
			r.produce(1, 100, 10, 5)
			time.Sleep(4 * pause) // for some tries
			r.take()
			r.complete(0, 0, 5)
			r.complete(1, 0, 0)
			r.f.Remove(part(0))
			r.set(0, 0, -1) // as what it is now
			r.read(0, 10)
			if got := r.said[part(0)][5:]; len(got) != 10 || got[0] != "0/100" {
				t.Error(got)
			}
		})
	}
}

// Between two looks: only the brokers know that the topic is another one.
func TestTopicMadeAnewAtOnce(t *testing.T) {
	r := setup(t, 1)
	r.start(Config{Wait: 20 * time.Millisecond})
	r.produce(0, 0, 5, 5)
	r.set(0, 0, -1)
	r.read(0, 5)
	if err := r.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	if err := r.CreateTopic(topic, 1, nil); err != nil {
		t.Fatal(err)
	}
	r.producer = nil // it knows the old one
	r.produce(0, 100, 10, 5)
	r.unknown(1)
	r.complete(0, 0, 5)
}

// What we may not describe is told once.
func TestTopicDenied(t *testing.T) {
	r := setup(t, 1)
	r.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.MetadataRequest)
		if len(req.Topics) == 0 {
			return nil, nil, false
		}
		r.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewMetadataResponseTopic()
			rt.Topic, rt.ErrorCode = t.Topic, kerr.TopicAuthorizationFailed.Code
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.until("the error", func() bool { return len(r.errs) > 0 })
	if r.errs[0].Err != kerr.TopicAuthorizationFailed {
		t.Error(r.errs[0].Err)
	}
	r.quiet(pause)
}
