// Package overlay is the three layers of a store: what this commit interval
// wrote, over what earlier commits left in memory, over the engine.
//
// There are only a few types: [Store] holds the layers of one store, [Record]
// is an entry as the changelog has it, and a [Layout] turns one into the other.
// A write reaches the committed layer when the commit succeeded and the engine
// later, in one batch with the changelog's position.
//
// A Store belongs to one task's worker goroutine.
package overlay

import (
	"time"

	"github.com/tidwall/btree"

	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state/engine"
)

// Record is an entry as the changelog has it. A nil Value deletes.
type Record struct {
	Key, Value []byte
	Time       int64
	Headers    serde.Headers
}

// ProducerTime as the time of a Record leaves it to the producer's clock.
const ProducerTime int64 = -1 << 63

// Layout turns entries into changelog records and back. It has no state that
// depends on the records.
type Layout interface {
	// ToLog sets the key and value of r, and the time and headers where the
	// entry knows them better than the write: r has those of the write. A nil
	// value is a delete. What it sets may alias its arguments; it may write to
	// key.
	ToLog(r *Record, key, value []byte)

	// FromLog returns the entry of r; a nil value deletes. ok is false when r
	// holds none. The results may alias r.
	FromLog(r *Record) (key, value []byte, ok bool)
}

// Store is the layers of one store.
type Store struct {
	layout  Layout
	prefix  []byte
	base    engine.Reader // nil until there is something below
	lender  Lender        // base, if it is one
	entries table
	last    *entry              // found last, as most writes follow a read of the key
	order   *btree.BTreeG[item] // nil until a range was read
	dirty   []*entry
	bytes   int // of all entries, about
	pending int // of the uncommitted ones, about
	owed    int // committed entries that the engine lacks
	keyBuf  []byte
	baseBuf []byte
	expire  [][2][]byte // ranges to drop when the commit succeeded
	logged  []logged    // for the changelog only
	finish  func()      // see AtCommit
	idle    *scan       // of no range read
	count   *measure.Store
	tail    int   // of the keys, from their times on; 0 if they have none, or none stay
	whole   int64 // entries of this time and later ones are in memory if there are any
	unread  int64 // nobody reads entries of times before
	tidied  int   // bytes, when those left last

	// Of entries that need not be told, see fleeting.
	latest   *entry // the one of the newest time that was told or will be
	latestAt int64  // its time
	undone   int    // of dirty, that are none any more
	told     bool   // the changelog has heard of some that are not committed

	// Of entries with times, which are not among the others.
	groups    table  // none if none stay
	inGroups  int    // entries
	lastGroup *group // found last
	times     *btree.BTreeG[item]
	timesUsed int // commits until times goes

	expireMore bool     // expire grew since the last commit
	late       []*entry // committed into a range that has expired

	shown  *btree.BTreeG[shown] // the committed layer for other goroutines, see Publish
	frozen bool

	asked     bool   // what Warm brings near are groups
	askedHead []byte // of their keys
	sum       uint64 // keeps what Warm reads from being left out
}

// New returns an empty store. prefix comes before each key in the engine.
func New(layout Layout, prefix []byte, ordered bool) *Store {
	s := &Store{layout: layout, prefix: prefix, count: new(measure.Store), whole: always, unread: always, latestAt: always}
	if ordered {
		s.ensureOrder()
	}
	return s
}

// SetBase sets what lies below, where there may be entries of any time. It is
// nil for a store without an engine.
func (s *Store) SetBase(r engine.Reader) {
	s.setBase(r)
	if s.whole = always; r != nil {
		s.whole = never
	}
}

func (s *Store) setBase(r engine.Reader) {
	s.base = r
	s.lender, _ = r.(Lender)
}

// Lender is a Reader that gives out values without a copy. They stay as they are
// and must not be written.
type Lender interface {
	Lend(key []byte) (value []byte, ok bool, err error)
}

// CountIn sets where reads and writes are counted. Count returns it.
func (s *Store) CountIn(c *measure.Store) { s.count = c }

// Count returns where reads and writes are counted.
func (s *Store) Count() *measure.Store { return s.count }

// Len returns the number of entries of the two upper layers.
func (s *Store) Len() int { return s.entries.n + s.inGroups }

// Based says whether something lies below.
func (s *Store) Based() bool { return s.base != nil }

// Bytes returns the size of the two upper layers, about, and of that the
// uncommitted one's.
func (s *Store) Bytes() (all, uncommitted int) { return s.bytes, s.pending }

// Dirty returns the number of entries changed since the last commit.
func (s *Store) Dirty() int { return len(s.dirty) - s.undone + len(s.logged) }

// Get returns the value of key as the task sees it: uncommitted writes first.
// The value stays as it is as long as the caller likes.
func (s *Store) Get(key []byte) (value []byte, ok bool, err error) {
	value, ok, err = s.peek(key, true)
	return value, ok, err
}

// Peek is Get for a reader that is done with the value before the next write:
// the value's memory may be used again.
func (s *Store) Peek(key []byte) (value []byte, ok bool, err error) {
	return s.peek(key, false)
}

func (s *Store) peek(key []byte, lend bool) ([]byte, bool, error) {
	s.count.Gets++
	if e := s.entry(key); e != nil {
		if e.dirty {
			e.lentCur = e.lentCur || lend
			return e.cur.bytes(), !e.curDel, nil
		}
		if e.known {
			e.lentCom = e.lentCom || lend
			return e.com.bytes(), !e.comDel, nil
		}
	}
	if !s.unknown(key) {
		return nil, false, nil
	}
	dst := s.baseBuf[:0]
	if lend {
		if s.lender != nil {
			return s.lender.Lend(s.baseKey(key))
		}
		dst = nil
	}
	v, ok, err := s.read(dst, s.baseKey(key))
	if !lend && v != nil {
		s.baseBuf = v
	}
	return v, ok, err
}

// read reads the engine.
func (s *Store) read(dst, key []byte) ([]byte, bool, error) {
	s.count.EngineReads++
	if !s.count.Timed {
		return s.base.Get(dst, key)
	}
	began := time.Now()
	v, ok, err := s.base.Get(dst, key)
	s.count.Read.Observe(time.Since(began).Microseconds())
	return v, ok, err
}

// entry returns the entry of key, nil if there is none.
func (s *Store) entry(key []byte) *entry {
	if s.last != nil && s.last.key == string(key) {
		return s.last
	}
	e := s.find(key)
	if e != nil {
		s.last = e
	}
	return e
}

func (s *Store) find(key []byte) *entry {
	if grouped(s, key) {
		return s.findGrouped(key)
	}
	return entryAt(s.entries.find(key))
}

func (s *Store) baseKey(key []byte) []byte {
	s.keyBuf = append(append(s.keyBuf[:0], s.prefix...), key...)
	return s.keyBuf
}

// Put sets key to value, which are copied. time and headers are those of the
// record that caused the write, for the changelog.
func (s *Store) Put(key, value []byte, time int64, headers serde.Headers) {
	s.count.Puts++
	e := s.touch(key, len(value))
	s.bytes -= int(e.cur.room)
	s.pending -= int(e.cur.n)
	if e.lentCur {
		e.cur, e.lentCur = bytesRef{}, false
	}
	e.cur.set(value)
	s.bytes += int(e.cur.room)
	s.pending += len(value)
	e.curDel, e.silent, e.time = false, false, time
	e.setHeaders(headers)
}

// Mark is Put without a trace in the changelog.
func (s *Store) Mark(key, value []byte) {
	s.Put(key, value, 0, nil)
	s.entry(key).silent = true
}

// Delete removes key.
func (s *Store) Delete(key []byte, time int64, headers serde.Headers) {
	s.count.Deletes++
	e := s.touch(key, 0)
	if s.fleeting(e) {
		s.undo(e)
		return
	}
	e.curDel, e.silent, e.time = true, false, time
	e.setHeaders(headers)
}

// Drop removes key without a trace in the changelog.
func (s *Store) Drop(key []byte) {
	e := s.touch(key, 0)
	e.curDel, e.silent = true, true
	e.setHeaders(nil)
}

// logged is an entry that goes to the changelog and is not kept.
type logged struct {
	key, value []byte
	time       int64
	headers    serde.Headers
}

// Log writes an entry to the changelog at the next commit, and only there.
func (s *Store) Log(key, value []byte, time int64, headers serde.Headers) {
	s.logged = append(s.logged, logged{append([]byte(nil), key...), append([]byte(nil), value...), time, headers})
	s.pending += len(key) + len(value)
}

// touch returns the entry of key, marked as changed. A new one has room for n bytes.
func (s *Store) touch(key []byte, n int) *entry {
	e := s.entry(key)
	if e == nil {
		e = s.insert(key, n)
		s.last = e
	}
	if !e.dirty {
		e.dirty, e.cur.n = true, 0
		s.dirty = append(s.dirty, e)
		s.pending += len(key) + entryOverhead
	}
	return e
}

func (s *Store) insert(key []byte, n int) *entry {
	e := newEntry(key, n)
	s.bytes += len(key) + entryOverhead + int(e.cur.room+e.com.room)
	if grouped(s, key) {
		s.insertGrouped(e, key)
		return e
	}
	s.entries.set(&e.keyed)
	if s.order != nil {
		s.order.Set(itemOf(e))
	}
	return e
}

func (s *Store) remove(e *entry) {
	if grouped(s, e.key) {
		s.removeGrouped(e)
		s.removed(e)
		return
	}
	s.entries.remove(&e.keyed)
	s.takenOut(e)
}

// takenOut takes note that an entry is not among those without a time any more.
func (s *Store) takenOut(e *entry) {
	if s.order != nil {
		if first, _ := s.order.Min(); first.e == e {
			s.order.PopMin() // as most that leave by time
		} else {
			s.order.Delete(itemOf(e))
		}
	}
	s.removed(e)
}

// removed takes note that an entry is none of the store's any more.
func (s *Store) removed(e *entry) {
	if s.last == e {
		s.last = nil
	}
	if e.owed {
		e.owed = false
		s.owed--
	}
	s.bytes -= len(e.key) + entryOverhead + int(e.cur.room+e.com.room)
	s.unshow(e)
}

// each calls f with every entry, in no order. f may not remove any.
func (s *Store) each(f func(e *entry)) {
	s.entries.each(func(k *keyed) { f(entryAt(k)) })
	s.groups.each(func(k *keyed) {
		for _, i := range groupAt(k).list {
			f(i.e)
		}
	})
}

func (s *Store) ensureOrder() {
	if s.order != nil {
		return
	}
	s.order = newOrder()
	s.entries.each(func(k *keyed) { s.order.Set(itemOf(entryAt(k))) })
}

func newOrder() *btree.BTreeG[item] {
	return btree.NewBTreeGOptions(item.less, btree.Options{NoLocks: true})
}
