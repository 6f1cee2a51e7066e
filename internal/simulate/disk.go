package simulate

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// disk is what a machine keeps over restarts. The folders of the state and the
// process id are real; the files of the stores are in memory, where a crash takes
// what was not synced.
type disk struct {
	root   string // holds a folder per start of a process
	stores *vfs.MemFS
	memory bool // stores are in memory: a restart finds nothing
	starts int
}

func newDisk(root string, memory bool) *disk {
	return &disk{root: root, stores: vfs.NewCrashableMem(), memory: memory}
}

// mount returns the state folder for the next process and the engine of its
// stores. A folder is never used twice: who was killed may still have it open.
func (d *disk) mount(app string, bad func(error)) (dir string, o *opener, err error) {
	before := filepath.Join(d.folder(), app)
	d.starts++
	after := filepath.Join(d.folder(), app)
	if err := os.MkdirAll(after, 0o700); err != nil {
		return "", nil, err
	}
	entries, err := os.ReadDir(before)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", nil, err
	}
	for _, e := range entries {
		switch {
		case e.IsDir():
			err = os.Mkdir(filepath.Join(after, e.Name()), 0o700)
		case e.Name() == ".process":
			var id []byte
			if id, err = os.ReadFile(filepath.Join(before, e.Name())); err == nil {
				err = os.WriteFile(filepath.Join(after, e.Name()), id, 0o600)
			}
		}
		if err != nil {
			return "", nil, err
		}
	}
	o = &opener{bad: bad}
	if !d.memory {
		o.pebble = pebble.New(pebble.Options{FS: d.stores, CacheBytes: 4 << 20, MemTableBytes: 256 << 10})
	}
	return d.folder(), o, nil
}

func (d *disk) folder() string { return filepath.Join(d.root, strconv.Itoa(d.starts)) }

// crash leaves what was synced and a share of what was not.
func (d *disk) crash(unsynced int, rnd *rand.Rand) {
	d.stores = d.stores.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rnd})
}

// wipe leaves nothing, not even the process id.
func (d *disk) wipe() {
	d.stores = vfs.NewCrashableMem()
	d.starts++
}

// opener opens the stores of one process. No crash may damage them.
type opener struct {
	pebble *pebble.Opener
	bad    func(error)
}

func (o *opener) Open(dir string) (engine.Engine, error) {
	if o.pebble == nil {
		return memory.Opener{}.Open(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	e, err := o.pebble.Open("/state/" + filepath.Base(dir))
	if errors.Is(err, engine.ErrDamaged) {
		o.bad(err)
	}
	return e, err
}

func (o *opener) Close() error {
	if o.pebble == nil {
		return nil
	}
	return o.pebble.Close()
}
