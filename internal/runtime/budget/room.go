package budget

import (
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

// The garbage collector runs when the heap has doubled (with GOGC=100): the less
// an app holds, the more often. An app that holds next to nothing and passes a
// million records a second on would spend a fifth of its time on that, far from
// the memory that it may use. So what it holds is filled up, to a tenth of the
// budget, by memory that nobody touches. It has addresses and no pages: it costs
// nothing but the room that the collector is given. How much of that there is
// follows the collector: more of it while it runs often, half of it while it runs seldom, so
// that an app that has little to do stays small.

const (
	floorParts = 10      // of the budget
	chunkBytes = 8 << 20 // that are filled in or left out at a time

	// Times between two collections.
	often, seldom = 250 * time.Millisecond, 4 * time.Second
)

// room is what fills the heap up, for all apps of the process, as they have one
// collector.
type room struct {
	mu      sync.Mutex
	workers map[*Budget]int // that run
	kept    []*strings.Builder
	changed uint64 // the collection before which it was adjusted last
	follows bool   // it is adjusted after the next collection
	heap    func() heap
	now     func() time.Time
	last    time.Time // when the last collection was
	level   int       // chunks that the collector is worth for how often it runs
}

// heap is what the collector tells.
type heap struct {
	collections uint64
	live        int64 // that the last one found
}

var process = &room{workers: make(map[*Budget]int), heap: readHeap, now: time.Now}

// Enter gives the garbage collector room while a worker runs, until Leave.
func (b *Budget) Enter() { process.enter(b, 1) }

// Leave is called when a worker has ended.
func (b *Budget) Leave() { process.enter(b, -1) }

func (r *room) enter(b *Budget, workers int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workers[b] += workers
	if r.workers[b] == 0 {
		delete(r.workers, b)
	}
	r.adjust()
	r.follow()
}

// follow lets the room be adjusted after the next collection, while workers run.
func (r *room) follow() {
	if !r.follows && len(r.workers) > 0 {
		r.follows = true
		runtime.AddCleanup(new(garbage), (*room).collected, r)
	}
}

// garbage is found by the next collection. With a pointer it is an object of its own.
type garbage struct{ _ *byte }

func (r *room) collected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follows = false
	r.pace()
	r.adjust()
	r.follow()
}

// pace sets the level by the time since the collection before.
func (r *room) pace() {
	now := r.now()
	switch since := now.Sub(r.last); {
	case since < often:
		r.level = max(1, 4*r.level)
	case since > seldom:
		r.level /= 2
	}
	r.last = now
}

// adjust keeps as many chunks as the largest app lacks. What the collector found
// says how many when it has run since the last change. An app that grows fast must
// not have old room beside what it holds: the next collection would come too late.
func (r *room) adjust() {
	var floor int64
	for b := range r.workers {
		floor = max(floor, b.total/floorParts)
	}
	r.level = min(r.level, int(floor/chunkBytes))
	h, n, most := r.heap(), len(r.kept), r.level
	want := min(n, most)
	if h.collections > r.changed || n == 0 {
		others := max(0, h.live-int64(n)*chunkBytes)
		want = min(max(int((floor-others)/chunkBytes), 0), most)
	}
	switch {
	case want < n:
		clear(r.kept[want:])
		r.kept = r.kept[:want]
	case want-n > most/4: // less is not worth the change
		for range want - n {
			r.kept = append(r.kept, untouched(chunkBytes))
		}
	default:
		return
	}
	r.changed = r.heap().collections
}

// untouched returns memory that is not cleared, so that it gets no pages.
func untouched(n int) *strings.Builder {
	var b strings.Builder
	b.Grow(n)
	return &b
}

func readHeap() heap {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return heap{}
		}
	}
	return heap{samples[0].Value.Uint64(), int64(samples[1].Value.Uint64())}
}
