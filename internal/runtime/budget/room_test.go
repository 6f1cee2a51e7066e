package budget

import (
	"runtime"
	"testing"
	"time"
)

// Real collections are none of the two tests that say themselves when there is one:
// a room that follows them already waits for no other.
func TestRoom(t *testing.T) {
	others, h := int64(0), heap{}
	r := &room{workers: make(map[*Budget]int), heap: func() heap { return h }, now: func() time.Time { return time.Unix(0, 0) }, last: time.Unix(0, 0), level: 100, follows: true}
	collect := func() { h = heap{h.collections + 1, others + int64(len(r.kept))*chunkBytes} }
	large, small := New(10*floorParts*chunkBytes, 2, nil), New(5*floorParts*chunkBytes, 1, nil)
	for _, step := range []struct {
		what   string
		do     func()
		chunks int
	}{
		{"an app begins", func() { r.enter(large, 1) }, 10},
		{"it holds something", func() { others = 3*chunkBytes + 1; collect() }, 6},
		{"no collection since", func() { others = 9 * chunkBytes }, 6},
		{"a little less", func() { others = 2 * chunkBytes; collect() }, 6},
		{"much less", func() { others = 0; collect() }, 10},
		{"another worker, and a smaller app", func() { r.enter(large, 1); r.enter(small, 1) }, 10},
		{"one worker ends", func() { r.enter(large, -1) }, 10},
		{"the large app ends", func() { r.enter(large, -1) }, 5},
		{"more than enough is held", func() { others = 20 * chunkBytes; collect() }, 0},
		{"the last one ends", func() { others = 0; r.enter(small, -1); collect() }, 0},
	} {
		step.do()
		r.pace()
		r.adjust()
		if len(r.kept) != step.chunks {
			t.Errorf("%s: %d chunks, want %d", step.what, len(r.kept), step.chunks)
		}
	}
}

// An app whose collector runs seldom gets none, and one in a hurry all at once.
func TestRoomFollowsPace(t *testing.T) {
	now, h := time.Unix(0, 0), heap{}
	r := &room{workers: make(map[*Budget]int), heap: func() heap { return h }, now: func() time.Time { return now }, follows: true}
	r.enter(New(10*floorParts*chunkBytes, 1, nil), 1)
	for _, step := range []struct {
		after  time.Duration
		chunks []int // after each of some collections
	}{
		{2 * time.Second, []int{0, 0, 0}},
		{10 * time.Millisecond, []int{1, 4, 10, 10}},
		{time.Second, []int{10, 10}},
		{10 * time.Second, []int{5, 2, 1, 0, 0}},
	} {
		for i, want := range step.chunks {
			now = now.Add(step.after)
			h = heap{h.collections + 1, int64(len(r.kept)) * chunkBytes}
			r.pace()
			r.adjust()
			if len(r.kept) != want {
				t.Errorf("collection %d after %s: %d chunks, want %d", i, step.after, len(r.kept), want)
			}
		}
	}
}

func (r *room) chunks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept)
}

// What is kept counts for the collector.
func TestRoomOfProcess(t *testing.T) {
	runtime.GC()
	b := New(1<<30, 1, nil)
	b.Enter()
	for began, least := time.Now(), b.total/floorParts-3*chunkBytes; readHeap().live < least; runtime.GC() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d bytes live, want %d at least", readHeap().live, least)
		}
	}
	held := make([][]byte, 0, 2*floorParts)
	for range cap(held) {
		held = append(held, make([]byte, b.total/floorParts/10))
	}
	for began := time.Now(); process.chunks() > 0; runtime.GC() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d chunks are kept beside as much as there should be room", process.chunks())
		}
	}
	runtime.KeepAlive(held)
	b.Leave()
	if n := process.chunks(); n != 0 {
		t.Errorf("%d chunks are kept after the end", n)
	}
}
