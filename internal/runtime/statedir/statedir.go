// Package statedir keeps the folder of an application's state.
//
// There is one type, [Dir]: the folder, locked for this process, with the
// process id that is kept in it, a map of who has which task open, and how far the
// state of each task on disk goes. A Dir is safe for concurrent use.
//
//	<state dir>/<application>/.lock      held while the process runs
//	<state dir>/<application>/.process   the process id
//	<state dir>/<application>/.topology  what the last run's topology looked like
//	<state dir>/<application>/<task>/    the state of a task
package statedir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

// ErrInUse is wrapped by the error of a folder that another process has.
var ErrInUse = errors.New("state folder is in use by another process")

// Dir is the folder of one application.
type Dir struct {
	path    string
	lock    *os.File
	process [16]byte

	mu     sync.Mutex
	owners map[graph.TaskID]any
	stored map[graph.TaskID]int64
}

// Open makes the folder of an application below parent, if it is not there,
// and locks it.
func Open(parent, app string) (*Dir, error) {
	if p := graph.NameProblem("application", app); p != "" {
		return nil, errors.New(p)
	}
	path := filepath.Join(parent, app)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := tryLock(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), lock.Close())
	}
	d := &Dir{path: path, lock: lock, owners: make(map[graph.TaskID]any), stored: make(map[graph.TaskID]int64)}
	if err := d.identify(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// identify reads the process id, or makes one. A file that holds none is
// replaced: the id only has to be stable and unique.
func (d *Dir) identify() error {
	path := filepath.Join(d.path, ".process")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("state folder: %w", err)
	}
	if id, ok := parseUUID(strings.TrimSpace(string(text))); ok {
		d.process = id
		return nil
	}
	rand.Read(d.process[:])
	d.process[6] = d.process[6]&0x0f | 0x40
	d.process[8] = d.process[8]&0x3f | 0x80
	return replaceFile(path, []byte(d.ProcessName()+"\n"))
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

func parseUUID(s string) (id [16]byte, ok bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != len(id) || len(s) != 36 {
		return id, false
	}
	copy(id[:], b)
	return id, true
}

// Process is the id of the folder, a random UUID that outlives the process.
func (d *Dir) Process() [16]byte { return d.process }

// ProcessName is Process as text.
func (d *Dir) ProcessName() string {
	h := hex.EncodeToString(d.process[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// Path is the application's folder.
func (d *Dir) Path() string { return d.path }

// Task is the folder of a task's state. It need not exist.
func (d *Dir) Task(id graph.TaskID) string { return filepath.Join(d.path, id.String()) }

// Topology returns what SetTopology kept, nothing if it was never called.
func (d *Dir) Topology() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(d.path, ".topology"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return text, nil
}

// SetTopology keeps a text that says what the topology looks like.
func (d *Dir) SetTopology(text []byte) error {
	return replaceFile(filepath.Join(d.path, ".topology"), text)
}

// Acquire makes owner the one who may have the task open, and says whether it
// is. A task has one owner in a process.
func (d *Dir) Acquire(id graph.TaskID, owner any) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if held, ok := d.owners[id]; ok {
		return held == owner
	}
	d.owners[id] = owner
	return true
}

// Release gives a task up. It does nothing if owner does not have it.
func (d *Dir) Release(id graph.TaskID, owner any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owners[id] == owner {
		delete(d.owners, id)
	}
}

// Tasks returns the tasks that have a folder.
func (d *Dir) Tasks() ([]graph.TaskID, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	var ids []graph.TaskID
	for _, e := range entries {
		if id, err := assign.ParseTaskID(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, graph.TaskID(id))
		}
	}
	return ids, nil
}

// SetStored notes the sum of the changelog offsets that a task's folder stands
// for, negative for none that is known.
func (d *Dir) SetStored(id graph.TaskID, sum int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if sum < 0 {
		delete(d.stored, id)
		return
	}
	d.stored[id] = sum
}

// Stored returns what SetStored noted.
func (d *Dir) Stored() map[graph.TaskID]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.stored)
}

// Close unlocks the folder. The tasks have to be closed before.
func (d *Dir) Close() error { return d.lock.Close() }
