package overlay

import (
	"bytes"
	"slices"

	"github.com/ottla-streams/ottla/state/engine"
)

// Changes calls f with the changelog record of each entry written since the
// last commit, the last write of each. The record is valid during the call.
func (s *Store) Changes(f func(r *Record) error) error {
	var r Record
	if s.keyBuf == nil {
		s.keyBuf = []byte{} // an empty key is no null
	}
	s.told = true
	for _, e := range s.dirty {
		if e.silent || !e.dirty {
			continue
		}
		r = Record{Time: e.time, Headers: e.headers()}
		value := e.cur.bytes()
		if e.curDel {
			value = nil
		}
		s.keyBuf = append(s.keyBuf[:0], e.key...)
		s.layout.ToLog(&r, s.keyBuf, value)
		if err := f(&r); err != nil {
			return err
		}
	}
	for _, l := range s.logged {
		r = Record{Time: l.time, Headers: l.headers}
		s.layout.ToLog(&r, l.key, l.value)
		if err := f(&r); err != nil {
			return err
		}
	}
	return nil
}

// AtCommit registers what marks the last entries of a commit. They are not
// logged: it runs when the commit succeeded.
func (s *Store) AtCommit(f func()) { s.finish = f }

// Commit makes the uncommitted writes committed ones.
func (s *Store) Commit() {
	if s.finish != nil {
		s.finish()
	}
	for i, e := range s.dirty {
		if s.dirty[i] = nil; !e.dirty {
			continue
		}
		e.cur, e.com = e.com, e.cur
		e.lentCur, e.lentCom = e.lentCom, e.lentCur
		e.comDel, e.known, e.dirty = e.curDel, true, false
		s.owe(e)
		e.setHeaders(nil)
		if s.settle(e) && len(s.expire) > 0 && s.tail > 0 && s.expired(e) {
			s.late = append(s.late, e)
		}
	}
	s.dropExpired()
	s.dirty, s.undone, s.pending, s.logged, s.told = s.dirty[:0], 0, 0, nil, false
	if s.bytes > max(2*s.tidied, tidyFrom) {
		s.Tidy()
	}
	if s.times != nil {
		if s.timesUsed--; s.timesUsed < 0 {
			s.times = nil
		}
	}
	if s.base == nil {
		s.expire = s.expire[:0]
	}
}

// settle shows an entry that was committed. It returns false if it removed it: of
// a delete that hides nothing below nobody has to know.
func (s *Store) settle(e *entry) (stays bool) {
	if e.comDel && !s.hides(e) {
		s.remove(e)
		return false
	}
	if s.shown != nil {
		s.show(e)
	}
	return true
}

func (s *Store) owe(e *entry) {
	if !e.owed {
		e.owed = true
		s.owed++
	}
}

// Abort drops the uncommitted writes.
func (s *Store) Abort() {
	for i, e := range s.dirty {
		if s.dirty[i] = nil; !e.dirty {
			continue
		}
		e.dirty = false
		e.setHeaders(nil)
		if !e.known {
			s.remove(e)
		}
	}
	s.dirty, s.undone, s.pending, s.expire, s.logged, s.told = s.dirty[:0], 0, 0, s.expire[:0], nil, false
	s.latest, s.latestAt = nil, always // it may be gone with them
}

// Expire drops the keys in [lo, hi) when the commit succeeds, without a trace
// in the changelog: its own retention does the same there. Until the engine has
// dropped them too they may be read again.
func (s *Store) Expire(lo, hi []byte) {
	timed := bytes.Compare(lo, otherKey) < 0 // else there is nothing to look for in groups
	for i, r := range s.expire {
		if bytes.Equal(r[0], lo) {
			if bytes.Compare(r[1], hi) < 0 {
				s.expire[i][1] = append([]byte(nil), hi...)
				s.expireMore = s.expireMore || timed
			}
			return
		}
	}
	s.expireMore = s.expireMore || timed
	s.expire = append(s.expire, [2][]byte{append([]byte(nil), lo...), append([]byte(nil), hi...)})
}

// Owed says whether the engine lacks committed writes.
func (s *Store) Owed() bool { return s.owed > 0 || len(s.expire) > 0 }

// WriteOut puts the committed entries that the engine lacks into b.
// It must be followed by Written when b was applied.
func (s *Store) WriteOut(b engine.Batch) {
	for _, r := range s.expire {
		b.DeleteRange(append(append([]byte(nil), s.prefix...), r[0]...), append(append([]byte(nil), s.prefix...), r[1]...))
	}
	for _, e := range s.inOrder() {
		s.keyBuf = append(append(s.keyBuf[:0], s.prefix...), e.key...)
		if e.comDel {
			b.Delete(s.keyBuf)
		} else {
			b.Set(s.keyBuf, e.com.bytes())
		}
	}
}

// inOrder returns the entries that the engine lacks in order of their keys, which
// the engine takes with less work. Where a group's head begins with another
// one's, their entries are not mixed as they should be.
func (s *Store) inOrder() []*entry {
	owed := make([]*entry, 0, s.owed)
	take := func(e *entry) {
		if e.owed && !s.outdated(e) {
			owed = append(owed, e)
		}
	}
	s.groupsInOrder(take)
	if s.order != nil {
		s.order.Scan(func(i item) bool {
			take(i.e)
			return true
		})
		return owed
	}
	items := make([]item, 0, s.owed)
	s.entries.each(func(k *keyed) {
		if e := entryAt(k); e.owed {
			items = append(items, itemOf(e))
		}
	})
	slices.SortFunc(items, item.compare)
	for _, i := range items {
		take(i.e)
	}
	return owed
}

// Written says that the engine has what WriteOut gave it. base is that engine.
// With drop the committed entries leave memory, but for those of the newest
// times after KeepNewest: about half.
func (s *Store) Written(base engine.Reader, drop bool) {
	s.setBase(base)
	s.owed, s.expire = 0, s.expire[:0]
	from := always
	if drop {
		if from = never; s.tail > 0 {
			from = max(s.newest(), s.whole)
			s.whole = from
		}
	}
	if from == never && len(s.dirty) == 0 {
		s.clear()
		return
	}
	keep := func(e *entry) bool {
		e.owed = false
		stays := !e.comDel && (!drop || s.stays(e, from)) && !s.outdated(e)
		e.written = stays
		if !stays && e.dirty {
			s.forget(e)
		}
		return stays || e.dirty
	}
	if drop && len(s.dirty) == 0 {
		s.clearPlain()
	}
	s.entries.keep(func(k *keyed) bool {
		e := entryAt(k)
		if keep(e) {
			return true
		}
		s.takenOut(e)
		return false
	})
	if s.tail > 0 {
		s.keepGrouped(keep)
	}
	s.tidied = min(s.tidied, s.bytes)
}

// clearPlain drops the entries without a time.
func (s *Store) clearPlain() {
	s.entries.each(func(k *keyed) {
		e := entryAt(k)
		e.owed = false // it was written
		s.removed(e)
	})
	s.entries.clear()
	if s.order != nil {
		s.order.Clear()
	}
}

// clear drops all entries.
func (s *Store) clear() {
	s.entries.clear()
	s.groups.clear()
	s.last, s.lastGroup, s.times, s.inGroups, s.bytes = nil, nil, nil, 0, 0
	if s.order != nil {
		s.order.Clear()
	}
	if s.shown != nil {
		s.shown.Clear()
	}
}

// forget drops the committed side of an entry that has an uncommitted one.
func (s *Store) forget(e *entry) {
	s.bytes -= int(e.com.room)
	e.com, e.known, e.comDel, e.lentCom = bytesRef{}, false, false, false
	s.unshow(e)
}

// dropExpired drops what lies in the ranges of Expire. They stay until the engine
// has dropped them too, and late entries may come.
func (s *Store) dropExpired() {
	for _, r := range s.expire {
		if s.tail == 0 || bytes.Compare(r[1], otherKey) > 0 {
			s.dropMemory(r[0], r[1])
		}
	}
	if s.tail == 0 || !s.expireMore {
		for _, e := range s.late {
			s.remove(e)
		}
	} else {
		s.keepGrouped(func(e *entry) bool { return !s.expired(e) })
	}
	clear(s.late)
	s.late, s.expireMore = s.late[:0], false
}

// expired says whether an entry lies in a range of Expire.
func (s *Store) expired(e *entry) bool {
	for _, r := range s.expire {
		if e.key >= string(r[0]) && e.key < string(r[1]) {
			return grouped(s, e.key)
		}
	}
	return false
}

func (s *Store) dropMemory(lo, hi []byte) {
	s.ensureOrder()
	for first, ok := s.order.Min(); ok && first.e.key >= string(lo) && first.e.key < string(hi); first, ok = s.order.Min() {
		s.remove(first.e)
	}
	var gone []*entry
	s.order.Ascend(itemOf(&entry{key: string(lo)}), func(i item) bool {
		if i.e.key >= string(hi) {
			return false
		}
		gone = append(gone, i.e)
		return true
	})
	for _, e := range gone {
		s.remove(e)
	}
}

// Restore takes a changelog record into the committed layer.
func (s *Store) Restore(r *Record) (key, value []byte, ok bool) {
	key, value, ok = s.layout.FromLog(r)
	if !ok {
		return nil, nil, false
	}
	s.Keep(key, value)
	return key, value, true
}

// Keep puts an entry into the committed layer: what a store derives from its
// restored entries, or finds to be in the wrong place when it is opened. It is
// not logged. A nil value deletes.
func (s *Store) Keep(key, value []byte) {
	e := s.find(key)
	if e == nil {
		e = s.insert(key, len(value))
	}
	s.bytes -= int(e.com.room)
	e.known, e.comDel = true, value == nil
	s.owe(e)
	if e.lentCom {
		e.com, e.lentCom = bytesRef{}, false
	}
	e.com.set(value)
	s.bytes += int(e.com.room)
	s.settle(e)
}
