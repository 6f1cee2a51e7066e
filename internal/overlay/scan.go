package overlay

import "github.com/ottla-streams/ottla/state/engine"

// A range read merges two ordered streams: the entries of the upper layers,
// fetched from the tree in small chunks so that writes made while the caller
// iterates don't disturb it, and the engine's iterator. On equal keys the upper
// layers win; their deletes hide the engine's entry.

const chunkSize = 32

// Scan calls yield with the entries in [lo, hi) until it returns false,
// downwards if reverse. A nil hi is the end. Key and value are valid during
// the call unless lend is set, which keeps the value as it is for good. yield
// may write to the store; it may or may not see what it writes.
func (s *Store) Scan(lo, hi []byte, reverse, lend bool, yield func(key, value []byte) bool) (err error) {
	s.ensureOrder()
	up := &upper{s: s, lo: string(lo), hi: string(hi), open: hi == nil, reverse: reverse}
	down, err := s.lower(lo, hi, reverse)
	if err != nil {
		return err
	}
	if down.it != nil {
		defer func() {
			if e := down.it.Close(); err == nil {
				err = e
			}
		}()
	}
	var keyBuf []byte
	for {
		e, base := up.peek(), down.ok
		if e == nil && !base {
			return nil
		}
		if e != nil && base {
			switch c := compareKey(e.key, down.key, reverse); {
			case c == 0:
				down.next()
			case c > 0:
				e = nil
			}
		}
		if e == nil {
			value := down.it.Value()
			if lend {
				value = append([]byte{}, value...)
			}
			keyBuf = append(keyBuf[:0], down.key...)
			if !yield(keyBuf, value) {
				return nil
			}
			down.next()
			continue
		}
		up.pop()
		value, ok := e.value(lend)
		if !ok {
			continue
		}
		keyBuf = append(keyBuf[:0], e.key...)
		if !yield(keyBuf, value) {
			return nil
		}
	}
}

func compareKey(a string, b []byte, reverse bool) int {
	switch {
	case a == string(b):
		return 0
	case (a < string(b)) != reverse:
		return -1
	}
	return 1
}

func (e *entry) value(lend bool) ([]byte, bool) {
	if e.dirty {
		e.lentCur = e.lentCur || lend
		return e.cur, !e.curDel
	}
	e.lentCom = e.lentCom || lend
	return e.com, e.known && !e.comDel
}

// upper walks over the entries of the upper layers.
type upper struct {
	s       *Store
	lo, hi  string
	open    bool // there is no hi
	reverse bool
	chunk   [chunkSize]*entry
	n, at   int
	last    string
	started bool
	done    bool
}

func (u *upper) peek() *entry {
	if u.at == u.n && !u.done {
		u.fill()
	}
	if u.at == u.n {
		return nil
	}
	return u.chunk[u.at]
}

func (u *upper) pop() { u.at++ }

func (u *upper) fill() {
	u.n, u.at = 0, 0
	take := func(e *entry) bool {
		if u.started && e.key == u.last {
			return true
		}
		if u.reverse && e.key < u.lo || !u.reverse && !u.open && e.key >= u.hi {
			u.done = true
			return false
		}
		if u.reverse && !u.open && e.key >= u.hi {
			return true
		}
		u.chunk[u.n] = e
		u.n++
		return u.n < chunkSize
	}
	pivot := &entry{key: u.last}
	switch {
	case !u.reverse && !u.started:
		pivot.key = u.lo
		u.s.order.Ascend(pivot, take)
	case !u.reverse:
		u.s.order.Ascend(pivot, take)
	case u.started:
		u.s.order.Descend(pivot, take)
	case u.open:
		u.s.order.Reverse(take)
	default:
		pivot.key = u.hi
		u.s.order.Descend(pivot, take)
	}
	if u.n < chunkSize {
		u.done = true
	}
	if u.n > 0 {
		u.last, u.started = u.chunk[u.n-1].key, true
	}
}

// lower is the engine's side of a scan.
type lower struct {
	it   engine.Iterator
	skip int
	key  []byte
	ok   bool
}

func (s *Store) lower(lo, hi []byte, reverse bool) (*lower, error) {
	if s.base == nil {
		return &lower{}, nil
	}
	from := append(append([]byte{}, s.prefix...), lo...)
	to := prefixEnd(s.prefix)
	if hi != nil {
		to = append(append([]byte{}, s.prefix...), hi...)
	}
	it, err := s.base.Scan(from, to, reverse)
	if err != nil {
		return nil, err
	}
	l := &lower{it: it, skip: len(s.prefix)}
	l.next()
	return l, nil
}

func (l *lower) next() {
	l.ok = l.it.Next()
	if l.ok {
		l.key = l.it.Key()[l.skip:]
	}
}

// prefixEnd returns the least key above all keys with the prefix, nil if there is none.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// PrefixEnd returns the end of the range of keys with the prefix, nil if it is open.
func PrefixEnd(prefix []byte) []byte { return prefixEnd(prefix) }
