package pebble

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files is the file system of one DB. It makes files that only their owner may
// read, refuses writes once the DB stopped, and slows down who writes to a full
// disk.
type files struct {
	vfs.FS
	h       *health
	private bool // the names are those of the operating system
}

var (
	errFrozen  = errors.New("store stopped: its files take no more writes")
	errClosing = errors.New("compaction cut short by the close of the store")
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// Unwrap is for vfs.Root.
func (f *files) Unwrap() vfs.FS { return f.FS }

func (f *files) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := f.h.mayRead(); err != nil {
		return nil, err
	}
	opened, err := f.FS.Open(name, opts...)
	if err != nil {
		f.h.pauseAfterRead()
		return nil, err
	}
	return &readFile{File: opened, h: f.h}, nil
}

func (f *files) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".log") {
		return noLog{vfs.NewMemFile(nil)}, nil
	}
	if err := f.h.mayCreate(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(f.PathBase(name), "marker.") {
		// It names a file that a crash must not take away alone. Pebble syncs the
		// folder only after both.
		if err := f.syncFolder(f.PathDir(name)); err != nil {
			return nil, err
		}
	}
	file, err := f.FS.Create(name, category)
	if isNoSpace(err) && f.patient(name) {
		for f.h.waitForSpace(err) {
			file, err = f.FS.Create(name, category)
		}
		f.h.spaceAgain(err)
	}
	return f.made(name, category, file, err)
}

func (f *files) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := f.h.mayCreate(); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenReadWrite(name, category, opts...)
	return f.made(name, category, file, err)
}

func (f *files) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.h.mayCreate(); err != nil {
		return nil, err
	}
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.made(newname, category, file, err)
}

// compacting is what Pebble calls the writes of compactions.
const compacting vfs.DiskWriteCategory = "pebble-compaction"

func (f *files) made(name string, category vfs.DiskWriteCategory, made vfs.File, err error) (vfs.File, error) {
	if err != nil {
		f.h.failed()
		return nil, err
	}
	if err := f.restrict(name, fileMode); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return &file{File: made, h: f.h, patient: f.patient(name), compacting: category == compacting}, nil
}

// patient tells whether an error of writing the file would be fatal, so that it
// is better to wait for space.
func (f *files) patient(name string) bool { return strings.HasPrefix(f.PathBase(name), "MANIFEST-") }

// restrict takes rights away, of a folder that was there before, too. The folder
// is made first, so a file is never open to others, not even for a moment.
func (f *files) restrict(name string, mode fs.FileMode) error {
	if !f.private {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(name, mode)
}

func (f *files) MkdirAll(dir string, _ os.FileMode) error {
	if err := f.h.mayWrite(); err != nil {
		return err
	}
	if err := f.FS.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	return f.restrict(dir, folderMode)
}

// makeFolder makes dir and what is missing above it, so that they survive a
// crash. Pebble would do that, but the lock has to be taken before.
func (f *files) makeFolder(dir string) error {
	parents := []string{f.PathDir(dir)}
	for {
		last := parents[len(parents)-1]
		if _, err := f.Stat(last); err == nil || f.PathDir(last) == last {
			break
		}
		parents = append(parents, f.PathDir(last))
	}
	if err := f.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := f.syncFolder(parent); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) syncFolder(dir string) error {
	folder, err := f.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// resolve returns the one name of dir by which it is locked.
func (f *files) resolve(dir string) (string, error) {
	if !f.private {
		return dir, nil
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return dir, err
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return dir, err
	}
	return resolved, nil
}

func (f *files) Lock(name string) (io.Closer, error) {
	lock, err := f.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	if err := f.restrict(name, fileMode); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func (f *files) Link(oldname, newname string) error {
	if err := f.h.mayWrite(); err != nil {
		return err
	}
	return f.FS.Link(oldname, newname)
}

func (f *files) Rename(oldname, newname string) error {
	if err := f.h.mayWrite(); err != nil {
		return err
	}
	return f.FS.Rename(oldname, newname)
}

func (f *files) Remove(name string) error {
	if err := f.h.mayWrite(); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *files) RemoveAll(name string) error {
	if err := f.h.mayWrite(); err != nil {
		return err
	}
	return f.FS.RemoveAll(name)
}
