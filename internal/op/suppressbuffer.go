package op

import (
	"bytes"
	"cmp"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// SuppressBuffer holds the last update of each key in the order in which the
// keys were buffered. The updates lie in the store's layers; the order is made
// of them when the store is restored. It belongs to the task's worker goroutine.
type SuppressBuffer struct {
	layers *overlay.Store
	order  *btree.BTreeG[buffered]
	bytes  int
	value  []byte

	restoring map[string]restored // until start
}

// restored is what is known of a key while the buffer is restored.
type restored struct {
	at    int64
	size  int
	prior []byte // of a format that does not have it
}

type buffered struct {
	at  int64
	key string
}

// DefineSuppressBuffer makes st the store of a suppress buffer.
func DefineSuppressBuffer(st *graph.Store) {
	st.Kind, st.InMemory, st.Layout = graph.BufferStore, true, bufferLayout{}
	st.Open = func(o graph.Opening) (any, error) { return newSuppressBuffer(o.Layers), nil }
	st.OnRestore = func(store any, key, value []byte, r *overlay.Record) {
		store.(*SuppressBuffer).restored(key, value, r)
	}
}

func newSuppressBuffer(layers *overlay.Store) *SuppressBuffer {
	less := func(a, b buffered) bool { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) < 0 }
	return &SuppressBuffer{
		layers: layers, order: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}), restoring: make(map[string]restored),
	}
}

// Len returns the number of keys.
func (s *SuppressBuffer) Len() int { return s.order.Len() }

// Bytes returns what the updates count for the limit of the buffer.
func (s *SuppressBuffer) Bytes() int { return s.bytes }

// MinTime returns the least buffer time. ok is false for an empty buffer.
func (s *SuppressBuffer) MinTime() (at int64, ok bool) {
	b, ok := s.order.Min()
	return b.at, ok
}

// find returns the update of a key. It is valid until the next write.
func (s *SuppressBuffer) find(key []byte) (b Buffered, ok bool, err error) {
	raw, ok, err := s.layers.Peek(key)
	if err != nil || !ok {
		return b, false, err
	}
	b, err = ParseBuffered(raw)
	return b, err == nil, err
}

// put buffers an update. One of a key that is there already takes its place,
// with the same buffer time and prior row.
func (s *SuppressBuffer) put(key []byte, b *Buffered, time int64) error {
	was, ok, err := s.find(key)
	if err != nil {
		return err
	}
	b.Prior = b.Old
	if ok {
		b.Prior, b.At = was.Prior, was.At
		s.bytes -= was.Size(key)
	} else {
		s.order.Set(buffered{b.At, string(key)})
	}
	s.bytes += b.Size(key)
	s.value = b.Append(s.value[:0])
	s.layers.Put(key, s.value, time, nil)
	s.tell()
	return nil
}

// tell lets the counts know how much is held.
func (s *SuppressBuffer) tell() {
	c := s.layers.Count()
	c.Buffer, c.BufferRecords, c.BufferBytes = true, int64(s.order.Len()), int64(s.bytes)
}

// first returns the key that was buffered first and its update, which is valid
// until the next write.
func (s *SuppressBuffer) first() (key []byte, b Buffered, err error) {
	f, _ := s.order.Min()
	key = []byte(f.key)
	b, ok, err := s.find(key)
	if err == nil && !ok {
		err = errBuffered
	}
	return key, b, err
}

// remove removes the key that was buffered first.
func (s *SuppressBuffer) remove(key []byte, size int, time int64) {
	s.order.PopMin()
	s.bytes -= size
	s.layers.Delete(key, time, nil)
	s.layers.Count().Emits++
	s.tell()
}

// restored takes note of an entry that came from the changelog. In the formats
// that don't have the prior row it is that of the first update of the key.
func (s *SuppressBuffer) restored(key, value []byte, r *overlay.Record) {
	if value == nil {
		delete(s.restoring, string(key))
		return
	}
	b, err := ParseBuffered(value)
	if err != nil {
		return // the layout does not let it through
	}
	entry := restored{at: b.At}
	if bufferFormat(r.Headers) < 2 {
		if was, ok := s.restoring[string(key)]; ok {
			b.Prior = was.prior
			s.layers.Restore(&overlay.Record{Key: key, Value: b.Append(nil), Headers: bufferVersion})
		}
		entry.prior = bytes.Clone(b.Prior)
	}
	entry.size = b.Size(key)
	s.restoring[string(key)] = entry
}

// Start puts what was restored in order.
func (s *SuppressBuffer) Start() {
	for key, r := range s.restoring {
		s.order.Set(buffered{r.at, key})
		s.bytes += r.size
	}
	s.restoring = nil
	s.tell()
}
