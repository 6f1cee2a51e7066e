package task

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrMetadata is returned for commit metadata that can't be read.
var ErrMetadata = errors.New("commit metadata malformed")

// EncodeMetadata encodes a partition time and the progress of the task's
// stores as Kafka Streams does, version 2: base64 of a version byte, the time
// and, if there are any, the entries.
func EncodeMetadata(time int64, progress map[string]int64) string {
	b := binary.BigEndian.AppendUint64([]byte{2}, uint64(time))
	if len(progress) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(progress)))
		for _, name := range slices.Sorted(maps.Keys(progress)) {
			b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
			b = append(b, name...)
			b = binary.BigEndian.AppendUint64(b, uint64(progress[name]))
		}
	}
	return base64.StdEncoding.EncodeToString(b)
}

// DecodeMetadata reads what EncodeMetadata wrote, and version 1. Empty metadata
// is an unknown time, -1.
func DecodeMetadata(s string) (time int64, progress map[string]int64, err error) {
	if s == "" {
		return -1, nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 9 || b[0] != 1 && b[0] != 2 {
		return -1, nil, ErrMetadata
	}
	time = int64(binary.BigEndian.Uint64(b[1:]))
	b = b[9:]
	if len(b) == 0 {
		return time, nil, nil
	}
	if len(b) < 4 {
		return -1, nil, ErrMetadata
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	progress = make(map[string]int64)
	for ; n > 0; n-- {
		if len(b) < 4 {
			return -1, nil, ErrMetadata
		}
		size := uint64(binary.BigEndian.Uint32(b))
		if uint64(len(b)) < 4+size+8 {
			return -1, nil, ErrMetadata
		}
		progress[string(b[4:4+size])] = int64(binary.BigEndian.Uint64(b[4+size:]))
		b = b[4+size+8:]
	}
	return time, progress, nil
}

// SetProgress takes over the progress that the commits of the task's inputs
// told: the highest of each store.
func (t *Task) SetProgress(progress map[string]int64) {
	for name, v := range progress {
		if old, ok := t.progress[name]; !ok || v > old {
			t.progress[name] = v
		}
	}
}
