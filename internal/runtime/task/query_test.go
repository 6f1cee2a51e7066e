package task_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// Others read a task as its last commit left it, written out or not, and until
// it is closed.
func TestEditions(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	shelf := task.NewShelf()
	call := func(_ context.Context, f func()) bool {
		f()
		return true
	}
	r := newRig(t, task.Config{Dir: t.TempDir() + "/0_0", Persistent: opener, LayerBytes: 1 << 20, LayerMillis: 10, Shelf: shelf, Call: call})
	if err := r.task.Start(); err != nil {
		t.Fatal(err)
	}
	reads, ask := shelf.Get(r.task.ID())
	if reads == nil || !reads.Live() || reads.Edition("counts") != nil {
		t.Fatal("a task publishes what nobody asked for, or is not live")
	}
	if ok, err := ask(t.Context(), "none"); !ok || err == nil {
		t.Errorf("unknown store: %v %v", ok, err)
	}
	if ok, err := ask(t.Context(), "counts"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	want := func(e *task.Edition, n int64) {
		t.Helper()
		v, err := r.store.Open(graph.Opening{Store: r.store, Layers: e.View("counts").Store()})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := v.(*state.KeyValueStore[string, int64]).Get("a"); err != nil || got != n {
			t.Errorf("a is %d %v, want %d", got, err, n)
		}
	}
	first := reads.Edition("counts")
	for n := range int64(5) {
		if err := r.send(n, "a"); err != nil {
			t.Fatal(err)
		}
		e := reads.Edition("counts")
		want(e, n) // not yet committed
		r.commit()
		select {
		case <-e.Next():
		default:
			t.Error("a commit is not told")
		}
		want(e, n)
		if err := e.Release(); err != nil {
			t.Fatal(err)
		}
		e = reads.Edition("counts")
		want(e, n+1)
		if e.Position()["events"] != n+1 {
			t.Errorf("position %v, want %d", e.Position(), n+1)
		}
		if err := e.Release(); err != nil {
			t.Fatal(err)
		}
	}
	want(first, 0)
	last := reads.Edition("counts")
	if err := r.task.Close(true); err != nil { // would tell an open snapshot
		t.Fatal(err)
	}
	if _, _, err := last.View("counts").Store().Get([]byte("zzz")); err != nil && !errors.Is(err, overlay.ErrGone) {
		t.Errorf("read after the close: %v", err)
	}
	if err := errors.Join(first.Release(), last.Release()); err != nil {
		t.Error(err)
	}
	if now, _ := shelf.Get(r.task.ID()); now != nil || !reads.Gone() || reads.Edition("counts") != nil {
		t.Error("a closed task can be read")
	}
}
