package state

import (
	"encoding/binary"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// A version is an entry of its own: the length of the key in 4 bytes, the key
// and the time from which the version is valid in 8, so that the versions of a
// key lie together in order of time. The value has a byte in front that tells a
// value from the end of the one before. It ends where the next version begins.
// Behind all of them lies what the changelog does not have: the highest time put.

const (
	versionGone byte = iota
	versionThere
)

// versionedLayout is that of versioned stores. The changelog has the time as
// the record's timestamp.
type versionedLayout struct{}

func (versionedLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key, r.Time = splitVersion(key)
	if len(value) > 0 && value[0] == versionThere {
		r.Value = value[1:]
	}
}

func (versionedLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	if r.Key == nil || r.Time < 0 {
		return nil, nil, false
	}
	key = append(make([]byte, 4, 12+len(r.Key)), r.Key...)
	key = appendTime(sized(key), r.Time)
	if r.Value == nil {
		return key, []byte{versionGone}, true
	}
	return key, append([]byte{versionThere}, r.Value...), true
}

// sized writes the length of the key that begins at b[4] in front of it.
func sized(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// splitVersion returns the key of a version and the time from which it is valid.
func splitVersion(entry []byte) (key []byte, from int64) {
	at := len(entry) - 8
	return entry[4:at:at], int64(binary.BigEndian.Uint64(entry[at:]))
}

// sameKey says whether two versions are of one key.
func sameKey(a, b []byte) bool {
	return len(a) == len(b) && string(a[:len(a)-8]) == string(b[:len(b)-8])
}

const (
	sweepEvery = 16  // puts
	sweepChunk = 128 // entries
)

// sweeper drops versions that are beyond the history, a few with each put while
// there are some: it goes over the store once per segment that leaves the history.
type sweeper struct {
	layers   *overlay.Store
	interval int64
	swept    int64  // the segment before which nothing is left, or will be
	active   bool   // a pass is under way
	hand     []byte // where it goes on
	wait     int    // puts until then
}

// step is called with each put. Segments before that of the horizon go.
func (w *sweeper) step(horizon int64) error {
	if segment := horizon / w.interval; horizon > 0 && segment > w.swept && !w.active {
		w.swept, w.active, w.hand, w.wait = segment, true, w.hand[:0], 0
	}
	if !w.active {
		return nil
	}
	if w.wait > 0 {
		w.wait--
		return nil
	}
	w.wait = sweepEvery - 1
	return w.pass()
}

// pass looks at the next entries. What a version is worth shows with the one
// after it, so the last one looked at is the first one of the next pass.
func (w *sweeper) pass() error {
	var last []byte
	gone, n := false, 0 // of last
	err := w.layers.Scan(w.hand, stateKey, false, false, func(key, value []byte) bool {
		_, from := splitVersion(key)
		w.judge(last, gone, key, from)
		last = append(last[:0], key...)
		gone = len(value) == 0 || value[0] == versionGone
		n++
		return n < sweepChunk
	})
	if err != nil {
		return err
	}
	if n == sweepChunk {
		w.hand = append(w.hand[:0], last...)
		return nil
	}
	w.judge(last, gone, nil, 0)
	w.active = false
	return nil
}

// judge drops a version if its validity ended before the history: where the
// next version of its key begins or, if it tells the end of a value and is the
// latest, where it begins itself.
func (w *sweeper) judge(version []byte, gone bool, next []byte, until int64) {
	if version == nil {
		return
	}
	if !sameKey(version, next) {
		if !gone {
			return
		}
		_, until = splitVersion(version)
	}
	if until/w.interval < w.swept {
		w.layers.Drop(version)
	}
}
