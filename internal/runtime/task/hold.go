package task

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// At least once, what a task sends is seen at once, while its state and its
// offsets follow with the commit: whatever is sent in between comes again after
// a crash. Of two kinds of outputs that is more than a repetition. The final
// result of a window is promised to come once. And a change of a grouped table
// is one half of a sum: added again, with the table's store set back too, it
// leaves the aggregate wrong for good. Both are held until the commit.

// held is the outputs that wait for the commit, in order.
type held struct {
	outputs []graph.Output
	bytes   int
	chunk   []byte // for copies
}

const (
	heldOverhead = 160 // bytes of an output, about
	heldChunk    = 16 << 10
)

func (h *held) add(o *graph.Output) {
	c := *o
	c.Cause = o.Cause.Clone()
	c.Key, c.Value, c.Hash = h.copy(o.Key), h.copy(o.Value), h.copy(o.Hash)
	if len(o.Headers) > 0 {
		c.Headers = make(serde.Headers, len(o.Headers))
		for i, header := range o.Headers {
			c.Headers[i] = serde.Header{Key: header.Key, Value: h.copy(header.Value)}
		}
	}
	h.outputs = append(h.outputs, c)
	h.bytes += len(o.Key) + len(o.Value) + heldOverhead
}

// copy returns a copy of p; nil stays nil and empty stays empty.
func (h *held) copy(p []byte) []byte {
	if p == nil {
		return nil
	}
	if len(h.chunk)+len(p) > cap(h.chunk) {
		h.chunk = make([]byte, 0, max(heldChunk, len(p)))
	}
	n := len(h.chunk)
	h.chunk = append(h.chunk, p...)
	return h.chunk[n:len(h.chunk):len(h.chunk)]
}

func (h *held) clear() {
	clear(h.outputs)
	h.outputs, h.bytes, h.chunk = h.outputs[:0], 0, nil
}

// release sends what is held. What was sent is not sent again by a second try.
func (h *held) release(emit func(*graph.Output) error) error {
	for i := range h.outputs {
		if err := emit(&h.outputs[i]); err != nil {
			h.outputs = h.outputs[i:]
			return err
		}
	}
	h.clear()
	return nil
}

// emit sends an output or holds it. What goes to the topic of a held result is
// held behind it, so that the order there stays that of the task.
func (t *Task) emit(o *graph.Output) error {
	switch {
	case !t.c.Hold:
	case o.AtCommit:
		t.changes.add(o)
		return nil
	case o.Final || t.behind[o.Topic]:
		if t.behind == nil {
			t.behind = make(map[string]bool)
		}
		t.behind[o.Topic] = true
		t.results.add(o)
		return nil
	}
	return t.c.Emit(o)
}

// HoldsResults says whether final results wait for the commit.
func (t *Task) HoldsResults() bool { return len(t.results.outputs) > 0 }

// ReleaseResults sends the final results that were held. A commit has them
// acknowledged before it writes the changelogs, which say that they were sent:
// a crash in between repeats them, the other way round it would lose them.
func (t *Task) ReleaseResults() error {
	clear(t.behind)
	if err := t.results.release(t.c.Emit); err != nil {
		return fmt.Errorf("held results: %w", err)
	}
	return nil
}
