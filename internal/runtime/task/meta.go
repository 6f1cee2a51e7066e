package task

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
)

// What a task's engine says of itself lies under the prefix 00 00, which no
// store has: the format's version, the application, the task, the number of
// each store and, per changelog, the offset that the data stands for.

const formatVersion = 1

var (
	metaPrefix  = []byte{0, 0}
	metaVersion = []byte("\x00\x00version")
	metaApp     = []byte("\x00\x00app")
	metaTask    = []byte("\x00\x00task")
	metaStore   = []byte("\x00\x00store/")
	metaOffset  = []byte("\x00\x00offset/")
)

// ErrForeignState is wrapped by the error of a state folder that belongs to
// another application, another task or a topology with other stores.
var ErrForeignState = errors.New("state folder does not fit")

type meta struct {
	app, task string
	stores    map[string]uint16
	offsets   map[string]int64
	next      uint16
}

func newMeta(c *Config) meta {
	return meta{app: c.App, task: c.ID.String(), stores: make(map[string]uint16), offsets: make(map[string]int64), next: 1}
}

func (m *meta) storeID(name string) uint16 {
	if id, ok := m.stores[name]; ok {
		return id
	}
	id := m.next
	m.stores[name] = id
	m.next++
	return id
}

func (m *meta) write(b engine.Batch) {
	b.Set(metaVersion, []byte{formatVersion})
	b.Set(metaApp, []byte(m.app))
	b.Set(metaTask, []byte(m.task))
	for name, id := range m.stores {
		b.Set(append(append([]byte{}, metaStore...), name...), binary.BigEndian.AppendUint16(nil, id))
	}
}

func (m *meta) writeOffset(b engine.Batch, topic string, offset int64) {
	b.Set(append(append([]byte{}, metaOffset...), topic...), binary.BigEndian.AppendUint64(nil, uint64(offset)))
}

// load reads the engine's own entries and refuses what is not this task's.
func (m *meta) load(e engine.Engine, c *Config) (err error) {
	it, err := e.Scan(metaPrefix, overlay.PrefixEnd(metaPrefix), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.Next() {
		if err := m.entry(string(it.Key()), it.Value(), c); err != nil {
			return err
		}
	}
	return nil
}

func (m *meta) entry(key string, value []byte, c *Config) error {
	after := func(prefix []byte) (string, bool) {
		if len(key) > len(prefix) && key[:len(prefix)] == string(prefix) {
			return key[len(prefix):], true
		}
		return "", false
	}
	switch key {
	case string(metaVersion):
		if len(value) != 1 || value[0] != formatVersion {
			return fmt.Errorf("%w: %s has format %x, this program reads format %d", ErrForeignState, c.Dir, value, formatVersion)
		}
		return nil
	case string(metaApp):
		return sameOwner(c.Dir, "application", string(value), m.app)
	case string(metaTask):
		return sameOwner(c.Dir, "task", string(value), m.task)
	}
	if name, ok := after(metaStore); ok && len(value) == 2 {
		id := binary.BigEndian.Uint16(value)
		m.stores[name] = id
		m.next = max(m.next, id+1)
		return nil
	}
	if topic, ok := after(metaOffset); ok && len(value) == 8 {
		m.offsets[topic] = int64(binary.BigEndian.Uint64(value))
		return nil
	}
	return fmt.Errorf("%w: unknown entry in %s", engine.ErrDamaged, c.Dir)
}

func sameOwner(dir, what, got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%w: %s holds the state of %s %s, not of %s", ErrForeignState, dir, what, got, want)
}
