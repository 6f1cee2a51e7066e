package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Quarantine moves the damaged folder dir out of the way, so that the state can
// be rebuilt in its place while the old files can still be looked at. It returns
// the new path, dir.corrupt-SECONDS, where SECONDS is now as Unix time, or the
// next second for which there is no such folder yet.
//
// Of all folders that were moved aside for dir the newest keep are kept and the
// others removed; a keep of 0 or less removes the folder that was just moved too,
// and moved is empty. No symbolic link is followed. Of two errors, moving and
// removing, moved tells them apart: it is set if dir is out of the way.
//
// The engine has to be closed first.
func Quarantine(dir string, now time.Time, keep int) (moved string, err error) {
	parent, base := filepath.Split(filepath.Clean(dir))
	if parent == "" {
		parent = "."
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return "", fmt.Errorf("store folder %s: %w", dir, err)
	}
	defer root.Close()
	prefix := base + ".corrupt-"
	name, err := moveAside(root, base, prefix, now.Unix())
	if err != nil {
		return "", fmt.Errorf("store folder %s: %w", dir, err)
	}
	moved = filepath.Join(parent, name)
	if err := prune(root, prefix, keep); err != nil {
		return moved, fmt.Errorf("store folder %s: earlier damaged copies: %w", dir, err)
	}
	if keep <= 0 {
		return "", nil
	}
	return moved, nil
}

// moveAside renames base to prefix and the first free number from second on.
func moveAside(root *os.Root, base, prefix string, second int64) (string, error) {
	for ; ; second++ {
		name := prefix + strconv.FormatInt(second, 10)
		_, err := root.Lstat(name)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return name, root.Rename(base, name)
	}
}

// prune removes the oldest folders whose names are prefix and a number, so that
// keep of them stay.
func prune(root *os.Root, prefix string, keep int) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var seconds []int64
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		// Only names as they were made here: no signs, no leading zeros.
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && strconv.FormatInt(n, 10) == digits {
			seconds = append(seconds, n)
		}
	}
	slices.SortFunc(seconds, func(a, b int64) int { return cmp.Compare(b, a) })
	var errs []error
	for _, n := range seconds[min(max(keep, 0), len(seconds)):] {
		errs = append(errs, root.RemoveAll(prefix+strconv.FormatInt(n, 10)))
	}
	return errors.Join(errs...)
}
