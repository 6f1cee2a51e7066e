package task

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// Many stores are asked for the very keys of an input's records: those of
// aggregates and of joined tables. The task sees which, and lets them look for
// the next keys while it still has others to work on.

// asked is a store that was asked for the key of an input's record not long ago.
type asked struct {
	layers *overlay.Store
	left   int // times that its keys are brought near
}

// askedFor is how often keys are brought near after one was asked for: not all
// that are asked for are found.
const askedFor = 64

// warm brings near what the next records of q will ask for.
func (t *Task) warm(q *queue) {
	next := q.ready[q.at:]
	next = next[:min(len(next), overlay.WarmKeys)]
	q.warm = len(next) - 1
	var keys [overlay.WarmKeys][]byte
	for i := range next {
		keys[i] = next[i].Key
	}
	for i := range q.asked {
		if a := &q.asked[i]; a.left > 0 {
			a.left--
			a.layers.Warm(keys[:len(next)])
		}
	}
}

// learn notes the stores that were asked for the key of the record just processed.
func (t *Task) learn(q *queue, o *flow.Origin) {
	if q.asked == nil {
		q.asked = make([]asked, len(t.state.stores))
		for i, ss := range t.state.stores {
			q.asked[i].layers = ss.layers
		}
	}
	for i := range q.asked {
		if a := &q.asked[i]; a.layers.Asked(o.Key) {
			a.left = askedFor
		}
	}
}
