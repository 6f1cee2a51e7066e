package state

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// TTL lets a key expire d after its last update: when stream time, the highest
// timestamp of the records of the task, has come to the time of its value plus
// d. It is then deleted, before the record that moved stream time is processed;
// the delete is in the changelog, and a table tells it to what comes behind. With
// the app's IdleFlush keys also expire by the wall clock, when no records come.
//
// The store has its keys in the order of their times, so that nothing is read
// but what expires. That takes some bytes for each key, in the store and not in
// its changelog. For key-value stores, but for those of global tables. In whole
// milliseconds; the default is to keep keys for good.
func TTL(d time.Duration) Option {
	return func(o *options) {
		o.ttl = d
		if d <= 0 || d%time.Millisecond != 0 {
			o.problems = append(o.problems, "a key has to live for a whole number of milliseconds, at least 1, not "+d.String())
		}
	}
}

// expiry is the keys of a store in the order of their times. An entry is the
// time that a key's value had when it was noted, and the key. A later update
// leaves it as it is: when its turn comes, the value's own time is looked at, and
// the key noted again if that is not over yet. So an update of a key costs no
// more than a look at it.
type expiry[K, V any] struct {
	ttl   int64
	index *overlay.Store
	next  int64 // no entry is older
	buf   []byte
	tell  func(k K, v V, at int64) error // nil for nobody
	gone  []expired                      // of the look under way
	keys  []byte                         // of gone
}

type expired struct {
	at  int64
	key []byte
}

// indexedKey marks an index that has all keys. No time begins with it.
var indexedKey = []byte{0xff}

// openExpiry opens the order of the keys of s. It makes it if keys were put when
// they did not expire.
func openExpiry[K, V any](o graph.Opening, s *KeyValueStore[K, V]) error {
	if o.Index == nil {
		return nil
	}
	x := &expiry[K, V]{ttl: o.Store.TTLMillis, index: o.Index}
	s.expiry = x
	o.Instance.OnTime(o.Store.Nodes[0], s.expire)
	o.Instance.OnIdle(o.Store.Nodes[0], s.expire)
	_, ok, err := x.index.Peek(indexedKey)
	if err != nil || ok {
		return err
	}
	x.index.Keep(indexedKey, []byte{})
	if !o.Layers.Based() {
		return nil
	}
	var failed error
	err = o.Layers.Scan(nil, nil, false, false, func(key, raw []byte) bool {
		var at int64
		if at, failed = s.timeOf(raw); failed == nil {
			x.index.Keep(x.entry(at, key), []byte{})
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// timeOf is the time of a value.
func (s *KeyValueStore[K, V]) timeOf(raw []byte) (at int64, err error) {
	if s.headers {
		var ok bool
		if _, raw, ok = cutSized(raw); !ok {
			return 0, errShort
		}
	}
	at, _, err = cutTime(raw)
	return at, err
}

// entry encodes an entry, which is valid until the next call.
func (x *expiry[K, V]) entry(at int64, key []byte) []byte {
	x.buf = append(appendTime(x.buf[:0], at), key...)
	return x.buf
}

// note takes note of a key that is put with a time. One that is there already
// has an entry, which is no younger than its value.
func (s *KeyValueStore[K, V]) note(key []byte, at int64) error {
	raw, ok, err := s.layers.Peek(key)
	if err != nil {
		return err
	}
	if ok {
		was, err := s.timeOf(raw)
		if err != nil || was <= at {
			return err
		}
	}
	s.expiry.add(at, key)
	return nil
}

func (x *expiry[K, V]) add(at int64, key []byte) {
	x.index.Mark(x.entry(at, key), nil)
	x.next = min(x.next, at)
}

// restored follows an entry of the changelog.
func (s *KeyValueStore[K, V]) restored(key, raw []byte) {
	if s.expiry == nil || raw == nil {
		return
	}
	if at, err := s.timeOf(raw); err == nil {
		s.expiry.index.Keep(s.expiry.entry(at, key), []byte{})
	}
}

// Expires says whether keys expire. It is for operators.
func (s *KeyValueStore[K, V]) Expires() bool { return s.expiry != nil }

// OnExpire lets f be told of each key that expires, with the value it had and
// the time at which it expired. It is for operators.
func (s *KeyValueStore[K, V]) OnExpire(f func(k K, v V, at int64) error) { s.expiry.tell = f }

// expire deletes the keys whose time is over.
func (s *KeyValueStore[K, V]) expire(stream int64) error {
	x := s.expiry
	upTo := stream - x.ttl
	if upTo < x.next || upTo < 0 {
		return nil
	}
	if !s.keyCopies {
		x.keys = nil // who is told may keep them
	}
	if err := x.due(upTo); err != nil {
		return err
	}
	for _, e := range x.gone {
		if err := s.judge(e, upTo, stream); err != nil {
			return err
		}
	}
	clear(x.gone)
	return nil
}

// due takes the entries up to a time out of the index, into gone.
func (x *expiry[K, V]) due(upTo int64) error {
	from := appendTime(nil, x.next)
	x.next, x.gone, x.keys = math.MaxInt64, x.gone[:0], x.keys[:0]
	err := x.index.Scan(from, indexedKey, false, false, func(entry, _ []byte) bool {
		at := int64At(entry)
		if at > upTo {
			x.next = min(x.next, at)
			return false
		}
		n := len(x.keys)
		x.keys = append(x.keys, entry[8:]...)
		x.gone = append(x.gone, expired{at, x.keys[n:len(x.keys):len(x.keys)]})
		return true
	})
	if err != nil {
		x.next = 0
		return err
	}
	for _, e := range x.gone {
		x.index.Drop(x.entry(e.at, e.key))
	}
	return nil
}

// judge deletes a key if its value is as old as its entry told, and notes it
// again if it was updated meanwhile.
func (s *KeyValueStore[K, V]) judge(e expired, upTo, stream int64) error {
	raw, ok, err := s.layers.Get(e.key)
	if err != nil || !ok {
		return err
	}
	at, err := s.timeOf(raw)
	if err != nil {
		return err
	}
	if at > upTo {
		s.expiry.add(at, e.key)
		return nil
	}
	var k K
	var v V
	if s.expiry.tell != nil {
		if k, err = s.key.Decode(e.key); err != nil {
			return fmt.Errorf("key: %w", err)
		}
		if v, at, _, err = s.decode(raw); err != nil {
			return err
		}
	}
	s.layers.Delete(e.key, stream, nil)
	if s.lru != nil {
		s.lru.remove(e.key)
	}
	if s.expiry.tell == nil {
		return nil
	}
	return s.expiry.tell(k, v, at+s.expiry.ttl)
}

// checkTTL notes that only key-value stores have keys that expire.
func (b *base) checkTTL(st *graph.Store) {
	if b.opts.ttl != 0 && st.Kind != graph.KeyValueStore {
		st.Problems = append(st.Problems, "keys expire in key-value stores only, this is a "+strconv.Quote(st.Kind.String())+" store: use its retention")
	}
}
