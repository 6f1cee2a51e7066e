package budget

import "testing"

// All parts together are never more than the whole, as long as no part is at
// its least.
func TestParts(t *testing.T) {
	const total = 1 << 30
	for _, c := range []struct{ workers, tasks int }{{1, 0}, {1, 1}, {2, 7}, {4, 60}, {8, 600}} {
		told := 0
		b := New(total, c.workers, func(n int) { told = n })
		for w := range c.workers {
			n := c.tasks / c.workers
			if w == 0 {
				n += c.tasks % c.workers
			}
			b.Tasks(w, n)
		}
		if told != c.tasks {
			t.Errorf("told of %d stores, want %d", told, c.tasks)
		}
		sum := b.Engine() + int64(c.workers*(b.Fetched()+b.Queued()+b.Produced())) + int64(c.tasks*(b.Layers()+b.Cache()))
		if sum > total || c.tasks > 0 && sum < total*99/100 {
			t.Errorf("%d workers and %d tasks may have %d bytes of %d", c.workers, c.tasks, sum, total)
		}
	}
}

func TestTasksComeAndGo(t *testing.T) {
	b := New(1<<30, 2, nil)
	b.Tasks(1, 10)
	alone := b.Layers()
	b.Tasks(2, 10)
	if got := b.Layers(); got != alone/2 {
		t.Errorf("a task has %d, want half of %d", got, alone)
	}
	b.Tasks(2, 0)
	if got := b.Layers(); got != alone {
		t.Errorf("a task has %d, want %d again", got, alone)
	}
}
