package overlay

// A look-up among many entries is little but waiting for memory, several times
// in turn. Who knows what will be asked for soon can let the waits of several
// look-ups pass at once.

// WarmKeys is how many keys Warm takes.
const WarmKeys = 16

// warmFrom is how many entries or groups a store has that the processor's caches
// hold with much else.
const warmFrom = 2048

// Asked says whether the last look-up that found something was of key, or of
// an entry with a time that belongs to it.
func (s *Store) Asked(key []byte) bool {
	if s.last != nil && s.last.key == string(key) {
		s.asked = false
		return true
	}
	if s.lastGroup == nil || len(key) == 0 || len(s.lastGroup.key) <= len(key) {
		return false
	}
	if i := len(s.lastGroup.key) - len(key); s.lastGroup.key[i:] == string(key) {
		s.asked, s.askedHead = true, append(s.askedHead[:0], s.lastGroup.key[:i]...)
		return true
	}
	return false
}

// Warm brings near what look-ups of keys will want, of which the store was asked
// for one like them, see Asked. It changes nothing else.
func (s *Store) Warm(keys [][]byte) {
	t := &s.entries
	if s.asked {
		t = &s.groups
	}
	if t.n < warmFrom {
		return
	}
	keys = keys[:min(len(keys), WarmKeys)]
	var hashes [WarmKeys]uint64
	sum, mask := uint64(0), uint64(len(t.slots)-1)
	for i, k := range keys {
		if s.asked {
			s.keyBuf = append(append(s.keyBuf[:0], s.askedHead...), k...)
			k = s.keyBuf
		}
		hashes[i] = hashOf(k)
		sum += t.slots[hashes[i]&mask].hash // nothing depends on it, so that nobody waits
	}
	var found [WarmKeys]*keyed
	for i := range keys {
		found[i] = t.likely(hashes[i])
	}
	if s.asked {
		sum += warmGroups(found[:len(keys)])
	} else {
		sum += warmEntries(found[:len(keys)])
	}
	s.sum = sum
}

// likely returns what has the hash.
func (t *table) likely(h uint64) *keyed {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; t.slots[i].at != nil; i = (i + 1) & mask {
		if t.slots[i].hash == h {
			return t.slots[i].at
		}
	}
	return nil
}

func warmEntries(found []*keyed) (sum uint64) {
	for _, k := range found {
		if e := entryAt(k); e != nil {
			sum += uint64(len(e.key)) + uint64(e.time)
		}
	}
	return sum
}

func warmGroups(found []*keyed) (sum uint64) {
	for _, k := range found {
		if k != nil {
			sum += uint64(len(k.key)) + uint64(len(groupAt(k).list))
		}
	}
	var last [WarmKeys]*entry
	for i, k := range found {
		if k == nil {
			continue
		}
		g := groupAt(k)
		sum += uint64(g.key[0])
		if n := len(g.list); n > 0 {
			last[i] = g.list[n-1].e
		}
	}
	for _, e := range last {
		if e != nil {
			sum += uint64(len(e.key)) + uint64(e.time)
		}
	}
	return sum
}
