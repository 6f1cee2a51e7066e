package fetch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// what tells the epoch of the session, and what changes with the request.
func (a asked) what() string {
	s := fmt.Sprint(a.SessionEpoch, a.offsets())
	for _, t := range a.ForgottenTopics {
		s += fmt.Sprint(" not ", t.Partitions)
	}
	return s
}

// nextRequest waits for a request in which something is told, or nothing: after
// it, only requests that tell nothing may come before it.
func (r *rig) nextRequest(want string) {
	r.t.Helper()
	r.until("the request "+want, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for len(r.log) > 0 {
			_, got, _ := strings.Cut(r.log[0].what(), "map")
			r.log = r.log[1:]
			if got == want {
				return true
			}
			if got != "[]" {
				r.t.Fatalf("a request of %s, want %s", got, want)
			}
		}
		return false
	})
}

func TestSession(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{"by id": nil, "by name": {names}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 5)
			r.start(Config{Wait: 30 * time.Millisecond}, opts...)
			for _, n := range []int32{0, 2, 4} {
				r.f.Pause(part(n)) // of nothing yet
				r.set(n, 0, -1)
			}
			r.until("all in a session", func() bool { a := r.last(); return a.SessionEpoch > 0 && len(a.offsets()) == 0 })
			r.requests()
			r.produce(2, 0, 1, 1)
			r.nextRequest("[2:1]")
			r.nextRequest("[]")
			r.f.Pause(part(0))
			r.nextRequest("[] not [0]")
			r.nextRequest("[]")
			r.f.Resume(part(0))
			r.nextRequest("[0:0]")
			r.f.Remove(part(4))
			r.nextRequest("[] not [4]")
			r.nextRequest("[]")
			r.produce(4, 0, 3, 3) // is not read
			r.produce(0, 0, 3, 3)
			r.read(0, 3)
			r.complete(2, 0, 1)
			if len(r.got[part(4)]) > 0 {
				t.Error("what was removed is read")
			}
		})
	}
}

// last is the last request so far.
func (r *rig) last() asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.log) == 0 {
		return asked{FetchRequest: new(kmsg.FetchRequest)}
	}
	return r.log[len(r.log)-1]
}

// After Set the end is told again, though nothing happened there.
func TestEndAfterSet(t *testing.T) {
	r := setup(t, 3)
	r.produce(0, 0, 3, 3)
	r.start(Config{Wait: 100 * time.Millisecond})
	r.set(0, 0, -1)
	r.set(2, 0, -1)
	for _, again := range []func(){
		func() {}, func() { r.set(0, 3, -1) }, func() { r.f.Remove(part(0)); r.set(0, 3, -1) }, func() { r.set(0, 2, -1) },
	} {
		again()
		delete(r.end, part(0))
		r.read0(0)
		if r.end[part(0)] != 3 {
			t.Error(r.end)
		}
		r.read(0, 3)
		time.Sleep(20 * time.Millisecond) // there is a request under way
	}
}

// A session that is lost begins anew, and nothing is lost with it.
func TestSessionLost(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.FetchSessionIDNotFound, kerr.InvalidFetchSessionEpoch, kerr.FetchSessionTopicIDError, kerr.InconsistentTopicID, kerr.UnknownServerError,
	} {
		t.Run(code.Message, func(t *testing.T) {
			r := setup(t, 3)
			count := 0
			r.answerBy(func(a asked) kmsg.Response {
				if count++; a.SessionEpoch > 0 && count%3 == 0 {
					resp := a.ResponseKind().(*kmsg.FetchResponse)
					resp.ErrorCode = code.Code
					return resp
				}
				return nil
			})
			r.start(Config{Wait: 10 * time.Millisecond, AnswerBytes: 1})
			r.produce(0, 0, 20, 2)
			r.produce(2, 0, 20, 2)
			r.set(0, 0, -1)
			r.set(2, 0, -1)
			r.read(0, 20)
			r.read(2, 20)
			r.complete(0, 0, 20)
			r.complete(2, 0, 20)
			again := 0
			for i, a := range r.requests() {
				if i > 0 && a.SessionEpoch == 0 {
					again++
					if a.SessionID == 0 {
						t.Error("the broker is not told which session is given up")
					}
				}
			}
			if again == 0 {
				t.Error("no session began anew")
			}
		})
	}
}

// Without a session each request names all.
func TestNoSession(t *testing.T) {
	r := setup(t, 3)
	r.answerBy(func(a asked) kmsg.Response {
		time.Sleep(5 * time.Millisecond)
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			if at := a.offsets()[rp.Partition]; at < 8 {
				rp.RecordBatches = made(at, 1, 0, 0, 0, 1)
			}
			rp.HighWatermark = 8
		})
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.set(2, 0, -1)
	r.read(0, 8)
	r.read(2, 8)
	r.quiet(20 * time.Millisecond)
	for i, a := range r.requests() {
		if i > 1 && (a.SessionID != 0 || a.SessionEpoch != 0 || len(a.offsets()) != 2) {
			t.Errorf("request %d: session %d epoch %d: %v", i, a.SessionID, a.SessionEpoch, a.offsets())
		}
	}
	if got := fmt.Sprint(r.got[part(2)]); got != "[0 1 2 3 4 5 6 7]" {
		t.Error(got)
	}
}

// A broker that refuses to begin a session is asked without.
func TestSessionRefused(t *testing.T) {
	r := setup(t, 1)
	r.answerBy(func(a asked) kmsg.Response {
		if a.SessionEpoch == -1 {
			return nil
		}
		resp := a.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = kerr.FetchSessionIDNotFound.Code
		return resp
	})
	r.start(Config{})
	r.produce(0, 0, 3, 1)
	r.set(0, 0, -1)
	r.read(0, 3)
	r.produce(0, 3, 3, 1)
	r.read(0, 6)
	r.complete(0, 0, 6)
	if n := len(r.requests()); n > 10 {
		t.Errorf("%d requests", n)
	}
}

func TestSessionEpoch(t *testing.T) {
	s := session{id: 5, epoch: 1<<31 - 1}
	for _, c := range []struct{ told, id, epoch int32 }{{5, 5, 1}, {5, 5, 2}, {6, 6, 1}, {6, 6, 2}, {0, 0, 0}, {6, 6, 1}} {
		s.answered(&kmsg.FetchResponse{SessionID: c.told})
		if s.id != c.id || s.epoch != c.epoch {
			t.Errorf("%+v, want %+v", s, c)
		}
	}
}

// A partition that a broker tells twice counts once.
func TestToldTwice(t *testing.T) {
	r := setup(t, 1)
	r.answerBy(func(a asked) kmsg.Response {
		resp := a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			if rp.HighWatermark = 6; a.offsets()[0] < 6 {
				rp.RecordBatches = made(a.offsets()[0], 1, 0, 0, 0, 1)
			}
		})
		more := a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			rp.HighWatermark, rp.RecordBatches = 7, made(a.offsets()[0], 2, 0, 0, 0, 1, 2)
		})
		resp.Topics = append(resp.Topics, more.Topics...)
		return resp
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.read(0, 6)
	if got := fmt.Sprint(r.got[part(0)]); got != "[0 1 2 3 4 5]" {
		t.Error(got)
	}
}
