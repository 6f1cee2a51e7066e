package fetch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// late holds back the answers of broker 0 until they are let go.
type late struct {
	asked chan asked
	let   chan struct{}
}

// delay lets the next fetches of partition 0 at broker 0 wait after they were
// answered in our mind: with what there was at the offset that was asked for.
func (r *rig) delay() *late {
	l := &late{asked: make(chan asked, 100), let: make(chan struct{})}
	r.answerBy(func(a asked) kmsg.Response {
		at, named := a.offsets()[0]
		if a.node != 0 || !named {
			time.Sleep(time.Millisecond)
			return a.answer(0, func(*kmsg.FetchResponseTopicPartition) {})
		}
		select {
		case l.asked <- a:
		default:
		}
		r.SleepControl(func() { <-l.let })
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			if rp.HighWatermark = 1000; rp.Partition == 0 {
				rp.RecordBatches = made(at, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
			}
		})
	})
	return l
}

// Answers to what was asked before a move never come out.
func TestMovesWhileAsked(t *testing.T) {
	for name, move := range map[string]func(*rig){
		"set":            func(r *rig) { r.set(0, 500, -1) },
		"set twice":      func(r *rig) { r.set(0, 700, -1); r.set(0, 500, -1) },
		"set to same":    func(r *rig) { r.set(0, 700, -1); r.set(0, 0, -1) },
		"remove":         func(r *rig) { r.f.Remove(part(0)) },
		"remove and set": func(r *rig) { r.f.Remove(part(0)); r.set(0, 500, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			l := r.delay()
			r.start(Config{})
			r.set(0, 0, -1)
			<-l.asked
			move(r)
			from := r.next[part(0)]
			close(l.let)
			if name == "remove" {
				r.quiet(100 * time.Millisecond)
				return
			}
			r.read(0, from+10)
			if got := r.got[part(0)][:10]; got[0] != from || got[9] != from+9 {
				t.Error(got)
			}
		})
	}
}

// What came and was not taken yet is not handed out after a move either.
func TestMovesWhileReady(t *testing.T) {
	r := setup(t, 1)
	l := r.delay()
	close(l.let)
	r.start(Config{})
	r.set(0, 0, -1)
	<-r.ring
	r.set(0, 500, -1)
	r.read(0, 510)
	r.f.Pause(part(0))
	time.Sleep(50 * time.Millisecond)
	r.take() // is held
	at := r.next[part(0)]
	r.set(0, 800, -1)
	r.f.Resume(part(0))
	r.read(0, 810)
	for i, o := range r.got[part(0)] {
		if want := 500 + int64(i); o != want && o != 800+want-at {
			t.Fatal(r.got)
		}
	}
}

// What comes while a partition is paused is held, and comes after Resume.
func TestPauseHolds(t *testing.T) {
	r := setup(t, 1)
	l := r.delay()
	r.start(Config{})
	r.set(0, 0, -1)
	<-l.asked
	r.f.Pause(part(0))
	close(l.let)
	<-r.ring
	r.quiet(100 * time.Millisecond)
	r.f.Pause(part(0))
	if n := len(r.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	r.f.Resume(part(0))
	r.f.Resume(part(0))
	r.take()
	if r.next[part(0)] < 10 {
		t.Fatal("what was held does not come at once")
	}
	r.read(0, 30)
	for i, o := range r.got[part(0)] {
		if o != int64(i) {
			t.Fatal(r.got)
		}
	}
}

// Held chunks stay in order if they are resumed and paused in between.
func TestPauseOrder(t *testing.T) {
	r := setup(t, 1)
	l := r.delay()
	r.start(Config{})
	r.set(0, 0, -1)
	<-l.asked
	r.f.Pause(part(0))
	l.let <- struct{}{}
	<-r.ring
	r.take() // is held
	r.f.Resume(part(0))
	<-l.asked // for what follows
	r.f.Pause(part(0))
	r.take() // is held again
	l.let <- struct{}{}
	time.Sleep(50 * time.Millisecond)
	r.f.Resume(part(0)) // one is held, one ready
	r.take()            // checks the order
	if r.next[part(0)] != 20 {
		t.Error(r.next)
	}
	close(l.let)
}

// Whatever is called, what comes of a partition goes on where the last of it
// ended or it was set, and nothing comes while it is paused or removed.
func TestAnyOrder(t *testing.T) {
	const partitions, records = 4, 300
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			r := setup(t, partitions)
			for n := range int32(partitions) {
				r.produce(n, 0, records, 5)
			}
			r.start(Config{AnswerBytes: 400, PartitionBytes: 150, Wait: 10 * time.Millisecond})
			paused, removed := make([]bool, partitions), make([]bool, partitions)
			start := make([]int64, partitions)
			for n := range int32(partitions) {
				r.set(n, 0, -1)
			}
			for range 400 {
				n := rnd.Int32N(partitions)
				switch rnd.IntN(20) {
				case 0:
					start[n] = rnd.Int64N(records)
					paused[n] = paused[n] && !removed[n]
					removed[n] = false
					r.set(n, start[n], -1)
					delete(r.got, part(n))
				case 1:
					r.f.Remove(part(n))
					removed[n] = true
				case 2, 3, 4, 5:
					r.f.Pause(part(n))
					paused[n] = !removed[n] || paused[n]
				case 6, 7, 8, 9, 10:
					r.f.Resume(part(n))
					paused[n] = false
				case 11:
					if rnd.IntN(4) == 0 {
						r.move(n, rnd.Int32N(2))
					}
				case 12, 13:
					time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
				default:
					before := make(map[int32]int64)
					for n := range int32(partitions) {
						before[n] = r.next[part(n)]
					}
					r.take()
					for n := range int32(partitions) {
						if (paused[n] || removed[n]) && r.next[part(n)] != before[n] {
							t.Fatalf("partition %d is at rest, and comes up to %d", n, r.next[part(n)])
						}
					}
				}
			}
			for n := range int32(partitions) {
				if removed[n] {
					continue
				}
				r.f.Resume(part(n))
				r.read(n, records)
				for i, o := range r.got[part(n)] {
					if o != start[n]+int64(i) {
						t.Fatalf("partition %d from %d: %v", n, start[n], r.got[part(n)])
					}
				}
				if len(r.got[part(n)]) != int(records-start[n]) {
					t.Errorf("partition %d from %d: %d records", n, start[n], len(r.got[part(n)]))
				}
			}
			if len(r.errs) > 0 {
				t.Error(r.errs)
			}
		})
	}
}

// Nothing keeps Close: no broker that hangs, and no answer that waits.
func TestClose(t *testing.T) {
	r := setup(t, 2)
	l := r.delay()
	r.start(Config{})
	r.set(0, 0, -1)
	r.set(1, 0, -1)
	<-l.asked
	r.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.KeepControl()
		return nil, nil, true // never answered
	})
	r.f.Set(part(5), 0, -1)
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	r.f.Close()
	if took := time.Since(began); took > 200*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	r.f.Close()
	r.f.Set(part(0), 5, -1)
	r.f.Resume(part(0))
	if got := r.f.Take(); len(got) > 0 {
		t.Error(got)
	}
	r.f.Remove(part(0))
	close(l.let)
}
