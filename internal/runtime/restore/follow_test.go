package restore

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// followed is what a job without end has told so far.
type followed struct {
	records   int
	next, end int64
	values    map[string]int
	err       error
	done      bool
}

// until takes batches of one job until ok.
func (f *fixture) until(r *Restorer, got *followed, what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		for _, b := range r.Batches() {
			if b.Next < got.next || b.End < b.Next && b.Err == nil {
				f.t.Errorf("next %d and end %d after %d and %d", b.Next, b.End, got.next, got.end)
			}
			got.records += len(b.Records)
			got.next, got.end, got.err, got.done = b.Next, b.End, b.Err, b.Done
			for i := range b.Records {
				got.values[string(b.Records[i].Value)]++
			}
		}
		if ok() {
			return
		}
		select {
		case <-f.ready:
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			f.t.Fatalf("%s: not in time, got %+v", what, *got)
		}
	}
}

func follow(from int64) (*Job, *followed) {
	j := job(from)
	j.Until = Follow
	return j, &followed{values: make(map[string]int)}
}

// A job without end gets what is written, and never what was aborted.
func TestFollow(t *testing.T) {
	f := setup(t, 1)
	r := f.restorer(true)
	j, got := follow(0)
	r.Add(j)
	f.until(r, got, "begin", func() bool { return got.end == 0 })
	f.produce(0, 100, 10)
	f.until(r, got, "what was written", func() bool { return got.records == 100 && got.next == 100 && got.end == 100 })
	f.transact("aborted", 10, abort)
	f.transact("committed", 10, commit)
	f.until(r, got, "what was committed", func() bool { return got.next == 122 })
	if got.values["aborted"] != 0 || got.values["committed"] != 10 {
		t.Errorf("values %v", got.values)
	}
	f.produce(0, 5, 10)
	f.until(r, got, "more", func() bool { return got.records == 115 && got.end == 127 })
	r.Remove(j)
	if got.done || got.err != nil {
		t.Errorf("a job without end ended: %+v", got)
	}
}

// What an open transaction wrote does not count as missing: nobody knows what
// becomes of it.
func TestFollowOpenTransaction(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 10, 10)
	r := f.restorer(true)
	j, got := follow(0)
	r.Add(j)
	f.until(r, got, "what was written", func() bool { return got.next == 10 })
	var end func() error
	f.transact("late", 5, func(cl *kgo.Client) error { end = func() error { return commit(cl) }; return nil })
	f.produce(0, 10, 10)
	time.Sleep(600 * time.Millisecond)
	f.until(r, got, "nothing", func() bool { return true })
	if got.next != 10 || got.values["late"] != 0 {
		t.Errorf("an open transaction was read: %+v", got)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	f.until(r, got, "all", func() bool { return got.next == 26 && got.end == 26 })
	if got.values["late"] != 5 {
		t.Errorf("values %v", got.values)
	}
}

// The changelog ends before the state does: a marker, or the end at a new
// leader, is yet to come. The job waits for it, beside others.
func TestFollowBeyondTheEnd(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 10, 10)
	r := f.restorer(false)
	ahead, got := follow(12)
	r.Add(ahead)
	time.Sleep(3 * restTime / 2)
	f.until(r, got, "nothing", func() bool { return true })
	if got.next != 0 || got.err != nil {
		t.Errorf("a job beyond the end got %+v", got)
	}
	f.produce(0, 5, 10)
	f.until(r, got, "what is beyond", func() bool { return got.records == 3 && got.next == 15 })
}

// The start moves past what the state has.
func TestFollowLost(t *testing.T) {
	f := setup(t, 1)
	f.produce(0, 20, 10)
	f.start(10)
	r := f.restorer(false)
	j, got := follow(5)
	r.Add(j)
	f.until(r, got, "the loss", func() bool { return got.err != nil })
	if !errors.Is(got.err, ErrLost) {
		t.Errorf("error %v", got.err)
	}
	expiring, got := follow(5)
	expiring.Expires = true
	r.Add(expiring)
	f.until(r, got, "the rest", func() bool { return got.records == 10 && got.next == 20 })
}
