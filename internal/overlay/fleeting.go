package overlay

import "slices"

// An entry by time that is put and deleted again between two commits was there for
// the task only. Sessions that grow leave such ones behind with each record. They
// leave at once, and neither the changelog nor the engine hears of them.

// fleeting says whether nobody has to know of an entry that was deleted. The
// newest time of all has to reach the changelog, from which a store that is
// restored knows it.
func (s *Store) fleeting(e *entry) bool {
	if s.told || e.known || s.tail == 0 || e == s.latest {
		return false
	}
	at, ok := timeIn(s, e.key)
	return ok && at >= s.unread && !s.hides(e)
}

// listed takes note of the time of an entry that is new in a group.
func (s *Store) listed(e *entry, at int64) {
	if at > s.latestAt {
		s.latest, s.latestAt = e, at
	}
}

// undo removes a fleeting entry. Its group stays, as another one of its key often
// follows.
func (s *Store) undo(e *entry) {
	s.pending -= len(e.key) + entryOverhead + int(e.cur.n)
	e.dirty = false
	e.setHeaders(nil)
	s.unlist(e)
	s.removed(e)
	if s.undone++; s.undone > max(len(s.dirty)/2, 64) {
		s.dirty = slices.DeleteFunc(s.dirty, func(e *entry) bool { return !e.dirty })
		s.undone = 0
	}
}
