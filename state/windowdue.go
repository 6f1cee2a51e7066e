package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// due is the windows or sessions of a store that still have to be emitted, by
// position: so a store finds those that closed without a look at the others,
// however far stream time jumps and however many there are. An entry is
//
//	0xfd ‖ position ‖ start of a session ‖ key
type due struct {
	layers  *overlay.Store
	next    int64 // no position before it is due
	emitted int64 // all up to this one were emitted
	started bool  // next and emitted are known
	buf     []byte
}

func newDue(layers *overlay.Store) *due { return &due{layers: layers, emitted: noTime} }

// entry is the due entry of the window or session with an entry in the store.
func (d *due) entry(l *timeline, of []byte) []byte {
	tail := of[len(of)-l.tail:]
	b := append(append(d.buf[:0], dueByte), tail[:8]...)
	b = append(append(b, tail[8:]...), l.keyOf(of)...)
	d.buf = b
	return b
}

// whole appends the entry in the store that a due entry stands for.
func (d *due) whole(l *timeline, dst, of []byte) []byte {
	at, rest := of[1:9], of[9:]
	start, key := rest[:l.tail-8], rest[l.tail-8:]
	dst = append(appendInt64(dst[:0], l.segmentOf(int64At(at))), key...)
	return append(append(dst, at...), start...)
}

// add notes that an entry put into the store has to be emitted.
func (d *due) add(l *timeline, of []byte) {
	d.layers.Mark(d.entry(l, of), nil)
	d.next = min(d.next, l.positionOf(of))
}

// remove takes an entry back.
func (d *due) remove(l *timeline, of []byte) { d.layers.Drop(d.entry(l, of)) }

// restored follows an entry that was restored or deleted by the changelog.
func (d *due) restored(l *timeline, of []byte, deleted bool) {
	value := []byte{}
	if deleted {
		value = nil
	}
	d.layers.Keep(d.entry(l, of), value)
}

// start sets the position up to which all was emitted before, and finds what is next.
func (d *due) start(emitted int64) error {
	d.emitted, d.started = emitted, true
	d.forget()
	d.next = math.MaxInt64
	return d.layers.Scan(d.begin(), []byte{stateByte}, false, false, func(entry, _ []byte) bool {
		d.next = int64At(entry[1:])
		return false
	})
}

// begin is where what was not emitted begins.
func (d *due) begin() []byte {
	if d.emitted == math.MaxInt64 {
		return []byte{stateByte}
	}
	return appendInt64(bytes.Clone(dueKey), max(0, d.emitted+1))
}

// forget drops what was emitted.
func (d *due) forget() {
	if d.emitted >= 0 {
		d.layers.Expire(dueKey, d.begin())
	}
}

// emit calls f with each entry up to a position that was not emitted yet: by
// position, then by start of a session, then by key.
func (l *timeline) emit(upTo int64, f func(entry, value []byte) error) error {
	d := l.due
	if upTo < d.next {
		d.emitted = max(d.emitted, upTo)
		return nil
	}
	var failed error
	var whole []byte
	d.next = math.MaxInt64
	err := l.layers.Scan(d.begin(), []byte{stateByte}, false, false, func(entry, _ []byte) bool {
		if at := int64At(entry[1:]); at > upTo {
			d.next = min(d.next, at)
			return false
		}
		whole = d.whole(l, whole, entry)
		value, ok, err := l.layers.Get(whole)
		if err == nil && ok {
			err = f(whole, value)
		}
		failed = err
		return err == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	d.emitted = upTo
	d.forget()
	l.drop()
	return nil
}

// The state of a timeline in its store: the highest position, the segments'
// length, the last sequence number, and whether there are due entries.

func (l *timeline) save() {
	if l.changed {
		l.layers.Mark(stateKey, l.state())
		l.changed = false
	}
}

func (l *timeline) state() []byte {
	b := appendInt64(appendInt64(l.stateBuf[:0], l.observed), l.interval)
	b = binary.BigEndian.AppendUint32(b, l.sequence)
	indexed := byte(0)
	if l.due != nil {
		indexed = 1
	}
	l.stateBuf = append(b, indexed)
	return l.stateBuf
}

// load reads the state that an earlier run left, and rearranges the entries if
// the store now keeps them in another way.
func (l *timeline) load() error {
	b, ok, err := l.layers.Peek(stateKey)
	if err != nil || !ok {
		return err
	}
	if len(b) != 21 {
		return fmt.Errorf("state: %w", errShort)
	}
	l.observed = int64At(b)
	if l.observed < math.MaxInt64 {
		l.layers.WholeFrom(l.observed + 1)
	}
	interval := int64At(b[8:])
	l.sequence = binary.BigEndian.Uint32(b[16:])
	indexed := b[20] == 1
	if interval == l.interval && indexed == (l.due != nil) {
		return nil
	}
	return l.rearrange()
}

// refresh takes note of what was put into a store that others write.
func (l *timeline) refresh() error {
	if !l.layers.Frozen() {
		return nil
	}
	b, ok, err := l.layers.Peek(stateKey)
	if err == nil && ok && len(b) >= 8 {
		l.observed = int64At(b)
	}
	return err
}

// rearrange puts every entry where it belongs now.
func (l *timeline) rearrange() error {
	l.changed = true
	if l.due == nil {
		l.layers.Expire(dueKey, stateKey)
	}
	var moved []byte
	return l.layers.Scan(nil, dueKey, false, false, func(entry, value []byte) bool {
		if !l.wellFormed(entry) {
			return true
		}
		moved = append(moved[:0], entry...)
		l.setSegment(moved, l.positionOf(entry))
		if !bytes.Equal(moved, entry) {
			value = bytes.Clone(value)
			l.layers.Keep(bytes.Clone(entry), nil)
			l.layers.Keep(moved, value)
		}
		if l.due != nil {
			l.due.restored(l, moved, false)
		}
		return true
	})
}

// restored follows an entry that was restored or deleted by the changelog.
func (l *timeline) restored(entry []byte, deleted bool) {
	if l.due != nil {
		l.due.restored(l, entry, deleted)
	}
	if at := l.positionOf(entry); at > l.observed {
		l.observe(at)
		l.layers.Keep(stateKey, l.state())
	}
}

// numbered takes note of the sequence number of an entry that was restored.
func (l *timeline) numbered(entry []byte) {
	n := binary.BigEndian.Uint32(entry[len(entry)-4:])
	if n > l.sequence && n <= math.MaxInt32 {
		l.sequence = n
		l.layers.Keep(stateKey, l.state())
	}
}
