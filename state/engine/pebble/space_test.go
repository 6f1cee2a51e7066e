package pebble_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// faulty is a disk whose writes fail while fault is set.
type faulty struct {
	vfs.FS
	fault  atomic.Pointer[fault]
	failed atomic.Int64
}

type fault struct {
	err  error
	hits func(op errorfs.Op) bool
}

func newFaulty(mem vfs.FS) *faulty {
	f := &faulty{}
	f.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if now := f.fault.Load(); now != nil && now.hits(op) {
			f.failed.Add(1)
			return &fs.PathError{Op: "write", Path: op.Path, Err: now.err}
		}
		return nil
	}))
	return f
}

// needsSpace tells whether a full disk refuses the operation.
func needsSpace(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate, errorfs.OpMkdirAll, errorfs.OpLink:
		return true
	}
	return false
}

func manifest(kind errorfs.OpKind) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool { return op.Kind == kind && strings.Contains(op.Path, "MANIFEST") }
}

func (f *faulty) fill()  { f.fault.Store(&fault{syscall.ENOSPC, needsSpace}) }
func (f *faulty) clear() { f.fault.Store(nil) }

// On a full disk commits and flushes fail and reads go on; the batch that was
// refused is committed when there is space again, and nothing was lost.
func TestFullDisk(t *testing.T) {
	for _, tt := range []struct {
		name string
		hits func(errorfs.Op) bool
	}{
		{"all writes", needsSpace},
		{"manifest", manifest(errorfs.OpFileWrite)},
		{"new manifest", manifest(errorfs.OpCreate)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mem := vfs.NewMem()
			disk := newFaulty(mem)
			o := newOpener(t, pebble.Options{FS: disk, MemTableBytes: 1})
			e := open(t, o, "db")
			w := newWorkload(11)
			w.run(t, e, 20)
			if tt.name == "new manifest" { // as the first flush after an open makes
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				// Before the open, as a compaction right behind it would make one too.
				disk.fault.Store(&fault{syscall.ENOSPC, tt.hits})
				e = open(t, o, "db")
			}

			disk.fault.Store(&fault{syscall.ENOSPC, tt.hits})
			refused := commitUntilRefused(t, w, e)
			for range 3 {
				wantErr(t, "flush", e.Flush(), engine.ErrNoSpace)
				wantErr(t, "commit", refused.Commit(), engine.ErrNoSpace)
			}
			before := w.batches() - 1
			w.mustHold(t, e, before)
			snap, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if n, err := w.check(snap); n != before || err != nil {
				t.Errorf("snapshot after batch %d: %v", n, err)
			}
			if err := snap.Close(); err != nil {
				t.Error(err)
			}
			if tries := triesIn(disk, 500*time.Millisecond); tries > 12 {
				t.Errorf("%d tries to write in half a second", tries)
			}

			disk.clear()
			eventually(t, refused.Commit)
			w.run(t, e, 20)
			eventually(t, e.Flush)
			w.mustHold(t, e, w.batches())
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = open(t, o, "db")
			w.mustHold(t, e, w.batches())
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// commitUntilRefused commits batches until one is refused, which it returns.
func commitUntilRefused(t *testing.T, w *workload, e engine.Engine) engine.Batch {
	t.Helper()
	for range 1000 {
		b := e.NewBatch()
		w.fill(b)
		if err := b.Commit(); err != nil {
			wantErr(t, "commit", err, engine.ErrNoSpace)
			return b
		}
	}
	t.Fatal("commits go on and on without space")
	return nil
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if errors.Is(err, engine.ErrDamaged) && want != engine.ErrDamaged {
		t.Errorf("%s: %v, which would cost the files", what, err)
	}
}

func triesIn(disk *faulty, d time.Duration) int64 {
	before := disk.failed.Load()
	time.Sleep(d)
	return disk.failed.Load() - before
}

// eventually calls f until it succeeds, for a second at most.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		wantErr(t, "again", err, engine.ErrNoSpace)
		if t.Failed() || time.Now().After(deadline) {
			t.Fatalf("still failing: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A close on a full disk says so; what was flushed before is there.
func TestCloseOnFullDisk(t *testing.T) {
	disk := newFaulty(vfs.NewMem())
	o := newOpener(t, pebble.Options{FS: disk})
	e := open(t, o, "db")
	w := newWorkload(12)
	w.run(t, e, 10)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	flushed := w.batches()
	b := e.NewBatch()
	w.fill(b)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	disk.fill()
	wantErr(t, "close", e.Close(), engine.ErrNoSpace)
	_, err := o.Open("db")
	wantErr(t, "open", err, engine.ErrNoSpace)
	disk.clear()
	e = open(t, o, "db")
	w.mustHold(t, e, flushed)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// An open that ran out of space at any step is repeated with success.
func TestOpenOnFullDisk(t *testing.T) {
	for _, existing := range []bool{false, true} {
		for step := int64(1); ; step++ {
			disk := newFaulty(vfs.NewMem())
			o := newOpener(t, pebble.Options{FS: disk})
			w := newWorkload(13)
			if existing {
				e := open(t, o, "db")
				w.run(t, e, 10)
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
			}
			var steps atomic.Int64
			disk.fault.Store(&fault{syscall.ENOSPC, func(op errorfs.Op) bool {
				return needsSpace(op) && steps.Add(1) >= step
			}})
			e, err := o.Open("db")
			if err == nil {
				if step < 3 {
					t.Errorf("only %d steps", step)
				}
				disk.clear()
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				break
			}
			wantErr(t, "open", err, engine.ErrNoSpace)
			disk.clear()
			e = open(t, o, "db")
			w.mustHold(t, e.(*pebble.DB), w.batches())
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What Pebble calls fatal stops the DB, not the process. Its files are those of
// an earlier batch.
func TestFatal(t *testing.T) {
	for name, err := range map[string]error{"no space": syscall.ENOSPC, "I/O": syscall.EIO} {
		t.Run(name, func(t *testing.T) {
			disk := newFaulty(vfs.NewMem())
			o := newOpener(t, pebble.Options{FS: disk})
			e := open(t, o, "db")
			w := newWorkload(14)
			w.run(t, e, 10)
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			flushed := w.batches()
			b := e.NewBatch()
			w.fill(b)
			if err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			disk.fault.Store(&fault{err, manifest(errorfs.OpFileSync)})
			flushErr := e.Flush()
			wantErr(t, "flush", flushErr, err)
			if errors.Is(flushErr, engine.ErrNoSpace) {
				t.Errorf("flush: %v says that trying again helps", flushErr)
			}
			disk.clear()
			_, _, getErr := e.Get(nil, []byte("k"))
			_, scanErr := e.Scan(nil, nil, false)
			_, snapErr := e.Snapshot()
			late := e.NewBatch()
			late.Set([]byte("k"), nil)
			for _, later := range []error{getErr, scanErr, snapErr, late.Commit(), e.Flush(), e.Close()} {
				if later == nil || later.Error() != flushErr.Error() {
					t.Errorf("later: %v, want %v", later, flushErr)
				}
			}
			e = open(t, o, "db")
			n, err := w.check(e)
			if err != nil || n < flushed {
				t.Errorf("state after batch %d: %v, want at least %d", n, err, flushed)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
