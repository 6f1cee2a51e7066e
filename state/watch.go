package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/window"
)

// Update is a committed change of a key.
type Update[V any] struct {
	Value V
	Has   bool // false: the key has no value
	Time  time.Time
}

// WindowUpdate is a committed change of a window or session of a key.
type WindowUpdate[K, V any] struct {
	Key window.Key[K]
	Update[V]
}

func windowUpdate[K, V any](e Entry[window.Key[K], V]) WindowUpdate[K, V] {
	return WindowUpdate[K, V]{e.Key, Update[V]{Value: e.Value, Has: true, Time: e.Time}}
}

const watchRetry = 100 * time.Millisecond

// watch is a Watch under way: with each commit it reads the entries of the key
// and compares them with those that it has told. S is the typed store, U what it
// yields. It belongs to the goroutine of the loop over updates.
type watch[S, U any] struct {
	view   *view[S]
	key    []byte
	keyErr error
	one    bool // the key has one entry at most: at first it is told that there is none

	// read calls found with the entries that there are.
	read func(s S, layers *overlay.Store, found func(entry, raw []byte)) error
	// there and gone say what to yield of an entry.
	there func(s S, entry, raw []byte) (U, error)
	gone  func(s S, entry []byte) (U, error)

	known   map[string]told
	looks   int
	began   bool
	changed []changed
}

// told is an entry that was yielded, and the look that saw it last.
type told struct {
	raw  []byte
	look int
}

// changed is an entry that is to be yielded.
type changed struct {
	entry string
	raw   []byte
}

// updates may be ranged over once.
func (w *watch[S, U]) updates(ctx context.Context) iter.Seq2[U, error] {
	return func(yield func(U, error) bool) {
		var none U
		if w.keyErr != nil {
			yield(none, fmt.Errorf("store %s: key: %w", w.view.name, w.keyErr))
			return
		}
		w.known = make(map[string]told)
		for ctx.Err() == nil {
			next, more, err := w.look(ctx, yield)
			switch {
			case errors.Is(err, ErrNotReady), errors.Is(err, ErrMoved):
				next = nil
			case err != nil:
				if ctx.Err() == nil {
					yield(none, err)
				}
				return
			case !more:
				return
			}
			var retry <-chan time.Time
			if next == nil {
				retry = time.After(watchRetry)
			}
			select {
			case <-next:
			case <-retry:
			case <-ctx.Done():
			}
		}
	}
}

// look reads the key once and yields what is new. next is closed when there is
// something to read again; more is false when the loop has ended.
func (w *watch[S, U]) look(ctx context.Context, yield func(U, error) bool) (next <-chan struct{}, more bool, err error) {
	p, err := w.view.partitionOf(ctx, w.key)
	if err != nil {
		return nil, false, err
	}
	s, r, err := w.view.open(ctx, p)
	if err != nil {
		return nil, false, err
	}
	if r.Layers == nil {
		r.Release()
		return nil, false, fmt.Errorf("store %s: a global store can't be watched", w.view.name)
	}
	w.looks++
	w.changed = w.changed[:0]
	err = w.read(s, r.Layers, w.found)
	r.Release()
	if err == nil {
		more, err = w.tell(s, yield)
	}
	if err != nil {
		return nil, false, fmt.Errorf("store %s: %w", w.view.name, err)
	}
	return r.Next, more, nil
}

// found takes note of an entry that there is. A read that fails later changes
// nothing of what was told.
func (w *watch[S, U]) found(entry, raw []byte) {
	last, ok := w.known[string(entry)]
	if ok {
		w.known[string(entry)] = told{last.raw, w.looks}
	}
	if !ok || !bytes.Equal(last.raw, raw) {
		w.changed = append(w.changed, changed{string(entry), bytes.Clone(raw)})
	}
}

// tell yields first the entries that are gone, then those that are new.
func (w *watch[S, U]) tell(s S, yield func(U, error) bool) (more bool, err error) {
	if w.one && !w.began && len(w.changed) == 0 {
		w.known[""] = told{} // seen by no look
	}
	w.began = true
	for entry, last := range w.known {
		if last.look == w.looks {
			continue
		}
		delete(w.known, entry)
		u, err := w.gone(s, []byte(entry))
		if err != nil || !yield(u, nil) {
			return false, err
		}
	}
	for _, c := range w.changed {
		w.known[c.entry] = told{c.raw, w.looks}
		u, err := w.there(s, []byte(c.entry), c.raw)
		if err != nil || !yield(u, nil) {
			return false, err
		}
	}
	return true, nil
}
