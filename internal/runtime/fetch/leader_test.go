package fetch

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The leader moves to and fro while records are written.
func TestLeaderMoves(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{"with hints": nil, "without": {names}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 3)
			r.start(Config{Wait: 50 * time.Millisecond}, opts...)
			for n := range int32(3) {
				r.set(n, 0, -1)
			}
			for i := range 6 {
				for n := range int32(3) {
					r.produce(n, 10*i, 10, 3)
					if i%2 == 0 {
						r.read(n, int64(10*i+5))
					}
					r.move(n, int32(i+1)%2)
				}
			}
			for n := range int32(3) {
				r.read(n, 60)
				r.complete(n, 0, 60)
			}
		})
	}
}

// A hint that leads to a broker that the client has not heard of.
func TestLeaderMovesToNewBroker(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{"with hints": nil, "without": {names}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			r.start(Config{Wait: 50 * time.Millisecond}, opts...)
			r.produce(0, 0, 5, 5)
			r.set(0, 0, -1)
			r.read(0, 5)
			if _, _, err := r.AddNode(9, 0); err != nil {
				t.Fatal(err)
			}
			r.move(0, 9)
			r.produce(0, 5, 5, 5)
			r.read(0, 10)
			r.complete(0, 0, 10)
		})
	}
}

// refuse answers some of the fetches with an error for each partition.
func refuse(code int16, when func(asked) bool) func(asked) kmsg.Response {
	return func(a asked) kmsg.Response {
		if len(a.offsets()) == 0 || !when(a) {
			return nil
		}
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			rp.ErrorCode, rp.HighWatermark, rp.LastStableOffset = code, -1, -1
		})
	}
}

// Errors that pass are not told, and are not met with a storm of requests.
func TestErrorsThatPass(t *testing.T) {
	codes := []int16{-1}
	for code := range int16(200) {
		if err := kerr.ErrorForCode(code); code > 0 && kerr.IsRetriable(err) {
			codes = append(codes, code)
		}
	}
	if len(codes) < 30 {
		t.Fatal(len(codes))
	}
	r := setup(t, 1)
	r.start(Config{Wait: 20 * time.Millisecond})
	for i, code := range codes {
		r.produce(0, i, 1, 1)
		if i == 0 {
			r.set(0, 0, -1)
		} else {
			r.set(0, int64(i), -1) // forgets what had failed
		}
		left := 2
		r.answerBy(refuse(code, func(asked) bool { left--; return left >= 0 }))
		r.read(0, int64(i+1))
	}
	r.complete(0, 0, len(codes))
	if len(r.errs) > 0 {
		t.Error(r.errs)
	}
}

func TestBackoff(t *testing.T) {
	for name, reply := range map[string]func(asked) kmsg.Response{
		"partition": refuse(kerr.NotLeaderForPartition.Code, func(asked) bool { return true }),
		"storage":   refuse(kerr.KafkaStorageError.Code, func(asked) bool { return true }),
		"unknown":   refuse(kerr.UnknownTopicID.Code, func(asked) bool { return true }),
		"request": func(a asked) kmsg.Response {
			resp := a.ResponseKind().(*kmsg.FetchResponse)
			resp.ErrorCode = kerr.UnknownServerError.Code
			return resp
		},
		"connection": func(asked) kmsg.Response { return hangUp },
		"replica": func(a asked) kmsg.Response {
			return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) { rp.PreferredReadReplica = 77 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			r.produce(0, 0, 5, 5)
			r.answerBy(reply)
			looked := 0
			r.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) { looked++; return nil, nil, false })
			r.start(Config{})
			r.set(0, 0, -1)
			time.Sleep(2 * pause)
			// 20+40+80+160+320 ms
			if n := len(r.requests()); n < 3 || n > 10 {
				t.Errorf("%d requests", n)
			}
			r.answerBy(nil)
			r.read(0, 5)
			r.complete(0, 0, 5)
			if looked < 2 || looked > 20 {
				t.Errorf("leaders were looked for %d times", looked)
			}
		})
	}
}

// Errors that don't pass are told once, and end the reading until Set.
func TestErrorsThatStay(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.OffsetOutOfRange, kerr.TopicAuthorizationFailed, kerr.UnsupportedCompressionType} {
		t.Run(code.Message, func(t *testing.T) {
			r := setup(t, 3)
			r.answerBy(refuse(code.Code, func(a asked) bool { _, ok := a.offsets()[0]; return ok && len(a.offsets()) == 1 }))
			r.start(Config{Wait: 20 * time.Millisecond})
			r.produce(0, 0, 5, 5)
			r.set(0, 0, -1)
			r.until("the error", func() bool { return len(r.errs) > 0 })
			if c := r.errs[0]; c.Partition != part(0) || c.Err != code || c.From != 0 || c.Next != 0 {
				t.Errorf("%+v", c)
			}
			r.requests()
			r.quiet(pause)
			if n := len(r.requests()); n > 0 {
				t.Errorf("%d requests", n)
			}
			r.answerBy(nil)
			r.set(2, 0, -1)
			r.produce(2, 0, 3, 3)
			r.read(2, 3) // another one is read
			r.set(0, 2, -1)
			r.read(0, 5)
			r.complete(0, 2, 5)
		})
	}
}

// A broker that is gone for a while.
func TestBrokerGone(t *testing.T) {
	r := setup(t, 2)
	r.start(Config{Wait: 20 * time.Millisecond})
	r.set(0, 0, -1)
	r.set(1, 0, -1)
	r.produce(0, 0, 5, 5)
	r.produce(1, 0, 5, 5)
	r.read(0, 5)
	r.read(1, 5)
	h := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.LeaderNotAvailable, Count: 3})
	r.answerBy(func(a asked) kmsg.Response {
		if a.node == 0 {
			return hangUp
		}
		return nil
	})
	r.produce(1, 5, 5, 5)
	r.read(1, 10) // the other one goes on
	h.Remove()
	r.answerBy(nil)
	r.produce(0, 5, 5, 5)
	r.read(0, 10)
	r.complete(0, 0, 10)
	r.complete(1, 0, 10)
	if len(r.errs) > 0 {
		t.Error(fmt.Sprint(r.errs))
	}
}
