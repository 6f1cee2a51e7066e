package collect

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
)

const (
	slabRecords = 128
	slabBytes   = 16 << 10
	slabHeaders = 64
	spareSlabs  = 256
)

// slab is memory for some records and what they refer to. It is used again when
// all of its records were acknowledged, and left to the garbage collector if one
// was refused: the client may be at it still.
type slab struct {
	entries [slabRecords]entry
	used    int // of the emitting goroutine
	waits   atomic.Int32
	bytes   []byte // of a fixed capacity
	headers []kgo.RecordHeader
}

// entry is a record in flight and where it came from. The record carries the
// origin as its context, so that an acknowledgement finds it.
type entry struct {
	record kgo.Record
	origin origin
}

// origin is a context for what the client makes of that. It may look there later
// than it acknowledges, so that Context and slab are never written again.
type origin struct {
	context.Context
	slab      *slab
	cause     *flow.Origin
	changelog bool
}

// originKey finds the origin in the context of a record that a hook of the
// user, or a trace, has put its own context around.
type originKey struct{}

func (o *origin) Value(key any) any {
	if _, ok := key.(originKey); ok {
		return o
	}
	return o.Context.Value(key)
}

func originOf(r *kgo.Record) *origin {
	if o, ok := r.Context.(*origin); ok {
		return o
	}
	return r.Context.Value(originKey{}).(*origin)
}

// slabs are the spare ones. Who acknowledges puts, who emits takes.
type slabs struct {
	mu    sync.Mutex
	spare []*slab
}

func (s *slabs) take(ctx context.Context) *slab {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return b
	}
	b := &slab{bytes: make([]byte, 0, slabBytes), headers: make([]kgo.RecordHeader, 0, slabHeaders)}
	for i := range b.entries {
		b.entries[i].origin.Context, b.entries[i].origin.slab = ctx, b
	}
	return b
}

// acknowledged notes that a record of b is done with.
func (s *slabs) acknowledged(b *slab) {
	if b.waits.Add(1) < slabRecords {
		return
	}
	b.waits.Store(0)
	b.used, b.bytes, b.headers = 0, b.bytes[:0], b.headers[:0]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spare) < spareSlabs {
		s.spare = append(s.spare, b)
	}
}

// copy returns a copy of p; nil stays nil and empty stays empty. What does not
// fit gets memory of its own.
func (b *slab) copy(p []byte) []byte {
	n := len(b.bytes)
	switch {
	case p == nil:
		return nil
	case n+len(p) > cap(b.bytes):
		return append([]byte{}, p...)
	}
	b.bytes = append(b.bytes, p...)
	return b.bytes[n:len(b.bytes):len(b.bytes)]
}

// room returns n headers.
func (b *slab) room(n int) []kgo.RecordHeader {
	used := len(b.headers)
	if used+n > cap(b.headers) {
		return make([]kgo.RecordHeader, n)
	}
	b.headers = b.headers[:used+n]
	return b.headers[used : used+n : used+n]
}
