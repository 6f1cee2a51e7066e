package pebble_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

const lockEnv = "OTTLA_TEST_LOCK"

// One folder is open once, in this process and among all.
func TestLocked(t *testing.T) {
	if dir := os.Getenv(lockEnv); dir != "" {
		_, err := newOpener(t, pebble.Options{}).Open(dir)
		wantErr(t, "open", err, engine.ErrLocked)
		return
	}
	dir := t.TempDir()
	o := newOpener(t, pebble.Options{})
	e := open(t, o, dir)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	for _, name := range []string{dir, dir + "/", link, filepath.Base(dir)} {
		_, err := o.Open(name)
		wantErr(t, "second open", err, engine.ErrLocked)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestLocked$", "-test.v")
	other.Env = append(os.Environ(), lockEnv+"="+dir)
	if out, err := other.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestLocked")) {
		t.Errorf("open by another process: %v\n%s", err, out)
	}
	w := newWorkload(1)
	w.run(t, e, 3)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, o, dir)
	w.mustHold(t, e, w.batches())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// What the operating system refuses is no damage.
func TestRefused(t *testing.T) {
	for _, no := range []syscall.Errno{syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.EMFILE, syscall.ENOMEM} {
		mem := vfs.NewMem()
		disk := newFaulty(mem)
		o := newOpener(t, pebble.Options{FS: disk})
		w := newWorkload(1)
		e := open(t, o, "db")
		w.run(t, e, 3)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpCreate, errorfs.OpLock, errorfs.OpOpenDir, errorfs.OpList} {
			disk.fault.Store(&fault{no, func(op errorfs.Op) bool { return op.Kind == kind }})
			_, err := o.Open("db")
			wantErr(t, "open", err, no)
			if errors.Is(err, engine.ErrLocked) {
				t.Errorf("open: %v", err)
			}
			disk.clear()
		}
		e = open(t, o, "db")
		w.mustHold(t, e, w.batches())
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := newOpener(t, pebble.Options{}).Open(file)
	wantErr(t, "open of a file", err, syscall.ENOTDIR)
}

func TestOpenerClosed(t *testing.T) {
	o := pebble.New(pebble.Options{FS: vfs.NewMem()})
	e := open(t, o, "db")
	w := newWorkload(1)
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := o.Open("other")
	wantErr(t, "open", err, engine.ErrClosed)
	w.run(t, e, 10) // what is open goes on
	w.mustHold(t, e, 10)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// A panic in Pebble stops the DB and nothing else, and puts no key into the log.
func TestPanic(t *testing.T) {
	mem := vfs.NewMem()
	w := newWorkload(1)
	o := newOpener(t, pebble.Options{FS: mem})
	e := open(t, o, "db")
	w.run(t, e, 10)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	var log bytes.Buffer
	disk := newFaulty(mem)
	fragile := newOpener(t, pebble.Options{FS: disk, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	e = open(t, fragile, "db")
	disk.fault.Store(&fault{nil, func(op errorfs.Op) bool {
		// Not in a goroutine of Pebble, where nobody can recover.
		if op.Kind == errorfs.OpFileReadAt && bytes.Contains(debug.Stack(), []byte("(*DB).Get(")) {
			panic("bad: " + secret)
		}
		return false
	}})
	_, _, err := e.Get(nil, []byte(secret+"001"))
	mustBeDamage(t, "get", err)
	disk.clear()
	_, _, err = e.Get(nil, []byte(secret+"001"))
	mustBeDamage(t, "get again", err)
	begin := time.Now()
	mustBeDamage(t, "close", e.Close())
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("close took %v", took)
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "store panicked") {
		t.Errorf("log: %s", log.String())
	}
}

// A stopped DB does not keep the processor busy with work that can't succeed.
func TestStoppedIsIdle(t *testing.T) {
	mem, w := original(t, "db")
	names, err := mem.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names { // all tables, so that compactions fail, too
		if strings.HasSuffix(name, ".sst") {
			data := readFile(t, mem, mem.PathJoin("db", name))
			for i := range len(data) / 2 {
				data[i] ^= 1
			}
			writeFile(t, mem, mem.PathJoin("db", name), data)
		}
	}
	disk := newFaulty(mem)
	o := newOpener(t, pebble.Options{FS: disk, MemTableBytes: 1})
	e := open(t, o, "db")
	if err := w.tryRun(e, 100); err == nil {
		_, err = w.check(e)
		mustBeDamage(t, "check", err)
	}
	disk.fault.Store(&fault{nil, func(op errorfs.Op) bool {
		disk.failed.Add(1) // all that is tried
		return false
	}})
	mustBeIdle(t, disk)
	mustBeDamage(t, "close", e.Close())
}

// Neither is a DB whose tables can't be read for a while.
func TestUnreadableIsIdle(t *testing.T) {
	for name, f := range map[string]*fault{
		"open": {syscall.EMFILE, func(op errorfs.Op) bool { return op.Kind == errorfs.OpOpen }},
		"read": {syscall.EIO, func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileReadAt }},
	} {
		t.Run(name, func(t *testing.T) {
			mem, w := original(t, "db")
			disk := newFaulty(mem)
			disk.FS = errorfs.Wrap(disk.FS, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if strings.HasSuffix(op.Path, ".sst") && f.hits(op) && disk.fault.Load() == nil {
					disk.failed.Add(1)
					return f.err
				}
				return nil
			}))
			o := newOpener(t, pebble.Options{FS: disk, MemTableBytes: 1})
			e := open(t, o, "db")
			_, _, err := e.Get(nil, []byte(seqKey))
			wantIs(t, "get", err, f.err)
			mustBeIdle(t, disk)
			if err := e.Close(); err != nil {
				wantIs(t, "close", err, f.err)
			}
			e = open(t, newOpener(t, pebble.Options{FS: mem}), "db")
			w.mustHold(t, e, w.batches())
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// mustBeIdle fails if a second of waiting takes much of the processor.
func mustBeIdle(t *testing.T, disk *faulty) {
	t.Helper()
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	if tries := triesIn(disk, time.Second); tries > 200 {
		t.Errorf("%d file operations in a second", tries)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	if used := time.Duration(after.Utime.Nano() - before.Utime.Nano()); used > 300*time.Millisecond {
		t.Errorf("%v of processor time in a second", used)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
