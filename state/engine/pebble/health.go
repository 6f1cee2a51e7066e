package pebble

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"github.com/ottla-streams/ottla/state/engine"
)

// health is what is wrong with a DB. Pebble's goroutines report to it, some with
// locks held, so nothing here calls Pebble or waits for long.
type health struct {
	dir       string
	log       *slog.Logger
	stop      atomic.Pointer[error] // why the DB stopped for good
	any       *atomic.Bool          // set when a DB stopped
	opened    atomic.Bool
	panicked  atomic.Bool
	measuring atomic.Bool
	closing   chan struct{} // closed when the files are about to be released

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced when something below changed
	flushErr   error         // of the last flush
	flushFails int           // how many failed
	compactErr error         // of the last compaction
	metrics    Metrics       // as they were measured
	newRuns    int64         // flushes since
	lastFail   time.Time     // of a write to a file
}

func newHealth(dir string, log *slog.Logger, any *atomic.Bool) *health {
	return &health{dir: dir, log: log, any: any, closing: make(chan struct{}), changed: make(chan struct{})}
}

// stopped returns why the DB stopped, or nil.
func (h *health) stopped() error {
	if err := h.stop.Load(); err != nil {
		return *err
	}
	return nil
}

// kill stops the DB and freezes its files. Only the first reason counts.
func (h *health) kill(what string, class, cause error) error {
	err := storeError(h.dir, what, class, cause)
	if h.stop.CompareAndSwap(nil, &err) {
		h.any.Store(true)
		h.log.Error("store stopped", "err", err)
		h.update(func() {})
	}
	return h.stopped()
}

// update changes the fields under mu and wakes who watches.
func (h *health) update(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	close(h.changed)
	h.changed = make(chan struct{})
}

// watch returns a channel that is closed at the next change.
func (h *health) watch() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// flushState returns the error of the last flush, if it failed, and how many
// did so far.
func (h *health) flushState() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.flushFails, h.flushErr
}

func (h *health) compaction() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.compactErr
}

// contain is deferred around calls of Pebble: a panic there stops the DB.
func (h *health) contain(what string, err *error) {
	if r := recover(); r != nil {
		h.panicked.Store(true)
		h.log.Error("store panicked", "store", h.dir, "op", what, "stack", string(debug.Stack()))
		*err = h.kill(what, engine.ErrDamaged, panicCause(r))
	}
}

// panicCause keeps what can't have a key in it.
func panicCause(r any) error {
	switch r := r.(type) {
	case runtime.Error:
		return fmt.Errorf("panic: %w", r)
	case error:
		return fmt.Errorf("panic: %T", r)
	}
	return errors.New("panic in pebble")
}

// Infof drops what Pebble has to tell.
func (h *health) Infof(format string, args ...any) {}

// Errorf drops what comes as an error to who asked, or by the events below.
func (h *health) Errorf(format string, args ...any) {}

// Fatalf stops the DB instead of the process. It returns, and Pebble goes on
// with files that take no more writes.
func (h *health) Fatalf(format string, args ...any) {
	cause := errors.New(format) // without args, which may be keys
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			cause = err
		}
	}
	h.kill("fatal error", fatalClass(cause), cause)
}

func (h *health) listener() *lsm.EventListener {
	return &lsm.EventListener{
		BackgroundError: h.background,
		DataCorruption: func(info lsm.DataCorruptionInfo) {
			h.kill("background work or read", engine.ErrDamaged, info.Details)
		},
		FlushEnd: func(info lsm.FlushInfo) {
			if info.Err != nil && info.Err.Error() == emptyTable {
				info.Err = nil
			}
			h.flushed(info.Err)
		},
		CompactionEnd: func(info lsm.CompactionInfo) {
			if errors.Is(info.Err, lsm.ErrCancelledCompaction) || errors.Is(info.Err, errClosing) {
				return
			}
			h.update(func() {
				h.warn("store compaction", h.compactErr, info.Err)
				h.compactErr = info.Err
			})
		},
	}
}

// emptyTable is the text of the error that stands for a flush without a result.
const emptyTable = "pebble: empty table"

// background handles the errors of all background work. Those of flushes and
// compactions come by their own events, too. It can't tell reads from writes, so
// that an I/O error does not say that the files are damaged.
func (h *health) background(err error) {
	if isDamage(err) && !errors.Is(err, syscall.EIO) {
		h.kill("background work", engine.ErrDamaged, err)
	}
}

func (h *health) flushed(err error) {
	h.update(func() {
		h.warn("store flush", h.flushErr, err)
		h.flushErr = err
		if err != nil {
			h.flushFails++
		} else {
			h.newRuns++
		}
	})
}

// warn logs the first of a row of errors.
func (h *health) warn(what string, before, now error) {
	if before == nil && now != nil {
		h.log.Warn(what, "store", h.dir, "err", now)
	}
}

// backgroundError is a flush's or compaction's error for the call that met it.
func (h *health) backgroundError(what string, err error) error {
	if isNoSpace(err) {
		return storeError(h.dir, what, engine.ErrNoSpace, err)
	}
	return storeError(h.dir, what, nil, err)
}
