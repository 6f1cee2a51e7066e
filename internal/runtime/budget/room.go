package budget

import (
	"runtime/metrics"
	"sync"
)

// The garbage collector runs when the heap has doubled (with GOGC=100): the less
// an app holds, the more often. An app that holds next to nothing and passes a
// million records a second on would spend a fifth of its time on that, far from
// the memory that it may use. So what it holds is filled up, to a tenth of the
// budget, by memory that nobody touches. It has addresses and no pages: it costs
// nothing but the room that the collector is given.

const (
	floorParts = 10      // of the budget
	chunkBytes = 8 << 20 // that are filled in or left out at a time
)

// room is what fills the heap up, for all apps of the process, as they have one
// collector.
type room struct {
	mu      sync.Mutex
	workers map[*Budget]int // that run
	kept    [][]byte
	changed uint64 // the collection before which it was adjusted last
	heap    func() heap
}

// heap is what the collector tells.
type heap struct {
	collections uint64
	live        int64 // that the last one found
}

var process = &room{workers: make(map[*Budget]int), heap: readHeap}

// Enter gives the garbage collector room while a worker runs, until Leave.
func (b *Budget) Enter() { process.enter(b, 1) }

// Leave is called when a worker has ended.
func (b *Budget) Leave() { process.enter(b, -1) }

// Tend adjusts the room to what the process holds. It is cheap, and meant to be
// called every second.
func (b *Budget) Tend() { process.tend() }

func (r *room) enter(b *Budget, workers int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workers[b] += workers
	if r.workers[b] == 0 {
		delete(r.workers, b)
	}
	r.adjust()
}

func (r *room) tend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adjust()
}

// adjust keeps as many chunks as the largest app lacks. What the collector found
// says how many only when it has run since the last change, from beginning to end.
// Memory that was in use before has pages, so that a few chunks more are not worth it.
func (r *room) adjust() {
	var floor int64
	for b := range r.workers {
		floor = max(floor, b.total/floorParts)
	}
	h, n, most := r.heap(), len(r.kept), int(floor/chunkBytes)
	want := min(n, most)
	if h.collections > r.changed+1 || n == 0 {
		others := h.live - int64(n)*chunkBytes
		want = min(max(int((floor-others)/chunkBytes), 0), most)
	}
	switch {
	case want < n:
		clear(r.kept[want:])
		r.kept = r.kept[:want]
	case want-n > most/4:
		for range want - n {
			r.kept = append(r.kept, make([]byte, chunkBytes))
		}
	default:
		return
	}
	r.changed = r.heap().collections
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
