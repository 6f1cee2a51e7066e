package worker

import (
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/budget"
)

// However many inputs the workers of an app have, what may wait in all their
// queues stays within the budget's share; so do caches and what is sent.
func TestPartsOfTheBudget(t *testing.T) {
	const total, workers = 256 << 20, 2
	for _, inputs := range []int{1, 4, 60, 600} {
		b := budget.New(total, workers, nil)
		b.Tasks(1, inputs/2)
		b.Tasks(2, inputs-inputs/2)
		w := &Worker{c: withBudget(Config{BufferedBytes: 8 << 20, CacheBytes: 10 << 20, ProducerBytes: 64 << 20, Budget: b})}
		for range inputs {
			w.order = append(w.order, &entry{inputs: map[string]*input{"in": {}}})
		}
		if n := inputs * w.queueBytes(); n > total/8/workers {
			t.Errorf("%d inputs may have %d bytes waiting", inputs, n)
		}
		if w.queueBytes() > 8<<20 || w.cacheBytes() > 10<<20 {
			t.Errorf("%d inputs: a queue has %d bytes, a cache %d", inputs, w.queueBytes(), w.cacheBytes())
		}
		if n := inputs * w.cacheBytes(); n > total/16 && w.cacheBytes() > 64<<10 {
			t.Errorf("the caches of %d tasks may have %d bytes", inputs, n)
		}
		if w.c.ProducerBytes > total/8/workers {
			t.Errorf("%d bytes may wait for acknowledgement", w.c.ProducerBytes)
		}
	}
}
