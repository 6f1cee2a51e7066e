package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ottla-streams/ottla/state/engine"
)

// environment are the errors that say more about the machine than about the
// files: these may be whole, so nothing is gained by rebuilding them.
var environment = []syscall.Errno{
	syscall.EACCES, syscall.EPERM, syscall.EROFS,
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.ENAMETOOLONG,
}

func isNoSpace(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// isEnvironment tells whether the operating system refused something that it may
// allow another time.
func isEnvironment(err error) bool {
	return isNoSpace(err) || slices.ContainsFunc(environment, func(no syscall.Errno) bool { return errors.Is(err, no) })
}

// openError classifies an error of opening the files whose lock is held. Damage
// shows in many ways there, of which Pebble marks few as corruption.
func openError(dir string, err error) error {
	switch {
	case isNoSpace(err):
		return storeError(dir, "open", engine.ErrNoSpace, err)
	case isEnvironment(err):
		return storeError(dir, "open", nil, err)
	}
	return storeError(dir, "open", engine.ErrDamaged, err)
}

// lockError classifies an error of locking the folder. Only creating the lock
// file fails with a path.
func lockError(dir string, err error) error {
	if isNoSpace(err) {
		return storeError(dir, "lock", engine.ErrNoSpace, err)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return storeError(dir, "lock", nil, err)
	}
	return storeError(dir, "lock", engine.ErrLocked, err)
}

// isDamage tells whether an error of reading means that the files are not what
// was written.
func isDamage(err error) bool {
	return lsm.IsCorruptionError(err) || errors.Is(err, syscall.EIO) ||
		errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// fatalClass classifies what Pebble calls fatal: either the operating system
// refused a write, and the files are as a crash leaves them, or the files are not
// as they should be.
func fatalClass(err error) error {
	if _, ok := errors.AsType[syscall.Errno](err); ok && !lsm.IsCorruptionError(err) {
		return nil
	}
	return engine.ErrDamaged
}

// storeError says what failed in which store. class is nil or one of package
// engine's errors.
func storeError(dir, what string, class, cause error) error {
	if class == nil {
		return fmt.Errorf("store %s: %s: %w", dir, what, cause)
	}
	return fmt.Errorf("store %s: %s: %w: %w", dir, what, class, cause)
}
