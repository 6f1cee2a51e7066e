package task

// heap is a binary heap in an array with the sift rules of
// java.util.PriorityQueue, so that elements with equal keys come out in the
// order in which Kafka Streams takes them. An element's key must not change
// while it is in the heap.
type heap[T any] struct {
	key   func(T) int64
	items []T
}

func (h *heap[T]) len() int { return len(h.items) }

func (h *heap[T]) peek() T { return h.items[0] }

// push adds v at the end and moves it up while its parent is strictly larger.
func (h *heap[T]) push(v T) {
	h.items = append(h.items, v)
	if len(h.items) == 1 {
		return // most tasks have one input
	}
	i, k := len(h.items)-1, h.key(v)
	for i > 0 {
		parent := (i - 1) / 2
		if k >= h.key(h.items[parent]) {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = v
}

// pop takes the root; the last element moves to the root and down: the smaller
// child, the left one on a tie, moves up while it is strictly smaller.
func (h *heap[T]) pop() T {
	var zero T
	root, n := h.items[0], len(h.items)-1
	last := h.items[n]
	h.items[n] = zero
	h.items = h.items[:n]
	if n == 0 {
		return root
	}
	i, k := 0, h.key(last)
	for 2*i+1 < n {
		child := 2*i + 1
		if right := child + 1; right < n && h.key(h.items[child]) > h.key(h.items[right]) {
			child = right
		}
		if k <= h.key(h.items[child]) {
			break
		}
		h.items[i] = h.items[child]
		i = child
	}
	h.items[i] = last
	return root
}

func (h *heap[T]) clear() {
	clear(h.items)
	h.items = h.items[:0]
}
