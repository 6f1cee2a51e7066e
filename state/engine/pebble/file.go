package pebble

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// noLog is the log that Pebble opens though it has none. There is no such file on
// the disk: it would be preallocated, synced, and replayed by the next open, which
// would flush nothing again and again if there is no space for that.
type noLog struct{ vfs.File }

func (noLog) Write(p []byte) (int, error)                  { return len(p), nil }
func (noLog) Preallocate(offset, length int64) error       { return nil }
func (noLog) Sync() error                                  { return nil }
func (noLog) SyncData() error                              { return nil }
func (noLog) SyncTo(length int64) (fullSync bool, _ error) { return true, nil }

// readFile is a file that is being read.
type readFile struct {
	vfs.File
	h *health
}

func (f *readFile) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.h.mayRead(); err != nil {
		return 0, err
	}
	n, err := f.File.ReadAt(p, offset)
	if err != nil && err != io.EOF {
		f.h.pauseAfterRead()
	}
	return n, err
}

// file is a file that is being written.
type file struct {
	vfs.File
	h          *health
	patient    bool
	compacting bool
}

func (f *file) Write(p []byte) (int, error) {
	if err := f.h.mayWrite(); err != nil {
		return 0, err
	}
	if f.compacting && f.h.isClosing() { // which would wait for the compaction
		return 0, errClosing
	}
	n, err := f.File.Write(p)
	if f.patient && isNoSpace(err) {
		for f.h.waitForSpace(err) {
			var more int
			more, err = f.File.Write(p[n:])
			n += more
		}
		f.h.spaceAgain(err)
	}
	if err != nil {
		f.h.failed()
	}
	return n, err
}

func (f *file) WriteAt(p []byte, offset int64) (int, error) {
	return guarded(f.h, func() (int, error) { return f.File.WriteAt(p, offset) })
}

func (f *file) Preallocate(offset, length int64) error {
	_, err := guarded(f.h, func() (int, error) { return 0, f.File.Preallocate(offset, length) })
	return err
}

func (f *file) Sync() error {
	_, err := guarded(f.h, func() (int, error) { return 0, f.File.Sync() })
	return err
}

func (f *file) SyncData() error {
	_, err := guarded(f.h, func() (int, error) { return 0, f.File.SyncData() })
	return err
}

func (f *file) SyncTo(length int64) (bool, error) {
	return guarded(f.h, func() (bool, error) { return f.File.SyncTo(length) })
}

func guarded[T any](h *health, write func() (T, error)) (T, error) {
	if err := h.mayWrite(); err != nil {
		var none T
		return none, err
	}
	result, err := write()
	if err != nil {
		h.failed()
	}
	return result, err
}
