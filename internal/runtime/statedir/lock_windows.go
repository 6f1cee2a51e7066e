package statedir

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// tryLock locks the file until it is closed or the process ends.
func tryLock(f *os.File) error {
	const exclusive, failAtOnce, lockViolation = 2, 1, syscall.Errno(33)
	var o syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), exclusive|failAtOnce, 0, 1, 0, uintptr(unsafe.Pointer(&o)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, lockViolation):
		return ErrInUse
	}
	return err
}
