package overlay

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ottla-streams/ottla/state/engine"
)

// ErrGone is returned by reads of a view whose task has given up its engine.
var ErrGone = errors.New("store has moved or was closed")

// Base is the snapshot of an engine that views lie over. It is shared: each
// user holds it, and the last one to release it closes it. The engine's owner
// ends it at once with End: reads return ErrGone from then on.
type Base struct {
	mu    sync.RWMutex // held while the snapshot is read, and by End
	snap  engine.Snapshot
	ended bool
	users atomic.Int64
}

// NewBase returns a Base that its caller holds.
func NewBase(s engine.Snapshot) *Base {
	b := &Base{snap: s}
	b.users.Store(1)
	return b
}

// Hold adds a user. The caller must know of one that has not released it.
func (b *Base) Hold() { b.users.Add(1) }

// Release ends the use by one user.
func (b *Base) Release() error {
	if b.users.Add(-1) == 0 {
		return b.End()
	}
	return nil
}

// End closes the snapshot, when the reads under way are done: they are short.
func (b *Base) End() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil
	}
	b.ended = true
	return b.snap.Close()
}

// Get reads a key with the prefix of its store.
func (b *Base) Get(dst, key []byte) ([]byte, bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ended {
		return dst, false, ErrGone
	}
	return b.snap.Get(dst, key)
}

const chunkBytes = 256 << 10

// chunks iterates over a snapshot that may end meanwhile. It reads some entries
// at a time, so that nobody waits for a slow reader.
type chunks struct {
	b       *Base
	lo, hi  []byte
	reverse bool
	keys    [][]byte
	values  [][]byte
	at      int
	size    int
	done    bool
	err     error
}

func (b *Base) scan(lo, hi []byte, reverse bool) *chunks {
	return &chunks{b: b, lo: lo, hi: hi, reverse: reverse, at: -1, size: 4}
}

func (c *chunks) Next() bool {
	c.at++
	if c.at == len(c.keys) && !c.done && c.err == nil {
		c.fill()
	}
	return c.at < len(c.keys)
}

func (c *chunks) Key() []byte   { return c.keys[c.at] }
func (c *chunks) Value() []byte { return c.values[c.at] }
func (c *chunks) Close() error  { return c.err }

// fill reads the next chunk: a small one at first, since many reads want one
// entry only.
func (c *chunks) fill() {
	if n := len(c.keys); n > 0 {
		if c.reverse {
			c.hi = append([]byte{}, c.keys[n-1]...)
		} else {
			c.lo = append(append([]byte{}, c.keys[n-1]...), 0)
		}
	}
	c.keys, c.values, c.at = c.keys[:0], c.values[:0], 0
	c.b.mu.RLock()
	defer c.b.mu.RUnlock()
	if c.b.ended {
		c.err = ErrGone
		return
	}
	it, err := c.b.snap.Scan(c.lo, c.hi, c.reverse)
	if err != nil {
		c.err = err
		return
	}
	bytes := 0
	for len(c.keys) < c.size && bytes < chunkBytes {
		if !it.Next() {
			c.done = true
			break
		}
		c.keys = append(c.keys, append([]byte{}, it.Key()...))
		c.values = append(c.values, append([]byte{}, it.Value()...))
		bytes += len(it.Key()) + len(it.Value())
	}
	c.size = min(4*c.size, 256)
	c.err = it.Close()
}

// Ended says whether the snapshot is closed.
func (b *Base) Ended() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ended
}
