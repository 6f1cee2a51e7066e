package global

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
)

// What the engine says of itself lies under the prefix 00 00, which no store
// has: the format's version, the application, and per store its number, its
// topic and the offset of each partition that its data stands for.

const formatVersion = 1

var (
	metaPrefix  = []byte{0, 0}
	metaVersion = []byte("\x00\x00version")
	metaApp     = []byte("\x00\x00app")
	metaStore   = []byte("\x00\x00store/")
	metaOffset  = []byte("\x00\x00offset/") // number of the store, partition
)

// ErrForeignState is wrapped by the error of a folder that belongs to another
// application or to a newer program.
var ErrForeignState = errors.New("folder of the global state does not fit")

// held is a store as the engine knows it.
type held struct {
	id      uint16
	topic   string
	topicID [16]byte // all 0 if the broker does not tell
	offsets map[int32]int64
}

func (h *held) prefix() []byte { return binary.BigEndian.AppendUint16(nil, h.id) }

func (h *held) offsetsPrefix() []byte {
	return binary.BigEndian.AppendUint16(append([]byte{}, metaOffset...), h.id)
}

func (h *held) writeOffset(b engine.Batch, partition int32, offset int64) {
	b.Set(binary.BigEndian.AppendUint32(h.offsetsPrefix(), uint32(partition)), binary.BigEndian.AppendUint64(nil, uint64(offset)))
	h.offsets[partition] = offset
}

func (h *held) write(b engine.Batch, name string) {
	v := append(binary.BigEndian.AppendUint16(nil, h.id), h.topicID[:]...)
	b.Set(append(append([]byte{}, metaStore...), name...), append(v, h.topic...))
}

// wipe drops all that the engine has of a store but its number.
func (h *held) wipe(b engine.Batch) {
	b.DeleteRange(h.prefix(), overlay.PrefixEnd(h.prefix()))
	b.DeleteRange(h.offsetsPrefix(), overlay.PrefixEnd(h.offsetsPrefix()))
	h.topicID, h.offsets = [16]byte{}, make(map[int32]int64)
}

// readMeta reads what an engine says of its stores, and refuses what is not
// this application's.
func readMeta(e engine.Engine, dir, app string) (stores map[string]*held, err error) {
	it, err := e.Scan(metaPrefix, overlay.PrefixEnd(metaPrefix), false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	stores = make(map[string]*held)
	offsets := make(map[uint16]map[int32]int64)
	for it.Next() {
		key, value := string(it.Key()), it.Value()
		switch {
		case key == string(metaVersion):
			if len(value) != 1 || value[0] != formatVersion {
				return nil, fmt.Errorf("%w: %s has format %x, this program reads format %d", ErrForeignState, dir, value, formatVersion)
			}
		case key == string(metaApp):
			if string(value) != app {
				return nil, fmt.Errorf("%w: %s holds the state of application %s, not of %s", ErrForeignState, dir, value, app)
			}
		case len(key) == len(metaOffset)+6 && key[:len(metaOffset)] == string(metaOffset) && len(value) == 8:
			at := []byte(key[len(metaOffset):])
			id := binary.BigEndian.Uint16(at)
			if offsets[id] == nil {
				offsets[id] = make(map[int32]int64)
			}
			offsets[id][int32(binary.BigEndian.Uint32(at[2:]))] = int64(binary.BigEndian.Uint64(value))
		case len(key) > len(metaStore) && key[:len(metaStore)] == string(metaStore) && len(value) >= 18:
			stores[key[len(metaStore):]] = &held{
				id: binary.BigEndian.Uint16(value), topicID: [16]byte(value[2:18]), topic: string(value[18:]), offsets: make(map[int32]int64),
			}
		default:
			return nil, fmt.Errorf("%w: unknown entry in %s", engine.ErrDamaged, dir)
		}
	}
	for _, h := range stores {
		if o := offsets[h.id]; o != nil {
			h.offsets = o
		}
	}
	return stores, nil
}
