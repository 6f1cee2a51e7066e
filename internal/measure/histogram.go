package measure

import "math/bits"

// Buckets is how many buckets a Histogram has.
const Buckets = 12

// Histogram counts durations in a unit of the owner's choice. Bucket i has those
// up to 4^i units, the last one all others.
type Histogram struct {
	Counts [Buckets]int64
	Sum    int64
}

// Observe counts a duration. A negative one counts as 0.
func (h *Histogram) Observe(d int64) {
	if d <= 1 {
		h.Counts[0]++
		h.Sum += max(d, 0)
		return
	}
	h.Sum += d
	h.Counts[min((bits.Len64(uint64(d-1))+1)/2, Buckets-1)]++
}

// Bound is the inclusive upper bound of bucket i, in units. The last bucket has none.
func Bound(i int) int64 { return 1 << (2 * i) }

// Count returns how many durations were counted.
func (h *Histogram) Count() int64 {
	var n int64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Add adds what another one has.
func (h *Histogram) Add(o *Histogram) {
	for i, c := range o.Counts {
		h.Counts[i] += c
	}
	h.Sum += o.Sum
}
