package global

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/state/engine"
)

// tee is the engine.Batch that a store writes out into: what it gets goes to
// the engine's batch, if there is one, and is kept for the store's view.
type tee struct {
	engine.Batch
	prefix int
	ops    []op
}

// op is a write. A nil value of a set is an empty one.
type op struct {
	kind       opKind
	key, value []byte // of a range its bounds; value aliases the layers
}

type opKind uint8

const (
	opSet opKind = iota
	opDelete
	opRange
)

func (t *tee) Set(key, value []byte) {
	t.ops = append(t.ops, op{opSet, t.key(key), value})
	if t.Batch != nil {
		t.Batch.Set(key, value)
	}
}

func (t *tee) Delete(key []byte) {
	t.ops = append(t.ops, op{opDelete, t.key(key), nil})
	if t.Batch != nil {
		t.Batch.Delete(key)
	}
}

func (t *tee) DeleteRange(lo, hi []byte) {
	t.ops = append(t.ops, op{opRange, t.key(lo), t.key(hi)})
	if t.Batch != nil {
		t.Batch.DeleteRange(lo, hi)
	}
}

// key copies a key without the store's prefix: the layers use its room again.
func (t *tee) key(key []byte) []byte { return append([]byte(nil), key[t.prefix:]...) }

// show gives the view what was written.
func (t *tee) show(v *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range t.ops {
		switch o.kind {
		case opSet:
			v.put(o.key, o.value)
		case opDelete:
			v.delete(o.key)
		case opRange:
			v.deleteRange(o.key, o.value)
		}
	}
}

// apply takes what the task committed into the stores: the engine gets it in one
// batch with the offsets, then the readers see it. wait is called while the disk
// is full; an error of it ends the waiting, and nothing is applied.
func (s *storage) apply(moved []*part, wait func(error) error) error {
	var b engine.Batch
	if s.engine != nil {
		b = s.engine.NewBatch()
	}
	tees := make([]*tee, len(s.stores))
	empty := true
	for i, k := range s.stores {
		t := &tee{}
		if k.onDisk {
			t.Batch, t.prefix = b, k.view.prefix
		}
		k.layers.WriteOut(t)
		tees[i] = t
		empty = empty && (len(t.ops) == 0 || !k.onDisk)
	}
	for _, p := range moved {
		if p.kept.onDisk {
			p.kept.held.writeOffset(b, p.num, p.next.Load())
			empty = false
		}
	}
	if b != nil && empty {
		b.Discard()
	} else if b != nil {
		if err := s.commitWaiting(b, wait); err != nil {
			return err
		}
	}
	for i, k := range s.stores {
		tees[i].show(k.view)
		k.layers.Written(k.view, true)
	}
	return nil
}

func (s *storage) commitWaiting(b engine.Batch, wait func(error) error) error {
	for {
		err := s.commit(b)
		if !errors.Is(err, engine.ErrNoSpace) || s.pending == nil {
			return err
		}
		if stop := wait(err); stop != nil {
			return fmt.Errorf("%w: %w", stop, err)
		}
	}
}
